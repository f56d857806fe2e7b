/**
 * Too much of everything: peers that do not read or send too much, shards that stand still, and a
 * store that goes.
 */
import assert from 'node:assert/strict'
import dns from 'node:dns'
import { renameSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { pino } from 'pino'
import { ManualClock } from '../../src/base/clock.ts'
import { creditBytesMax, intakeBytesMax } from '../../src/base/limits.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import { cartsFile, connect, readHttp, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { RawPeer } from '../helpers/raw-peer.ts'

const at = Date.UTC(2026, 2, 1, 12)
const order = { user_id: 1, store: 'a', at, amount: 1 }

function command(text: string, fillerBytes = 0, cart = 'c1') {
  return { cart, at, command: text, filler: 'x'.repeat(fillerBytes) }
}

/** A batch so large that four are within the credit of a connection, and five are not. */
const batch = Array.from({ length: 64 }, () => encode(command('count', 60_000)))
const batchBytes = 64 * 60_000

/** Numbers of `GET /v1/status`. */
async function statusOf({ url }: Millrace) {
  const status = await (await fetch(`${url}/v1/status`)).json()
  return status as { unacknowledgedBytes: number; routed: { events: number } }
}

/** A daemon whose only shard thread stands still until the returned function is called. */
async function startHeld(t: TestContext) {
  let gate = ''
  const letGo = (): Promise<void> => writeFile(gate, '')
  // However the test ends, the thread must; hooks run in the order in which they are set.
  t.after(() => letGo().catch(() => {}))
  gate = join(await temporaryDir(t), 'gate')
  const daemon = await startDaemon(t, { features: cartsFile, clock: new ManualClock(at) })
  return { daemon, hold: command(`wait ${gate}`), letGo }
}

test('a peer that reads nothing holds up nobody else', async (t) => {
  const daemon = await startDaemon(t, { clock: new ManualClock(at) })
  const { peer: deaf } = await RawPeer.open(t, daemon.url, 'deaf')
  deaf.tcp.pause()
  const keys = Array.from({ length: 10_000 }, (_, user_id) => ({ user_id }))
  for (let n = 0; n < 8; n++) {
    deaf.send(10, n, 'user_orders', keys)
    deaf.publish('orders', n, [order])
  }
  const client = connect(t, daemon.url)
  for (let n = 0; n < 20; n++) {
    assert.equal((await client.publish('orders', { ...order, user_id: 2 })).accepted, 1)
  }
  const [row] = await readHttp(daemon.url, 'user_orders', { user_id: 2 })
  assert.equal(row!.values['orders_30d'], '20')
  // It gets everything once it reads.
  deaf.tcp.resume()
  const kinds = new Map<number, number>()
  for (let upTo = -1; upTo < 7 || kinds.get(11) !== 8;) {
    const [type, ...fields] = await deaf.frames.next()
    kinds.set(type, (kinds.get(type) ?? 0) + 1)
    if (type === 4) upTo = Number(fields[0])
  }
})

test('a peer beyond its credit is closed, and what was taken counts', async (t) => {
  const { daemon, hold, letGo } = await startHeld(t)
  const { peer, welcome } = await RawPeer.open(t, daemon.url, 'greedy')
  peer.publish('commands', 0, [hold])
  for (let n = 0; n < 6; n++) peer.publish('commands', 1 + n * batch.length, batch)
  assert.equal(await peer.closed, 4429)
  await letGo()
  const again = await RawPeer.open(t, daemon.url, 'greedy', welcome.epoch)
  // The batch that went beyond the credit is tolerated, the next is not.
  const taken = 1 + 5 * batch.length
  assert.ok(4 * batchBytes < creditBytesMax && 5 * batchBytes > creditBytesMax)
  again.peer.publish('commands', taken - 1, [batch[0], batch[0]])
  assert.equal((await again.peer.acked(taken)).duplicates, 1)
  const [row] = await readHttp(daemon.url, 'command_counts', { cart: 'c1' })
  assert.equal(row!.values['commands_1h'], String(taken + 1))
})

test('when too much is unfinished, who holds more than a share waits; others do not', async (t) => {
  const { daemon, hold, letGo } = await startHeld(t)
  const peers = await Promise.all(
    Array.from({ length: 6 }, async (_, n) => (await RawPeer.open(t, daemon.url, `p${n}`)).peer),
  )
  peers[0]!.publish('commands', 0, [hold])
  for (const [n, peer] of peers.entries()) {
    for (let b = 0; b < 4; b++) {
      peer.publish('commands', (n === 0 ? 1 : 0) + b * batch.length, batch)
    }
  }
  const sentBytes = peers.length * 4 * batchBytes
  assert.ok(sentBytes > intakeBytesMax + peers.length * batchBytes)
  let { unacknowledgedBytes: bytes } = await statusOf(daemon)
  while (bytes < intakeBytesMax) bytes = (await statusOf(daemon)).unacknowledgedBytes
  // A newcomer is welcomed and its event taken; who only reads is answered, if only by a refusal.
  const { peer: modest } = await RawPeer.open(t, daemon.url, 'modest')
  const { routed: before } = await statusOf(daemon)
  modest.publish('commands', 0, [command('count')])
  const { peer: reader } = await RawPeer.open(t, daemon.url, null)
  reader.send(10, 1, 'nothing', [{}])
  assert.deepEqual((await reader.next(12))[1], 'FEATURES_UNKNOWN')
  while ((await statusOf(daemon)).routed.events <= before.events);
  // A socket may hand over what it had read when it was stopped: a batch or so, which counts as it
  // came and as it was copied for its one route.
  for (let n = 0; n < 10; n++) bytes = (await statusOf(daemon)).unacknowledgedBytes
  assert.ok(bytes <= intakeBytesMax + peers.length * 2 * 1.5 * batchBytes, `${bytes} bytes`)
  await letGo()
  await Promise.all(peers.map((peer, n) => peer.acked(4 * batch.length - (n === 0 ? 0 : 1))))
  assert.equal((await modest.acked(0)).upTo, 0)
  assert.equal((await statusOf(daemon)).unacknowledgedBytes, 0)
})

test('a store that goes while the doors open fails the start, which ends all', async (t) => {
  const dataDir = await temporaryDir(t)
  const journal = join(dataDir, 'journal')
  const same = { features: cartsFile, dataDir, clock: new ManualClock(at) }
  const daemon = await startDaemon(t, same)
  await daemon.ingest('commands', command('count'))
  await daemon.close()
  // The doors wait for the address of their host, which comes when the daemon has noticed.
  let found = (): void => {}
  const lookup = t.mock.method(dns, 'lookup', (...asked: unknown[]) => {
    const answer = asked.at(-1) as (error: null, address: string, family: number) => void
    found = () => answer(null, '127.0.0.1', 4)
    renameSync(journal, `${journal}.aside`)
  })
  let said = ''
  const write = (line: string): void => {
    said += line
    if (line.includes('STORE_GONE')) found()
  }
  const host = 'millrace.test'
  const address = { address: '127.0.0.1', family: 4 }
  t.mock.method(dns.promises, 'lookup', () => Promise.resolve(address))
  const failing = startDaemon(t, { ...same, host, log: pino({}, { write }) })
  await assert.rejects(failing, { code: 'STORE_GONE' })
  assert.equal(lookup.mock.callCount(), 1)
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)![0]
  await assert.rejects(fetch(url))
  lookup.mock.restore()
  renameSync(`${journal}.aside`, journal)
  const again = await startDaemon(t, same)
  const { values } = await again.get('command_counts', { cart: 'c1' })
  assert.deepEqual(values, { commands_1h: 1n })
})
