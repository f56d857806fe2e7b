/**
 * `docs/reference/protocol.md` against the daemon, with peers that know nothing else: what comes
 * twice counts once, what is wrong is answered as documented, and what is right counts.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { ManualClock } from '../../src/base/clock.ts'
import { errorTable } from '../../src/base/errors.ts'
import { eventBytesMax, frameBytesMax } from '../../src/base/limits.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import { readHttp, startDaemon } from '../helpers/daemons.ts'
import { RawPeer } from '../helpers/raw-peer.ts'
import { produce } from '../helpers/standalone-producer.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)

/** A good order of user 1. */
const order = { user_id: 1, store: 'a', at: noonMs - 1000, amount: 1 }
const good = encode(order)

async function start(t: TestContext): Promise<Millrace> {
  return startDaemon(t, { clock: new ManualClock(noonMs) })
}

/** Orders of a user that count; 0 when the user is unseen. */
async function counted({ url }: Millrace, user_id = 1): Promise<number> {
  const [row] = await readHttp(url, 'user_orders', { user_id })
  return Number(row!.values['orders_30d'] ?? 0)
}

/** Events that the daemon has taken in. */
async function routed({ url }: Millrace): Promise<number> {
  const status = (await (await fetch(`${url}/v1/status`)).json()) as { routed: { events: number } }
  return status.routed.events
}

test('a producer of thirty lines publishes to the daemon', async (t) => {
  const daemon = await start(t)
  const events = Array.from({ length: 1234 }, (_, n) => ({ ...order, user_id: n % 2 }))
  const wrong = { ...order, store: 5 }
  const url = `${daemon.url.replace('http', 'ws')}/v1/stream`
  const { upTo, rejects } = await produce(url, 'p', 'orders', [...events, wrong])
  assert.equal(upTo, 1234)
  assert.deepEqual(
    rejects.map((reject) => reject.slice(0, 3)),
    [[1234, 'EVENT_FIELD_TYPE', '/store']],
  )
  assert.equal(await counted(daemon), 617)
})

test('a batch whose acknowledgement is lost counts once when it is sent again', async (t) => {
  const daemon = await start(t)
  const first = await RawPeer.open(t, daemon.url, 'p')
  const { epoch, lastSeq } = first.welcome
  assert.equal(lastSeq, -1)
  // The network loses what the server says from here on, then breaks.
  const { tcp } = first.peer
  tcp.pause()
  first.peer.publish('orders', 0, [good, good, good])
  while ((await routed(daemon)) < 3);
  tcp.resetAndDestroy()
  for (let attempt = 0; attempt < 3; attempt++) {
    const { peer, welcome } = await RawPeer.open(t, daemon.url, 'p', epoch)
    assert.equal(welcome.epoch, epoch)
    assert.ok(welcome.lastSeq === -1 || welcome.lastSeq === 2)
    peer.publish('orders', 0, [good, good, good])
    assert.equal((await peer.acked(2)).upTo, 2)
    peer.tcp.resetAndDestroy()
  }
  assert.equal(await counted(daemon), 3)
})

test('of a batch that overlaps what came before, the new part is taken', async (t) => {
  const daemon = await start(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  peer.publish('orders', 0, [good, good])
  await peer.acked(1)
  peer.publish('orders', 0, [good, good, good, encode({ ...order, store: 1 }), good])
  const ack = await peer.acked(4)
  assert.equal(ack.duplicates, 2)
  assert.deepEqual(ack.rejects, [[3, 'EVENT_FIELD_TYPE', '/store']])
  // Several at once, before the first is acknowledged.
  for (let n = 5; n < 9; n++) peer.publish('orders', n - 2, [good, good, good])
  assert.equal((await peer.acked(8)).upTo, 8)
  assert.equal(await counted(daemon), 8)
})

test('another event under a sequence that was taken closes the connection', async (t) => {
  const daemon = await start(t)
  const { peer, welcome } = await RawPeer.open(t, daemon.url, 'p')
  const events = (...users: number[]) => users.map((user_id) => encode({ ...order, user_id }))
  peer.publish('orders', 0, events(1, 2))
  peer.publish('orders', 2, events(3))
  await peer.acked(2)
  const repeats: [sequence: number, events: readonly unknown[], close: number | null][] = [
    [0, events(1, 2), null],
    [0, events(1, 2, 3, 4), null],
    [2, events(3, 4), null],
    [0, events(2, 1), errorTable.SEQUENCE_REUSED.close],
    [2, events(7), errorTable.SEQUENCE_REUSED.close],
    [0, events(1, 2, 7, 4, 5), errorTable.SEQUENCE_REUSED.close],
  ]
  for (const [sequence, sent, close] of repeats) {
    const again = await RawPeer.open(t, daemon.url, 'p', welcome.epoch)
    again.peer.publish('orders', sequence, sent)
    if (close === null) await again.peer.acked(sequence + sent.length - 1)
    else assert.equal(await again.peer.closed, close)
  }
  const counts = await Promise.all([1, 2, 3, 4, 5, 7].map((user) => counted(daemon, user)))
  assert.deepEqual(counts, [1, 1, 1, 1, 0, 0])
})

test('a gap is refused whole, and for good the third time', async (t) => {
  const daemon = await start(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  peer.publish('orders', 2, [good])
  assert.deepEqual((await peer.next(5)).slice(0, 4), [2, 'SEQUENCE_GAP', 'sequence 2 follows 0', 0])
  peer.publish('orders', 0, [good])
  await peer.acked(0)
  for (let n = 0; n < 3; n++) peer.publish('orders', 5, [good])
  assert.equal(await peer.closed, 4410)
  assert.equal(await counted(daemon), 1)
})

test('a newer session fences the older one, and an older epoch is refused', async (t) => {
  const daemon = await start(t)
  const old = await RawPeer.open(t, daemon.url, 'p')
  old.peer.publish('orders', 0, [good])
  const resumed = await RawPeer.open(t, daemon.url, 'p', old.welcome.epoch)
  assert.equal(await old.peer.closed, 4409)
  const fresh = await RawPeer.open(t, daemon.url, 'p')
  assert.equal(await resumed.peer.closed, 4409)
  assert.equal(fresh.welcome.epoch, old.welcome.epoch + 1)
  assert.equal(fresh.welcome.lastSeq, -1)
  for (const [epoch, code] of [
    [old.welcome.epoch, '4409'],
    [fresh.welcome.epoch + 1, '4400'],
  ] as const) {
    await assert.rejects(RawPeer.open(t, daemon.url, 'p', epoch), { message: code })
  }
  fresh.peer.publish('orders', 0, [good])
  await fresh.peer.acked(0)
  assert.equal(await counted(daemon), 2)
})

/** Every way in which one event is wrong: what it is, its code and path. */
const wrong: readonly (readonly [what: string, event: unknown, code: string, path: string])[] = [
  ['no store', { user_id: 1, at: noonMs, amount: 1 }, 'EVENT_FIELD_MISSING', '/store'],
  ['a number for text', { ...order, store: 5 }, 'EVENT_FIELD_TYPE', '/store'],
  ['text for a number', { ...order, amount: 'much' }, 'EVENT_FIELD_TYPE', '/amount'],
  [
    'an integer too large',
    { ...order, amount: '9223372036854775808' },
    'EVENT_FIELD_RANGE',
    '/amount',
  ],
  ['a field too many', { ...order, extra: 1 }, 'EVENT_FIELD_UNKNOWN', '/extra'],
  ['no time', { ...order, at: 'yesterday' }, 'EVENT_TIME', '/at'],
  ['a time after 2200', { ...order, at: '2300-01-01T00:00:00Z' }, 'EVENT_TIME', '/at'],
  ['a time to come', { ...order, at: noonMs + 301_000 }, 'EVENT_IN_FUTURE', '/at'],
  ['a key that is null', { ...order, user_id: null }, 'EVENT_FIELD_TYPE', '/user_id'],
  ['not a map', 7, 'EVENT_DECODE', ''],
  ['nothing', new Uint8Array(0), 'EVENT_DECODE', ''],
  ['a reserved byte', Uint8Array.of(0xc1), 'EVENT_DECODE', ''],
  ['a cut map', good.subarray(0, good.length - 1), 'EVENT_DECODE', ''],
  ['bytes behind the map', Uint8Array.of(...good, 0xc0), 'EVENT_DECODE', ''],
  ['a map that promises 4 billion', Uint8Array.of(0xdf, 255, 255, 255, 255), 'EVENT_DECODE', ''],
  ['arrays in arrays', Uint8Array.from({ length: 5000 }, () => 0x91), 'EVENT_DECODE', ''],
  ['text that is too long', { ...order, store: 'x'.repeat(eventBytesMax) }, 'EVENT_TOO_LARGE', ''],
]

test('a wrong event is answered for itself, and the good ones around it count', async (t) => {
  const daemon = await start(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  const events = wrong.flatMap(([, event]) => [good, event])
  peer.publish('orders', 0, events)
  const { rejects } = await peer.acked(events.length - 1)
  assert.deepEqual(
    wrong.map(([what], n) => {
      const [, code, path] = rejects.find(([sequence]) => sequence === 2 * n + 1) ?? []
      return [what, code, path]
    }),
    wrong.map(([what, , code, path]) => [what, code, path]),
  )
  assert.equal(rejects.length, wrong.length)
  assert.equal(await counted(daemon), wrong.length)
})

test('an event is too late when no view can take it, and counts in one that can', async (t) => {
  const daemon = await start(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  const days = (n: number) => encode({ ...order, at: noonMs - n * 86_400_000 })
  // The wall-clock views reach back 30 days; the other one began no later than its first event.
  peer.publish('orders', 0, [days(20), good, days(40), days(20), good])
  const { rejects } = await peer.acked(4)
  assert.deepEqual(rejects, [[2, 'EVENT_TOO_LATE', '/at']])
  assert.equal(await counted(daemon), 4)
})

test('an event without a key for one view counts in the views that need another', async (t) => {
  const daemon = await start(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  peer.publish('orders', 0, [{ ...order, store: '' }, good, { ...order, store: 'x'.repeat(1025) }])
  const { rejects } = await peer.acked(2)
  assert.deepEqual(rejects, [
    [0, 'EVENT_KEY', '/store'],
    [2, 'EVENT_KEY', '/store'],
  ])
  assert.equal(await counted(daemon), 3)
  const [row] = await readHttp(daemon.url, 'store_orders', { store: 'a' })
  assert.equal(row!.values['orders_1h'], '1')
})

test('a source that does not exist rejects its events, not the connection', async (t) => {
  const daemon = await start(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  peer.publish('orders', 0, [good])
  peer.publish('oders', 1, [good, good])
  peer.publish('orders', 3, [good])
  const { rejects } = await peer.acked(3)
  assert.deepEqual(rejects, [
    [1, 'SOURCE_UNKNOWN', ''],
    [2, 'SOURCE_UNKNOWN', ''],
  ])
  assert.equal(await counted(daemon), 2)
})

test('a frame that cannot be understood closes its connection, and no other', async (t) => {
  const daemon = await start(t)
  const { peer: bystander } = await RawPeer.open(t, daemon.url, 'bystander')
  const cases: [what: (peer: RawPeer) => void, close: number | null][] = [
    [(peer) => peer.socket.send('text'), errorTable.FRAME_TEXT.close],
    [(peer) => peer.socket.send(Buffer.alloc(frameBytesMax + 1)), 1009],
    [(peer) => peer.send(99), errorTable.FRAME_INVALID.close],
    [(peer) => peer.send(3, 'orders', 0, [7]), errorTable.FRAME_INVALID.close],
    [(peer) => peer.send(3, 'orders', 0, []), errorTable.FRAME_INVALID.close],
    [(peer) => peer.send(3, 'orders', -1, [good]), errorTable.SEQUENCE_RANGE.close],
    [
      (peer) =>
        peer.publish(
          'orders',
          0,
          Array.from({ length: 10_001 }, () => good),
        ),
      errorTable.BATCH_TOO_LARGE.close,
    ],
  ]
  for (const [n, [send, close]] of cases.entries()) {
    const { peer } = await RawPeer.open(t, daemon.url, `p${n}`)
    send(peer)
    assert.equal(await peer.closed, close)
  }
  bystander.publish('orders', 0, [good])
  await bystander.acked(0)
  assert.equal(await counted(daemon), 1)
})

test('whatever bytes an event has, it is answered and the daemon goes on', async (t) => {
  const daemon = await start(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  /** A good event with some of its bytes changed, and any bytes at all. */
  const changed = fc
    .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 })
    .map((changes) => {
      const bytes = Uint8Array.from(good)
      for (const [at, byte] of changes) bytes[at] = byte
      return bytes
    })
  const events = fc.sample(fc.oneof(changed, fc.uint8Array({ maxLength: 40 })), {
    seed: 42,
    numRuns: 3000,
  })
  for (let n = 0; n < events.length; n += 500) peer.publish('orders', n, events.slice(n, n + 500))
  const { rejects } = await peer.acked(events.length - 1)
  assert.ok(rejects.length > 1000 && rejects.length < events.length)
  peer.publish('orders', events.length, [encode({ ...order, user_id: 77 })])
  await peer.acked(events.length)
  assert.equal(await counted(daemon, 77), 1)
})
