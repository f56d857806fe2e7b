/**
 * Peers that are slow with one message, or with what they are sent: real sockets, and looks at them
 * when the test says so.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { frameFragmentsMax, messageTimeoutMs, sendBufferBytesMax } from '../../src/base/limits.ts'
import * as protocol from '../../src/wire/protocol.ts'
import { Client, serve } from '../helpers/door.ts'

const lookMs = 5000
const patient = { heartbeatMs: 3 * lookMs, helloTimeoutMs: 1e9 }

/** The head of a binary frame from a client, whose mask changes nothing. */
function head(length: number, opcode = 0x82): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt8(opcode, 0)
  bytes.writeUInt8(0x80 | 126, 1)
  bytes.writeUInt16BE(length, 2)
  return bytes
}

/** Answers one FLUSH: what was written before it has been read. */
async function flush(client: Client, token: number): Promise<void> {
  client.socket.send(protocol.encodeFlush(token))
  assert.equal((await client.next()).kind, 'flushed')
}

/** So many looks at every peer, between which pongs come. */
async function look(
  scheduler: { advance(ms: number): void },
  looks: number,
  alive: Client,
): Promise<void> {
  for (let n = 0; n < looks; n++) {
    scheduler.advance(lookMs)
    await flush(alive, n)
  }
}

test('half a message, and pongs, are waited for, and not for ever', async (t) => {
  const { url, scheduler, door } = await serve(t, patient)
  const slow = await Client.open(url, null)
  const alive = await Client.open(url, null)
  // A first fragment: pongs may come behind it, so the peer gives signs of life.
  slow.write(Buffer.concat([head(200, 0x02), Buffer.alloc(200)]))
  await flush(alive, 0)
  const looks = messageTimeoutMs / lookMs
  for (let n = 0; n < looks - 1; n++) {
    await look(scheduler, 1, alive)
    const pong = once(slow.socket, 'pong')
    slow.socket.ping()
    slow.socket.pong()
    await pong
  }
  assert.equal(slow.socket.readyState, slow.socket.OPEN)
  await look(scheduler, 1, alive)
  const { code, reason } = await slow.closed
  assert.equal(code, 4408)
  assert.match(reason, /^MESSAGE_TIMEOUT: /)
  assert.equal(door.closes.get('MESSAGE_TIMEOUT'), 1)
})

test('a frame that has only begun is given as long', async (t) => {
  const { url, scheduler } = await serve(t, patient)
  const slow = await Client.open(url, null)
  const alive = await Client.open(url, null)
  slow.write(head(1000))
  await flush(alive, 0)
  await look(scheduler, messageTimeoutMs / lookMs, alive)
  assert.equal((await slow.closed).code, 4408)
})

test('one slow message after the other is no reason to be cut', async (t) => {
  const { url, scheduler } = await serve(t, patient)
  // A pong would be written into the middle of a frame.
  const slow = await Client.open(url, null, { autoPong: false })
  const alive = await Client.open(url, null)
  const frame = Buffer.concat([head(3), protocol.encodeFlush(1)])
  assert.equal(frame.length, 8 + 3)
  slow.write(frame.subarray(0, 9))
  for (let n = 0; n < 10; n++) {
    await look(scheduler, 3, alive)
    // The rest of one, and the beginning of the next.
    slow.write(Buffer.concat([frame.subarray(9), frame.subarray(0, 9)]))
    assert.equal((await slow.next()).kind, 'flushed')
  }
  assert.equal(slow.socket.readyState, slow.socket.OPEN)
})

test('a message in too many fragments ends the connection, empty ones counted', async (t) => {
  const { url, door } = await serve(t, patient)
  const client = await Client.open(url, null)
  const fragments = Array.from({ length: frameFragmentsMax + 1 }, (_, n) => head(0, n ? 0 : 2))
  client.write(Buffer.concat(fragments))
  assert.equal((await client.closed).code, 1008)
  assert.equal(door.closes.get('WS_ERR_TOO_MANY_BUFFERED_PARTS'), 1)
})

test('a peer that takes nothing of what it asked for is cut before its heartbeat is', async (t) => {
  const { url, scheduler, door, read } = await serve(t, patient)
  // More than the kernel keeps for either side, and the bound.
  const wide = 'x'.repeat(4 * sendBufferBytesMax)
  const row = { values: [wide], states: ['present'], newestNs: [0n], edgeNs: [0n] } as const
  const types = [{ kind: 'String', nullable: true }] as const
  read.table = { names: ['a'], types, rows: [row] }
  const deaf = await Client.open(url, null)
  const alive = await Client.open(url, null)
  deaf.tcp.pause()
  deaf.socket.send(protocol.encodeRead(1, 'user_clicks', []))
  while (read.reads.length === 0) await new Promise(setImmediate)
  await look(scheduler, 3, alive)
  assert.equal(door.closes.get('OVERLOADED'), 1)
})

test('many peers that stand still are gone in time, and nobody else is disturbed', async (t) => {
  const { url, scheduler, door, ingest, read } = await serve(t, patient)
  ingest.acknowledgesAtOnce = true
  const wide = 'x'.repeat(4 * sendBufferBytesMax)
  const row = { values: [wide], states: ['present'], newestNs: [0n], edgeNs: [0n] } as const
  const types = [{ kind: 'String', nullable: true }] as const
  read.table = { names: ['a'], types, rows: [row] }
  const alive = await Client.open(url, 'alive')
  const open = (count: number): Promise<Client[]> =>
    Promise.all(Array.from({ length: count }, () => Client.open(url, null)))
  const [writers, readers] = [await open(40), await open(10)]
  for (const writer of writers) writer.write(head(1000))
  for (const reader of readers) {
    reader.tcp.pause()
    reader.socket.send(protocol.encodeRead(1, 'user_clicks', []))
  }
  while (read.reads.length < readers.length) await new Promise(setImmediate)
  for (let n = 0; n <= messageTimeoutMs / lookMs; n++) {
    scheduler.advance(lookMs)
    alive.publish(n)
    const ack = await alive.next()
    assert.ok(ack.kind === 'ack' && ack.upTo === n)
  }
  for (const { code } of await Promise.all(writers.map(({ closed }) => closed))) {
    assert.equal(code, 4408)
  }
  assert.deepEqual(Object.fromEntries(door.closes), { OVERLOADED: 10, MESSAGE_TIMEOUT: 40 })
  for (const reader of readers) reader.socket.terminate()
  while (door.connections > 1) await new Promise(setImmediate)
})
