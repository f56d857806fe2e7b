import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import type { MillraceError } from '../../src/base/errors.ts'
import type { Source } from '../../src/model/catalog.ts'
import type { LaneStart, ReadAbout, ReadQuery } from '../../src/model/message.ts'
import { createPulse } from '../../src/model/pulse.ts'
import {
  openLanes,
  type Lanes,
  type LanesOptions,
  type RebuildableLane,
} from '../../src/route/lanes.ts'
import { createRouter, type Router } from '../../src/route/router.ts'
import { echoShardUrl } from '../helpers/echo-shard.ts'
import { recordedBatch } from '../helpers/in-flight.ts'

const seed = { k0: 3, k1: 4 }
const recorded = { upTo: 0, refusedFrom: Infinity }

const start = (lane: number, shards: readonly number[], storePath = '/none'): LaneStart => ({
  lane,
  shards,
  definitionsUrl: null,
  definitions: [],
  viewIds: [],
  viewsSince: [],
  keyLimits: [],
  histories: [],
  seed,
  storePath,
  stateBytesMax: 0,
  pulse: createPulse(),
  quarantined: [],
})

function open(
  starts: readonly LaneStart[],
  onDeath: LanesOptions['onDeath'] = (_, { reason }) => assert.fail(reason),
) {
  const failures: MillraceError[] = []
  const onFailure = (error: MillraceError): void => void failures.push(error)
  const lanes = openLanes({ starts, workerUrl: echoShardUrl, onFailure, onDeath })
  return { lanes, failures }
}

function routerOver({ lanes }: Lanes): Router {
  return createRouter({
    catalog: {
      sources: [{ routes: [0] } as unknown as Source],
      routes: [
        {
          index: 0,
          source: 0,
          joinKeys: [{ name: 'user', type: { kind: 'Int64', nullable: false } }],
          views: [],
        },
      ],
    },
    shards: 5,
    seed,
    lanes,
    resolveKey: () => assert.fail('no event is unusual'),
    validateOnly: () => assert.fail('every event has a route'),
  })
}

const about: ReadAbout = {
  view: 0,
  features: [0, 1],
  leadingEdge: 'wall-clock',
  edgeMs: 0,
  watermarkMs: 0,
  watermarkNs: 0,
}

const query = (key: number): ReadQuery => ({
  about,
  shard: 0,
  keyHash: 0,
  key: Uint8Array.of(key),
})

// Goal: order past every queue and bound on the way. Method: the threads fail when positions of a
// shard do not ascend, and send back every event with its shard.
test('keeps the order of batches per shard, and loses and doubles nothing', async () => {
  const { lanes, failures } = open([start(0, [0, 3]), start(1, [1, 2, 4])])
  const opened = await Promise.all(lanes.lanes.map((lane) => lane.opened))
  assert.deepEqual(
    opened.map((shards) => shards.map(({ shard }) => shard)),
    [
      [0, 3],
      [1, 2, 4],
    ],
  )
  const router = routerOver(lanes)
  const batches = Array.from({ length: 1500 }, (_, n) => {
    const events = Array.from({ length: 1 + (n % 9) }, (_, i) => encode({ user: n * 31 + i, n }))
    return recordedBatch(n + 1, events)
  })
  for (const [n, batch] of batches.entries()) {
    router.route(batch)
    if (n % 7 === 0) router.flush()
  }
  await router.idle()
  for (const batch of batches) {
    const echoed = batch.rejected.flatMap(([, rejections]) => rejections)
    const bytes = echoed.toSorted((a, b) => a.index - b.index).map(({ message }) => message)
    assert.deepEqual(
      bytes,
      batch.events.map((event) => Buffer.from(event).toString('hex')),
    )
    assert.equal(batch.lanes, 0)
  }
  await lanes.close()
  assert.deepEqual(failures, [])
})

test('asks all reads of a turn in one message and answers each with its own results', async () => {
  const { lanes } = open([start(0, [0])])
  const [lane] = lanes.lanes
  const first = await Promise.all([1, 2, 0].map((n) => lane!.read(Array(n).fill(query(n)))))
  const second = await lane!.read([query(9)])
  const values = [...first, second].map((results) => results.map(({ values }) => values))
  assert.deepEqual(values, [
    [[0, 0]],
    [
      [0, 1],
      [0, 2],
    ],
    [],
    [[1, 0]],
  ])
  await lanes.close()
})

test('a read that a shard cannot answer fails alone', async () => {
  const { lanes, failures } = open([start(0, [0])])
  const [lane] = lanes.lanes
  const [before, failed, after] = await Promise.allSettled([
    lane!.read([query(1)]),
    lane!.read([query(2), query(255)]),
    lane!.read([query(3)]),
  ])
  assert.deepEqual([before!.status, after!.status], ['fulfilled', 'fulfilled'])
  assert.ok(failed!.status === 'rejected')
  const { code, message, cause } = failed!.reason as MillraceError
  assert.deepEqual([code, message], ['INTERNAL', 'internal error'])
  assert.equal((cause as Error).message, 'cannot be read')
  assert.match((cause as Error).stack!, /echo-shard/)
  assert.equal((await lane!.read([query(4)])).length, 1)
  await lanes.close()
  assert.deepEqual(failures, [])
})

test('answers reads that were asked before it closes', async () => {
  const { lanes } = open([start(0, [0])])
  const read = lanes.lanes[0]!.read([query(1)])
  await lanes.close()
  assert.equal((await read).length, 1)
})

test('reports a lane that cannot start, and ends the others in order', async () => {
  const { lanes, failures } = open([start(0, [0]), start(1, [1], '/throws')])
  await assert.rejects(lanes.lanes[1]!.opened, { code: 'SHARD_FAILED' })
  await assert.rejects(lanes.close(), {
    code: 'SHARD_FAILED',
    details: { lane: 1, reason: 'store is gone' },
  })
  assert.equal(failures.length, 1)
})

test('reports a lane that says it has failed, once, and fails its reads', async () => {
  const { lanes, failures } = open([start(0, [0], '/fails')])
  const [lane] = lanes.lanes
  await lane!.opened
  for (let n = 0; n < 2; n++)
    lane!.post({ kind: 'checkpoint', shard: null, routed: 0, recorded, arrivalMs: 0 })
  await assert.rejects(
    lane!.read([query(1)]).then(() => lanes.close()),
    { code: 'CHECKPOINT_FAILED' },
  )
  await assert.rejects(lane!.read([query(1)]), { code: 'CHECKPOINT_FAILED' })
  assert.deepEqual(
    failures.map(({ code, details }) => [code, details]),
    [['CHECKPOINT_FAILED', { reason: 'disk is full' }]],
  )
  await assert.rejects(lanes.close())
})

test('an error of ours keeps its code on the way out of a lane', async () => {
  const { lanes, failures } = open([start(0, [0], '/damaged')])
  const [lane] = lanes.lanes
  await lane!.opened
  lane!.post({ kind: 'checkpoint', shard: null, routed: 0, recorded, arrivalMs: 0 })
  const damaged = { code: 'STORE_CORRUPT', details: { file: 'data.mdb', reason: 'disk is full' } }
  await assert.rejects(lane!.read([query(1)]), damaged)
  await assert.rejects(lanes.close(), damaged)
  assert.equal(failures.length, 1)
})

test('a lane whose thread has ended goes on, and answers each batch once', async () => {
  const rebuilt: number[] = []
  const onDeath: LanesOptions['onDeath'] = (lane, { reason, inHand }) => {
    assert.equal(lane.isLive, false)
    assert.deepEqual([reason, inHand], ['the thread has ended by itself', null])
    const rebuild = lane.restart([])!
    void rebuild.opened.then((shards) => {
      rebuilt.push(lane.answered)
      lane.goOn(rebuild, shards!)
    })
  }
  const { lanes, failures } = open([start(0, [0, 1]), start(1, [2, 3, 4])], onDeath)
  await Promise.all(lanes.lanes.map((lane) => lane.opened))
  const router = routerOver(lanes)
  const batches = Array.from({ length: 300 }, (_, n) =>
    recordedBatch(
      n + 1,
      [0, 1, 2].map((i) => encode({ user: n * 31 + i, n })),
    ),
  )
  const [lane, other] = lanes.lanes
  for (const [n, batch] of batches.entries()) {
    router.route(batch)
    if (n % 7 === 0) router.flush()
    // The thread ends, whatever it has answered by then.
    if (n % 100 === 50) {
      while (!lane!.isLive) await turn()
      router.flush()
      lane!.post({ kind: 'checkpoint', shard: null, routed: n + 1, recorded, arrivalMs: 0 })
      await assert.rejects(lane!.read([query(1)]), { code: 'SHARD_REBUILDING' })
      assert.equal((await other!.read([query(1)])).length, 1)
    }
  }
  await router.idle()
  assert.equal(rebuilt.length, 3)
  assert.ok(rebuilt[0]! > 0)
  for (const batch of batches) {
    const echoed = batch.rejected.flatMap(([, rejections]) => rejections)
    const bytes = echoed.toSorted((a, b) => a.index - b.index).map(({ message }) => message)
    assert.deepEqual(
      bytes,
      batch.events.map((event) => Buffer.from(event).toString('hex')),
    )
    assert.equal(batch.lanes, 0)
  }
  await lanes.close()
  assert.deepEqual(failures, [])
})

test('a lane that is closed while its thread is dead starts no other', async () => {
  const deaths: RebuildableLane[] = []
  const { lanes } = open([start(0, [0])], (lane) => void deaths.push(lane))
  const [lane] = lanes.lanes
  await lane!.opened
  lane!.post({ kind: 'checkpoint', shard: null, routed: 0, recorded, arrivalMs: 0 })
  await assert.rejects(lane!.read([query(1)]), { code: 'SHARD_REBUILDING' })
  await lanes.close()
  assert.equal(deaths[0]!.restart([]), null)
})
