import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { checkpointBytesMax } from '../../src/base/limits.ts'
import { Checkpoints } from '../../src/daemon/checkpoints.ts'
import type { Journal } from '../../src/journal/journal.ts'
import type { FromShard, ToShard } from '../../src/model/message.ts'
import type { Lane } from '../../src/route/lanes.ts'
import type { Router } from '../../src/route/router.ts'

const recorded = { upTo: 40, refusedFrom: Infinity }

/** Checkpoints of one lane with two shards, over a journal that ends at 100 and is at `routed`. */
function setUp(
  routed: number,
  { upTo = 40, waiting = 0, checkpointMs = 3_600_000, neededFrom = Infinity } = {},
) {
  const sent: ToShard[] = []
  const retired: number[] = []
  const router = { routed, flush: () => sent.push({ kind: 'flushed', flushed: -1 }) }
  let flush = (_flushed: number): void => {}
  let receive = (_message: FromShard): void => {}
  const lane = {
    lane: 0,
    shards: [0, 1],
    onMessage: (listener: (message: FromShard) => void) => (receive = listener),
    post: (message: ToShard) => sent.push(message),
  }
  const journal = {
    recovered: { end: 100 },
    onFlushed: (listener: (flushed: number) => void) => {
      flush = listener
      return () => {}
    },
    retire: ({ keepFrom }: { keepFrom: number }) => Promise.resolve(retired.push(keepFrom)),
  }
  const watermarks = new Float64Array(0)
  const checkpoints = new Checkpoints({
    journal: journal as unknown as Journal,
    router: router as unknown as Router,
    lanes: [lane as unknown as Lane],
    shards: [0, 1].map((shard) => ({
      shard,
      position: 40 + shard,
      watermarks,
      from: 40 + shard - waiting,
      recorded: 40,
      unrecorded: [],
    })),
    recording: { recorded: { upTo, refusedFrom: Infinity } },
    neededFrom: () => neededFrom,
    clock: new ManualClock(5),
    checkpointMs,
    retainBytesMax: 0,
    retainMsMax: 0,
    maintain: async (work) => void (await work()),
    onFailure: (thrown) => assert.fail(String(thrown)),
  })
  const stats = { keys: 0, stateBytes: 0, evicted: 0, loaded: 0, views: [] }
  return {
    checkpoints,
    sent,
    retired,
    flushed: (position: number) => {
      router.routed = position
      flush(position)
    },
    checkpointed: (shard: number, position: number, from = position) =>
      receive({ kind: 'checkpointed', shard, position, from, keys: 0, stats }),
  }
}

test('a checkpoint during recovery covers what has been replayed, and sweeps as of then', () => {
  const { checkpoints, sent } = setUp(60)
  assert.equal(checkpoints.request(), 60)
  // Nothing is routed between the last message of events and the request.
  assert.deepEqual(sent, [
    { kind: 'flushed', flushed: -1 },
    { kind: 'checkpoint', shard: null, routed: 60, recorded, arrivalMs: -Infinity },
  ])
  checkpoints.stop()
})

test('the shards take turns, each after its part of so much journal', () => {
  const { checkpoints, sent, flushed } = setUp(100)
  const asked = () =>
    sent.flatMap((message) => (message.kind === 'checkpoint' ? message.shard : []))
  const part = checkpointBytesMax / 2
  flushed(100 + part - 1)
  assert.deepEqual(asked(), [])
  flushed(100 + part)
  flushed(101 + part)
  assert.deepEqual(asked(), [0])
  flushed(100 + 2 * part)
  flushed(100 + 3 * part)
  assert.deepEqual(asked(), [0, 1, 0])
  checkpoints.stop()
})

test('the shards take turns, each after its part of the time', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] })
  const { checkpoints, sent, checkpointed } = setUp(60, { checkpointMs: 10_000 })
  const asked = () =>
    sent.flatMap((message) => (message.kind === 'checkpoint' ? message.shard : []))
  context.mock.timers.tick(4999)
  assert.deepEqual(asked(), [])
  context.mock.timers.tick(1)
  assert.deepEqual(asked(), [0])
  context.mock.timers.tick(5000)
  checkpointed(0, 60)
  context.mock.timers.tick(10_000)
  assert.deepEqual(asked(), [0, 1, 1], 'a shard that has stored all is not asked again')
  checkpoints.stop()
})

test('nothing is asked for when every shard is further', () => {
  const { checkpoints, sent } = setUp(40)
  checkpoints.request()
  assert.deepEqual(
    sent.filter(({ kind }) => kind === 'checkpoint'),
    [],
  )
  checkpoints.stop()
})

test('it is complete when the last shard has it, and the journal before it may go', async () => {
  const { checkpoints, checkpointed, retired } = setUp(60)
  let isComplete = false
  const completed = checkpoints.complete().then(() => (isComplete = true))
  checkpointed(0, 60)
  await Promise.resolve()
  assert.equal(isComplete, false)
  // A shard that has been further does not go back.
  checkpointed(0, 50)
  checkpointed(1, 60)
  await completed
  assert.deepEqual(retired, [41, 60, 60])
  assert.equal(checkpoints.position, 60)
  checkpoints.stop()
})

test('what is still to be recorded in the ledger keeps its journal', async () => {
  const { checkpoints, checkpointed, retired } = setUp(60)
  const completed = checkpoints.complete()
  checkpointed(0, 60, 45)
  checkpointed(1, 60, 45)
  await completed
  assert.equal(retired.at(-1), 45)
  checkpoints.stop()
})

test('what the offline log has not come to keeps its journal', async () => {
  const { checkpoints, checkpointed, retired } = setUp(60, { neededFrom: 30 })
  const completed = checkpoints.complete()
  checkpointed(0, 60)
  checkpointed(1, 60)
  await completed
  assert.equal(retired.at(-1), 30)
  checkpoints.stop()
})

test('that all is recorded is written down, too, although every shard is further', async () => {
  const { checkpoints, checkpointed, sent } = setUp(40, { waiting: 10 })
  let isComplete = false
  const completed = checkpoints.complete().then(() => (isComplete = true))
  const all = { kind: 'checkpoint', shard: null, routed: 40, recorded, arrivalMs: -Infinity }
  assert.deepEqual(sent.at(-1), all)
  checkpointed(0, 40)
  await Promise.resolve()
  assert.equal(isComplete, false)
  checkpointed(1, 41)
  await completed
  checkpoints.stop()
})
