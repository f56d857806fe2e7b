import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { encode } from '@msgpack/msgpack'
import { hashBytes } from '../../src/base/hash.ts'
import { eventBytesMax, laneBuffersMax, laneEventsBytesMax } from '../../src/base/limits.ts'
import type { Catalog, Route, Source } from '../../src/model/catalog.ts'
import { encodeKey } from '../../src/model/key.ts'
import { shardOf } from '../../src/model/partition.ts'
import type { Field, ScalarKind } from '../../src/model/types.ts'
import { createRouter, noRoute, type Router, type RouterOptions } from '../../src/route/router.ts'
import { HeldLane, sentIn, type Sent } from '../helpers/held-lane.ts'
import { recordedBatch, type RecordedBatch } from '../helpers/in-flight.ts'

const seed = { k0: 0x01234567, k1: 0x09abcdef }
const shards = 4

const field = (name: string, kind: ScalarKind): Field => ({ name, type: { kind, nullable: false } })
const user = field('user', 'String')
const ad = field('ad', 'Int64')

/** Two routes for the first source, one for the second, none for the third. */
const catalog: Pick<Catalog, 'sources' | 'routes'> = {
  sources: [[0, 1], [2], []].map((routes, index) => ({ index, routes }) as unknown as Source),
  routes: [
    { index: 0, source: 0, joinKeys: [user], views: [0] },
    { index: 1, source: 0, joinKeys: [ad], views: [1] },
    { index: 2, source: 1, joinKeys: [ad, user], views: [2] },
  ] satisfies Route[],
}

function heldRouter(options: Partial<RouterOptions> = {}): { router: Router; lanes: HeldLane[] } {
  const lanes = [new HeldLane([0, 2]), new HeldLane([1, 3])]
  const router = createRouter({
    catalog,
    shards,
    seed,
    lanes,
    resolveKey: () => assert.fail('no event is unusual'),
    validateOnly: () => assert.fail('every event has a route'),
    ...options,
  })
  return { router, lanes }
}

/** What must be sent for a batch whose events are given as objects, without the order. */
function expected(batch: RecordedBatch, events: readonly { user: string; ad: number }[]): Sent[] {
  const { source, arrivalMs } = batch
  return catalog.sources[source]!.routes.flatMap((route) =>
    events.map((event, index) => {
      const values = { user: event.user, ad: BigInt(event.ad) }
      const key = encodeKey(catalog.routes[route]!.joinKeys, values) as Uint8Array
      const keyHash = hashBytes(key, 0, key.length, seed)
      return {
        shard: shardOf(keyHash, shards),
        source,
        route,
        position: batch.inFlight.position,
        arrivalMs,
        index,
        keyHash,
        key: Buffer.from(key).toString('hex'),
        event: Buffer.from(batch.events[index]!).toString('hex'),
      }
    }),
  )
}

const byPlace = (a: Sent, b: Sent): number =>
  a.position - b.position || a.route - b.route || a.index - b.index

const events = (count: number, pad = 0): { user: string; ad: number; pad: string }[] =>
  Array.from({ length: count }, (_, n) => ({
    user: `user-${n}`,
    ad: n * 7 - 50,
    pad: 'x'.repeat(pad && (n % 2 === 0 ? pad : 0)),
  }))

test('sends each event once per route to the shard of its key, byte for byte', async () => {
  const { router, lanes } = heldRouter()
  const wanted: Sent[] = []
  for (const [position, source, count, pad] of [
    [100, 0, 40, 0],
    [300, 1, 1, 0],
    [700, 0, 20, 70_000 - 5000],
    [800, 1, 300, 300],
  ] as const) {
    const objects = events(count, pad)
    const batch = recordedBatch(
      position,
      objects.map((event) => encode(event)),
      source,
    )
    router.route(batch)
    wanted.push(...expected(batch, objects))
  }
  router.flush()
  await turn()
  const sent = lanes.flatMap(({ sent }) => sent)
  assert.deepEqual(sent.toSorted(byPlace), wanted.toSorted(byPlace))
  for (const lane of lanes) {
    for (const message of lane.posted) {
      assert.ok(sentIn(message, lane.shards).length > 0)
    }
  }
  for (let shard = 0; shard < shards; shard++) {
    const own = sent.filter((event) => event.shard === shard)
    assert.deepEqual(own, own.toSorted(byPlace), 'a shard sees its events in journal order')
    assert.ok(own.length > 0)
  }
  assert.deepEqual(
    { ...router.counters, bytes: 0 },
    { batches: 4, events: 361, bytes: 0, rejected: 0 },
  )
})

test('sends the batches of one turn in one message a lane', async () => {
  const { router, lanes } = heldRouter()
  const batches = [10, 20, 30].map((position) =>
    recordedBatch(
      position,
      events(20).map((event) => encode(event)),
    ),
  )
  router.setFlushed(5)
  for (const batch of batches) router.route(batch)
  assert.deepEqual(
    lanes.map(({ posted }) => posted.length),
    [0, 0],
  )
  await turn()
  for (const { posted } of lanes) {
    assert.equal(posted.length, 1)
    assert.deepEqual([posted[0]!.routed, posted[0]!.flushed], [30, 5])
  }
  assert.equal(router.routed, 30)
  assert.deepEqual(
    batches.map(({ lanes }) => lanes),
    [2, 2, 2],
  )
  lanes[0]!.answer()
  lanes[1]!.answer()
  assert.deepEqual(
    batches.map(({ lanes, lanesExpected }) => [lanes, lanesExpected]),
    [
      [0, 2],
      [0, 2],
      [0, 2],
    ],
  )
})

test('expects only lanes that hold events of the batch', () => {
  const { router, lanes } = heldRouter()
  const batch = recordedBatch(10, [encode({ user: 'u', ad: 1 })], 1)
  router.route(batch)
  router.flush()
  assert.equal(batch.lanesExpected, 1)
  assert.equal(lanes[0]!.posted.length + lanes[1]!.posted.length, 1)
})

test('sends a full buffer without waiting for the end of the turn', () => {
  const { router, lanes } = heldRouter()
  const big = encode({ user: 'u', ad: 1, pad: 'x'.repeat(60_000) })
  let position = 0
  while (lanes.every(({ posted }) => posted.length === 0)) {
    router.route(recordedBatch((position += 10), [big], 1))
    assert.ok(position < 1000)
  }
  const [message] = lanes.flatMap(({ posted }) => posted)
  assert.ok(message!.events.byteLength >= laneEventsBytesMax)
  assert.equal(message!.routed, position)
})

test('the buffer of sections follows what is written, if all is for one shard, too', async () => {
  const { router, lanes } = heldRouter()
  // Busy, so that what follows waits and goes as one message.
  for (let n = 1; n <= laneBuffersMax; n++) {
    router.route(recordedBatch(n, [encode({ user: 'hot', ad: 1 })], 1))
    await turn()
  }
  const hot = Array.from({ length: 2000 }, () => ({ user: 'hot', ad: 1 }))
  const wanted: Sent[] = []
  let copiedBytes = 0
  for (let position = 100; position < 110; position++) {
    const bytes = hot.map((event) => encode(event))
    const batch = recordedBatch(position, bytes, 1)
    copiedBytes += router.route(batch)
    wanted.push(...expected(batch, hot))
  }
  const lane = lanes.find(({ posted }) => posted.length > 0)!
  router.flush()
  const message = lane.posted.at(-1)!
  const { byteLength } = message.sections
  assert.ok(byteLength < 4 * copiedBytes, `${byteLength} bytes where ${copiedBytes} were copied`)
  assert.deepEqual(sentIn(message, lane.shards), wanted)
})

test('leaves no more than the bound of messages of a lane unanswered', async () => {
  const { router, lanes } = heldRouter()
  const [lane] = lanes
  const batches: RecordedBatch[] = []
  for (let n = 1; n <= 50; n++) {
    const batch = recordedBatch(
      n,
      events(20).map((event) => encode(event)),
    )
    batches.push(batch)
    router.route(batch)
    await turn()
  }
  assert.equal(lane!.posted.length, laneBuffersMax)
  lane!.answer()
  // What waited meanwhile goes as one message.
  assert.equal(lane!.posted.length, laneBuffersMax + 1)
  const positions = new Set(
    sentIn(lane!.posted.at(-1)!, lane!.shards).map(({ position }) => position),
  )
  assert.equal(positions.size, 50 - laneBuffersMax)
  assert.equal(lane!.posted.at(-1)!.routed, 50)
  router.route(recordedBatch(51, [encode({ user: 'u', ad: 1 })]))
  await turn()
  assert.equal(lane!.posted.length, laneBuffersMax + 1)
  // Except when everything must go.
  router.flush()
  assert.equal(lane!.posted.at(-1)!.routed, 51)
})

test('is idle when every batch is applied, and not before', async () => {
  const { router, lanes } = heldRouter()
  await router.idle()
  router.route(
    recordedBatch(
      10,
      events(20).map((event) => encode(event)),
    ),
  )
  let isIdle = false
  const idle = router.idle().then(() => (isIdle = true))
  await turn()
  lanes[0]!.answer()
  await turn()
  assert.equal(isIdle, false)
  lanes[1]!.answer()
  await idle
})

test('hands rejections of a lane to their batches before the batches are done', async () => {
  const { router, lanes } = heldRouter()
  const batches = [10, 20].map((position) =>
    recordedBatch(
      position,
      events(20).map((event) => encode(event)),
    ),
  )
  for (const batch of batches) router.route(batch)
  await turn()
  const rejections = [{ index: 3, code: 'EVENT_TIME', path: '/at', message: 'no' }] as const
  lanes[1]!.answer()
  lanes[0]!.answer([
    { position: 20, route: 1, rejections },
    { position: 20, route: 0, rejections },
  ])
  assert.deepEqual(batches[0]!.rejected, [])
  assert.deepEqual(batches[1]!.rejected, [
    [1, rejections],
    [0, rejections],
  ])
})

test('asks the full way about unusual events, and sends or rejects as it says', () => {
  const refusal = { code: 'EVENT_KEY', path: '/ad', message: 'float' } as const
  const asked: number[] = []
  const { router, lanes } = heldRouter({
    resolveKey: (route, bytes, start, end) => {
      asked.push(route)
      assert.equal(Buffer.from(bytes.subarray(start, end)).includes('odd'), true)
      return route === 0 ? Uint8Array.of(1, 0, 0x75) : refusal
    },
  })
  const odd = encode({ odd: true })
  const batch = recordedBatch(10, [encode({ user: 'a', ad: 1 }), odd, encode({ user: 'b', ad: 2 })])
  router.route(batch)
  router.flush()
  assert.deepEqual(asked, [0, 1])
  assert.deepEqual(batch.rejected, [[1, [{ index: 1, ...refusal }]]])
  const sent = lanes.flatMap(({ sent }) => sent)
  const oddSent = sent.filter(({ index }) => index === 1)
  assert.deepEqual(
    oddSent.map(({ route, key, event }) => [route, key, event]),
    [[0, '010075', Buffer.from(odd).toString('hex')]],
  )
  assert.equal(sent.length, 5)
  assert.equal(router.counters.rejected, 1)
})

test('refuses an event that is too large on every route, without looking into it', () => {
  const { router, lanes } = heldRouter()
  const large = encode({ user: 'a', ad: 1, pad: 'x'.repeat(eventBytesMax) })
  const batch = recordedBatch(10, [large])
  router.route(batch)
  router.flush()
  assert.deepEqual(
    batch.rejected.map(([route, [first]]) => [route, first!.index, first!.code]),
    [
      [0, 0, 'EVENT_TOO_LARGE'],
      [1, 0, 'EVENT_TOO_LARGE'],
    ],
  )
  assert.equal(batch.lanesExpected, 0)
  assert.deepEqual(
    lanes.map(({ posted }) => posted.length),
    [0, 0],
  )
})

test('only validates events of a source that no view reads', async () => {
  const refusal = { code: 'EVENT_FIELD_MISSING', path: '/user', message: 'missing' } as const
  const { router, lanes } = heldRouter({
    validateOnly: (source, _bytes, start, end) => {
      assert.equal(source, 2)
      return end - start === 1 ? refusal : null
    },
  })
  const large = encode({ pad: 'x'.repeat(eventBytesMax) })
  const batch = recordedBatch(10, [encode({ a: 1 }), encode({}), large], 2)
  router.route(batch)
  await router.idle()
  assert.deepEqual(
    batch.rejected.map(([route, list]) => [route, list.map(({ index, code }) => [index, code])]),
    [
      [
        noRoute,
        [
          [1, 'EVENT_FIELD_MISSING'],
          [2, 'EVENT_TOO_LARGE'],
        ],
      ],
    ],
  )
  assert.deepEqual([batch.lanesExpected, lanes[0]!.posted.length, router.routed], [0, 0, 10])
})

test('takes an empty batch', async () => {
  const { router } = heldRouter()
  const batch = recordedBatch(10, [])
  router.route(batch)
  await router.idle()
  assert.deepEqual([batch.lanesExpected, router.routed], [0, 10])
})

test('does not accept lanes that leave a shard without an owner', () => {
  assert.throws(() => heldRouter({ lanes: [new HeldLane([0, 2])] }))
  assert.throws(() => heldRouter({ lanes: [new HeldLane([0, 1, 2, 2])] }))
})
