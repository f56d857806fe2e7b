/**
 * Shard threads that die of an event, of memory or of anything else: others go on, another thread
 * takes the place of the dead one, and what was sent counts once.
 */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { laneDeathsMax } from '../../src/base/limits.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import { cartsFile, connect, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { Served } from '../helpers/served.ts'

const at = Date.UTC(2026, 2, 1, 12)
const carts = Array.from({ length: 16 }, (_, n) => `c${n}`)

function command(text: string, cart = 'c0') {
  return { cart, at, command: text, filler: '' }
}

function start(t: TestContext, dataDir: string): Promise<Millrace> {
  const clock = new ManualClock(at)
  return startDaemon(t, { features: cartsFile, dataDir, threads: 2, clock })
}

/** How many commands of each cart have been counted. */
async function countsOf(daemon: Millrace): Promise<unknown[]> {
  const keys = carts.map((cart) => ({ cart }))
  const vectors = await daemon.get('command_counts', keys)
  return vectors.map(({ values }) => values['commands_1h'])
}

async function statusOf({ http }: Millrace) {
  const { body } = await http.inject('/v1/status')
  return JSON.parse(body) as { threads: { deaths: number; rebuilt: number; quarantined: number } }
}

async function ledgerOf({ http }: Millrace): Promise<readonly [number, string][]> {
  const { body } = await http.inject('/v1/ledger')
  const { entries } = JSON.parse(body) as { entries: { sequence: number; code: string }[] }
  return entries.map(({ sequence, code }) => [sequence, code])
}

const one = carts.map(() => 1n)

test('an event that ends its thread is left out, told, and counts when mended', async (t) => {
  const dataDir = await temporaryDir(t)
  const mended = join(await temporaryDir(t), 'mended')
  const daemon = await start(t, dataDir)
  const all = carts.map((cart) => command('count', cart))
  await daemon.ingest('commands', all.slice(0, 8))
  const poison = command(`exit unless ${mended}`)
  const { rejected } = await daemon.ingest('commands', [...all.slice(8), poison])
  assert.deepEqual(
    rejected.map(({ index, code }) => [index, code]),
    [[8, 'EVENT_POISON']],
  )
  assert.deepEqual(await countsOf(daemon), one)
  assert.deepEqual((await statusOf(daemon)).threads, { deaths: 3, rebuilt: 3, quarantined: 1 })
  assert.deepEqual(await ledgerOf(daemon), [[16, 'EVENT_POISON']])
  await daemon.close()
  const again = await start(t, dataDir)
  assert.deepEqual(await countsOf(again), one)
  assert.equal((await statusOf(again)).threads.deaths, 0)
  assert.deepEqual(await ledgerOf(again), [[16, 'EVENT_POISON']])
  await writeFile(mended, '')
  const replay = { method: 'POST' as const, url: '/v1/ledger/replay', payload: {} }
  assert.equal((await again.http.inject(replay)).statusCode, 200)
  assert.deepEqual(await countsOf(again), [2n, ...one.slice(1)])
})

test('a request of which a check ends its thread is known the third time', async (t) => {
  const daemon = await start(t, await temporaryDir(t))
  await daemon.ingest('commands', command('count'))
  const check = async (text: string): Promise<readonly [number, string | undefined]> => {
    const url = '/v1/events/commands?dryRun=true'
    const payload = [command('count'), command(text)]
    const { statusCode, body } = await daemon.http.inject({ method: 'POST', url, payload })
    return [statusCode, /"code":"(\w+)"/.exec(body)?.[1]]
  }
  const live = async (): Promise<void> => {
    while ((await statusOf(daemon)).threads.rebuilt < (await statusOf(daemon)).threads.deaths) {
      await turn()
    }
  }
  assert.deepEqual(await check('exit'), [503, 'SHARD_REBUILDING'])
  await live()
  assert.deepEqual(await check('exit'), [400, 'EVENT_POISON'])
  assert.deepEqual(await check('exit'), [400, 'EVENT_POISON'])
  await live()
  assert.deepEqual(await check('count'), [200, undefined])
  assert.deepEqual((await statusOf(daemon)).threads, { deaths: 2, rebuilt: 2, quarantined: 0 })
  assert.deepEqual(await countsOf(daemon), [1n, ...carts.slice(1).map(() => null)])
  assert.deepEqual(await ledgerOf(daemon), [])
})

test('while a thread is rebuilt, its keys are refused and others are served', async (t) => {
  const daemon = await start(t, await temporaryDir(t))
  const dying = daemon.ingest('commands', command('exit'))
  const refused = new Set<string>()
  const served = new Set<string>()
  const state = { isOver: false }
  void dying.finally(() => (state.isOver = true))
  while (!state.isOver) {
    for (const cart of carts) {
      const payload = { keys: [{ cart }] }
      const url = '/v1/features/command_counts'
      const { statusCode, headers, body } = await daemon.http.inject({
        method: 'POST',
        url,
        payload,
      })
      if (statusCode === 200) served.add(cart)
      else {
        assert.deepEqual([statusCode, headers['retry-after']], [503, '1'])
        assert.match(body, /SHARD_REBUILDING/)
        refused.add(cart)
      }
    }
  }
  const others = carts.filter((cart) => !refused.has(cart))
  assert.ok(refused.has('c0') && refused.size < carts.length)
  assert.ok(others.every((cart) => served.has(cart)))
})

test('a start that dies of an event finds it, too', async (t) => {
  const dataDir = await temporaryDir(t)
  const fine = join(await temporaryDir(t), 'fine')
  await writeFile(fine, '')
  const daemon = await start(t, dataDir)
  const events = carts.map((cart) => command('count', cart))
  await daemon.ingest('commands', [...events, command(`exit unless ${fine}`)])
  assert.deepEqual(await countsOf(daemon), [2n, ...one.slice(1)])
  await daemon.close()
  await rm(fine)
  const again = await start(t, dataDir)
  assert.deepEqual(await countsOf(again), one)
  assert.deepEqual(await ledgerOf(again), [[16, 'EVENT_POISON']])
  assert.equal((await statusOf(again)).threads.quarantined, 1)
})

test('a drain and a close do not mind that a thread is being rebuilt', async (t) => {
  for (const end of ['drain', 'close'] as const) {
    const dataDir = await temporaryDir(t)
    const daemon = await start(t, dataDir)
    await daemon.ingest(
      'commands',
      carts.map((cart) => command('count', cart)),
    )
    const client = connect(t, daemon.url, 'p')
    void client.publish('commands', command('exit')).catch(() => {})
    while ((await statusOf(daemon)).threads.deaths === 0) await turn()
    await daemon[end]()
    await client.close().catch(() => {})
    const again = await start(t, dataDir)
    assert.deepEqual(await countsOf(again), one, end)
    assert.deepEqual(await ledgerOf(again), [[0, 'EVENT_POISON']], end)
  }
})

test('a thread that dies too often ends the daemon; the next start goes on', async (t) => {
  const dataDir = await temporaryDir(t)
  const daemon = await start(t, dataDir)
  // The first of a message takes three deaths, each other two.
  const poisons = Array.from({ length: laneDeathsMax / 2 }, () => command('exit'))
  const sent = daemon.ingest('commands', [
    ...carts.map((cart) => command('count', cart)),
    ...poisons,
  ])
  await assert.rejects(sent, { code: 'SHARD_FAILED' })
  await assert.rejects(daemon.closed, { code: 'SHARD_FAILED' })
  await assert.rejects(daemon.drain(), { code: 'SHARD_FAILED' })
  const again = await start(t, dataDir)
  assert.deepEqual(await countsOf(again), one)
  assert.equal((await ledgerOf(again)).length, poisons.length)
  assert.equal((await statusOf(again)).threads.quarantined, 1)
})

test('an event that takes all memory is left out', async (t) => {
  const wrap = ['env', 'NODE_OPTIONS=--max-old-space-size=96']
  const served = new Served({ features: cartsFile, dataDir: await temporaryDir(t), port: 0, wrap })
  t.after(() => served.kill())
  const client = connect(t, await served.url)
  const events = ['count', 'memory', 'count'].map((text) => command(text))
  const { rejected } = await client.publish('commands', events)
  assert.deepEqual(
    rejected
      .map(({ index, code }) => [index, code])
      .filter(([, code]) => code !== 'EVENT_TOO_LATE'),
    [[1, 'EVENT_POISON']],
  )
  await client.close()
  const { exitCode, said } = await served.kill('SIGTERM')
  assert.equal(exitCode, 0, said)
})
