/**
 * The peers of the benches: what their generators send, and that a wrong one is found out.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { Decoder } from '@msgpack/msgpack'
import { checkTotals, type Totals } from '../../bench/peers/check.ts'
import { createArrayFrames, unmasked, type Impression } from '../../bench/peers/frames.ts'
import { runLoop } from '../../bench/peers/loop.ts'
import { perSecond, withWorkload } from '../../bench/peers/options.ts'
import { startHello } from '../../bench/peers/hello.ts'
import { runHttpLoad } from '../../bench/peers/http-load.ts'
import { noRates, ratiosOf } from '../../bench/peers/rates.ts'
import { measureRedis } from '../../bench/peers/redis.ts'
import { hasRedis, noRedis } from '../../bench/peers/redis-process.ts'
import { RespClient } from '../../bench/peers/resp.ts'
import { sentTo } from '../../bench/sent.ts'
import { createImpressions, userId } from '../../bench/workload.ts'
import { createMessage } from '../../src/load/message.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const events = { keys: 50, zipf: 0, frameEvents: 20, seed: 3 }

test('a frame of a peer has the events of the workload, in msgpack and in JSON', () => {
  const workload = createImpressions(events)
  const timeMs = Date.UTC(2030, 0, 1) + 7
  const frameOf = (format: 'msgpack' | 'json'): Uint8Array => {
    const frames = createArrayFrames(workload, format)
    const message = createMessage(frames.messageBytesMax)
    return unmasked(message, frames.write(message, 900, 0, timeMs))
  }
  const decoded = new Decoder().decode(frameOf('msgpack')) as Impression[]
  const parsed = JSON.parse(Buffer.from(frameOf('json')).toString()) as Impression[]
  assert.equal(decoded.length, events.frameEvents)
  const frames = createArrayFrames(workload, 'json')
  for (const [index, event] of decoded.entries()) {
    assert.equal(event.user_id, userId(workload.keyOf(900, index)))
    assert.equal(event.amount, frames.valueOf('amount', 900, index))
    assert.equal(event.country, frames.valueOf('country', 900, index))
    assert.equal(Number(event.timestamp), timeMs)
    assert.deepEqual(parsed[index], { ...event, timestamp: timeMs })
  }
})

test('a peer that has counted wrongly is found out', () => {
  const workload = createImpressions(events)
  const sample = sentTo(events.keys, workload, [5, 6, 7])
  const right = sample.map(({ count, sum, min, max, latest }): Totals | null =>
    count === 0 ? null : { count, sum, min, max, last: latest },
  )
  checkTotals('it', sample, right)
  const counted = right.findIndex((totals) => totals !== null)
  for (const name of ['count', 'sum', 'min', 'max', 'last'] as const) {
    const wrong = right.with(counted, { ...right[counted]!, [name]: -1 })
    assert.throws(() => checkTotals('it', sample, wrong), new RegExp(`it: ${name} of user-`))
  }
  assert.throws(() => checkTotals('it', sample, right.with(counted, null)), /count of user-/)
  assert.throws(() => checkTotals('it', [], []), /nothing can be compared/)
})

test('a loop keeps every lane busy, and does not count what is not measured', async () => {
  const busy = new Set<number>()
  let most = 0
  const start = (_n: number, lane: number, done: () => void): void => {
    assert.ok(!busy.has(lane))
    busy.add(lane)
    most = Math.max(most, busy.size)
    setImmediate(() => {
      busy.delete(lane)
      done()
    })
  }
  const never = new Promise<never>(() => {})
  const options = { lanes: 3, warmupMs: 0, measuredMs: 0, count: 100, start }
  const { measured, measuredMs } = await runLoop(options, never)
  assert.equal(measured, 75)
  assert.ok(measuredMs > 0)
  assert.equal(most, 3)
  assert.equal(busy.size, 0)
  const failed = Promise.reject(new Error('gone'))
  await assert.rejects(runLoop({ ...options, start: () => {} }, failed), /gone/)
})

test('what is not measured has no ratio; of Redis the faster way counts', () => {
  assert.deepEqual(ratiosOf(1000, noRates), {
    ratioToDecode: null,
    ratioToRedis: null,
    ratioToSink: null,
  })
  const rates = { ...noRates, decode: 3000, redisPipeline: 40, redisLua: 50, sink: 2000 }
  assert.deepEqual(ratiosOf(1000, rates), {
    ratioToDecode: 0.333,
    ratioToRedis: 20,
    ratioToSink: 0.5,
  })
  assert.equal(perSecond(30, 1500), 20)
  assert.throws(() => perSecond(0, 1500))
})

test('replies of Redis are understood wherever they are cut; an error ends it', async (t) => {
  const path = join(await temporaryDirectory(t), 'socket')
  const answers = Buffer.from('+OK\r\n:12\r\n*2\r\n$3\r\na\r\n\r\n$-1\r\n$0\r\n\r\n-ERR no\r\n')
  const server = createServer((socket: Socket) => {
    // A byte at a time, each in a turn of its own.
    const write = (at: number): void => {
      if (at < answers.length) socket.write(answers.subarray(at, at + 1), () => write(at + 1))
    }
    socket.setNoDelay(true)
    socket.once('data', () => write(0))
  })
  server.listen(path)
  await once(server, 'listening')
  t.after(() => server.close())
  const client = await RespClient.open(path)
  const replies = [client.call('A'), client.call('B'), client.call('C', 'x'), client.call('D')]
  assert.deepEqual(await Promise.all(replies), ['OK', '12', ['a\r\n', null], ''])
  await assert.rejects(client.call('E'), /ERR no/)
  await assert.rejects(client.failed, /ERR no/)
})

test('an answer over HTTP that is not the expected one fails the load', async (t) => {
  const hello = await startHello()
  t.after(() => hello.stop())
  const load = { url: new URL(hello.url), connections: 2, warmupMs: 0, measuredMs: 1 }
  const answer = '{"hello":"world"}'
  const { requests, measuredMs } = await runHttpLoad({ ...load, answer })
  assert.ok(requests > 0 && measuredMs >= 1)
  await assert.rejects(runHttpLoad({ ...load, answer: '{"hello":"World"}' }), /answers HTTP/)
  const url = new URL('/nothing', hello.url)
  await assert.rejects(runHttpLoad({ ...load, answer, url }), /404/)
})

const skip = hasRedis() ? false : noRedis

test('Redis counts by hand what it was sent, in a pipeline and by a script', { skip }, async () => {
  for (const frameEvents of [20, 1100]) {
    const options = withWorkload({
      impressions: { ...events, frameEvents },
      connections: 1,
      inFlight: 100,
      warmupMs: 0,
      measuredMs: 0,
      events: 8 * frameEvents,
    })
    const rates = await measureRedis(options)
    assert.ok(rates !== null && rates.pipeline > 0 && rates.lua > 0)
  }
})
