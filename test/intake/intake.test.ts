/**
 * The intake over a journal in memory and a lane that stands still: what it counts, and what it
 * tells a producer that comes back.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { rejectionsKeptMax } from '../../src/base/limits.ts'
import { DiskGuard } from '../../src/intake/disk-guard.ts'
import { Intake } from '../../src/intake/intake.ts'
import { openRecording } from '../../src/intake/recording.ts'
import type { Catalog } from '../../src/model/catalog.ts'
import type { Acknowledgement, ProducerSession } from '../../src/model/contracts.ts'
import type { BatchRejections } from '../../src/model/message.ts'
import { rejection } from '../../src/model/rejection.ts'
import { createRouter } from '../../src/route/router.ts'
import { HeldLane } from '../helpers/held-lane.ts'
import { openOn } from '../helpers/journals.ts'
import { openLedgerOn } from '../helpers/ledgers.ts'
import { payloadOf } from '../helpers/msgpack-forms.ts'

const key = (name: string) => ({ name, type: { kind: 'String', nullable: false } }) as const

/** A source `clicks` with two routes, and `orders`, of which no view wants anything. */
const catalog = {
  sources: [
    { name: 'clicks', index: 0, routes: [0, 1] },
    { name: 'orders', index: 1, routes: [] },
  ],
  routes: [
    { index: 0, source: 0, joinKeys: [key('user')], views: [0] },
    { index: 1, source: 0, joinKeys: [key('ad')], views: [1] },
  ],
  views: ['by user', 'by ad'].map((name) => ({ name, online: true })),
} as unknown as Catalog

const producerMsMax = 7 * 86_400_000

async function setUp() {
  const { journal, clock } = await openOn(undefined, { producersMax: 3 })
  const lane = new HeldLane([0])
  const router = createRouter({
    catalog,
    shards: 1,
    seed: { k0: 1, k1: 2 },
    lanes: [lane],
    resolveKey: () => ({ code: 'EVENT_DECODE', path: '', message: 'x'.repeat(100) }),
    validateOnly: () => ({ code: 'EVENT_DECODE', path: '', message: 'x'.repeat(100) }),
  })
  const { ledger } = await openLedgerOn()
  const storage = new DiskGuard()
  const onFailure = (thrown: unknown): void => assert.fail(String(thrown))
  const maintain = async (work: () => Promise<unknown>): Promise<void> => void (await work())
  const recording = openRecording({ ledger, shards: [], journal, maintain, onFailure })
  const intake = new Intake({
    catalog,
    journal,
    router,
    recording,
    storage,
    producerMsMax,
    producersMax: 3,
    onFailure,
  })
  const acks: Acknowledgement[] = []
  const open = (epoch: number | null, name = 'p'): Promise<ProducerSession> =>
    intake.openProducer(name, epoch, { acknowledged: (ack) => acks.push(ack), fenced: () => {} })
  let sequence = 0
  let answered = 0
  const session = await open(null)
  return {
    intake,
    lane,
    acks,
    clock,
    journal,
    open,
    session,
    storage,
    reopen: () => open(session.epoch),
    /** Publishes a batch; the bytes of its array. */
    publish: (source: string, events: readonly Uint8Array[]): number => {
      const payload = payloadOf(events)
      const answer = session.publish({ source, sequence, count: events.length, payload })
      assert.ok('taken' in answer)
      sequence += events.length
      return payload.length
    },
    /** Lets the lane apply everything, and the journal flush it. */
    settle: async (rejected: readonly Omit<BatchRejections, 'position'>[] = []): Promise<void> => {
      router.flush()
      const { end: position } = journal
      await journal.whenFlushed(position)
      for (; answered < lane.posted.length; answered++) {
        lane.answer(rejected.map((each) => ({ ...each, position })))
      }
      await recording.idle()
    },
  }
}

const clicks = (count: number) =>
  Array.from({ length: count }, (_, n) => encode({ user: `u${n}`, ad: `a${n}`, pad: 'x' }))

test('a producer that has not been seen for long is forgotten when a new name comes', async () => {
  const { intake, session, clock, open, publish, settle, acks } = await setUp()
  publish('nothing', [new Uint8Array(0)])
  await settle()
  session.close()
  const quiet = await open(null, 'quiet')
  clock.advance(producerMsMax)
  await open(null, 'a')
  assert.equal((await open(session.epoch)).lastSequence, 0, 'it was seen just long enough ago')
  await assert.rejects(open(null, 'b'), { code: 'PRODUCER_QUOTA', message: /knows 3 producers/ })
  quiet.close()
  acks.length = 0
  clock.advance(producerMsMax + 1)
  const b = await open(null, 'b')
  await assert.rejects(open(quiet.epoch, 'quiet'), { code: 'PRODUCER_EXPIRED' })
  assert.equal((await open(session.epoch)).epoch, session.epoch, 'its session holds it')
  assert.ok(b.epoch > quiet.epoch, 'nobody meets an epoch of one that is forgotten')
  assert.equal(intake.bytes, 0)
})

test('names are refused beyond the bound, and those that are known are not', async () => {
  const { open, session } = await setUp()
  await open(null, 'a')
  await open(null, 'b')
  await assert.rejects(open(null, 'c'), { code: 'PRODUCER_QUOTA' })
  assert.equal((await open(session.epoch)).epoch, session.epoch)
  assert.equal((await open(null)).epoch, session.epoch + 1)
})

test('a new epoch is on disk before anyone hears of it', async () => {
  const { journal, open } = await setUp()
  const before = journal.end
  const opening = open(null)
  assert.ok(journal.end > before)
  assert.equal(journal.flushed, before)
  await opening
  assert.equal(journal.flushed, journal.end)
})

test('an epoch that was never given out is told from one that is over', async () => {
  const { open, session } = await setUp()
  const { epoch } = await open(null)
  await assert.rejects(open(session.epoch), { code: 'PRODUCER_FENCED' })
  for (const never of [0, epoch + 1]) {
    await assert.rejects(open(never), { code: 'EPOCH_UNKNOWN' })
    await assert.rejects(open(never, 'stranger'), { code: 'EPOCH_UNKNOWN' })
  }
})

test('a batch counts as it arrived, as it was copied, and its sections by route', async () => {
  const { intake, lane, publish, settle, acks } = await setUp()
  const arrived = publish('clicks', clicks(100)) + publish('clicks', clicks(50))
  const counted = intake.bytes
  await settle()
  assert.equal(acks.at(-1)!.upTo, 149)
  const sent = lane.sentBytes
  assert.ok(sent > arrived + 2 * 150 * 16)
  assert.equal(counted, arrived + sent)
  assert.equal(intake.bytes, 0)
})

test('a batch of an unknown source counts what arrived and what is kept of it', async () => {
  const { intake, publish, settle, acks } = await setUp()
  const arrived = publish('nothing', [new Uint8Array(60_000)])
  const twice = 2 * arrived
  assert.ok(intake.bytes > twice && intake.bytes < twice + 1000, `${intake.bytes} bytes`)
  await settle()
  assert.equal(acks.at(-1)!.rejections[0]!.code, 'SOURCE_UNKNOWN')
  assert.equal(intake.bytes, 0)
})

test('rejections count, so that empty events cannot take more than their bytes say', async () => {
  const { intake, publish, settle } = await setUp()
  const empty = Array.from({ length: 10_000 }, () => new Uint8Array(0))
  for (const source of ['nothing', 'orders', 'clicks']) {
    publish(source, empty)
    assert.ok(intake.bytes > 10_000 * 200, `${source}: ${intake.bytes} bytes`)
    await settle()
    assert.equal(intake.bytes, 0)
  }
})

test('who waits for batches to be settled hears of it when they are, and not before', async () => {
  const { intake, publish, settle } = await setUp()
  await intake.whenAtMost(0)
  publish('clicks', clicks(100))
  await intake.whenAtMost(intake.bytes)
  const told: number[] = []
  const waiting = [intake.bytes - 1, 0].map(async (bytesMax) => {
    await intake.whenAtMost(bytesMax)
    told.push(bytesMax)
  })
  const first = intake.bytes - 1
  publish('clicks', clicks(1))
  await intake.whenAtMost(intake.bytes)
  assert.deepEqual(told, [])
  await settle()
  await Promise.all(waiting)
  assert.deepEqual(told, [first, 0])
})

test('a producer that comes back is told of its newest 10,000 rejections', async () => {
  const { publish, settle, reopen, acks } = await setUp()
  const batches = [0, 1, 2].map(() => Array.from({ length: 5000 }, () => new Uint8Array(0)))
  for (const batch of batches) publish('nothing', batch)
  await settle()
  acks.length = 0
  const again = await reopen()
  assert.equal(again.lastSequence, 14_999)
  for (const [n, events] of batches.entries()) {
    const payload = payloadOf(events)
    again.publish({ source: 'nothing', sequence: n * 5000, count: 5000, payload })
  }
  const told = new Set(acks.flatMap(({ rejections }) => rejections.map((one) => one.sequence)))
  assert.equal(told.size, rejectionsKeptMax)
  assert.equal(Math.min(...told), 5000)
  // The first batch is settled all the same: its ack says so, and of its rejections nothing.
  assert.deepEqual(
    acks.map(({ upTo, duplicates }) => [upTo, duplicates]),
    [0, 1, 2].map(() => [14_999, 5000]),
  )
})

test('a duplicate counts once, however many ways it goes, and not if one rejects it', async () => {
  const { intake, publish, settle, acks } = await setUp()
  publish('clicks', clicks(5))
  const late = [0, 4].map((index) => rejection(index, 'EVENT_TOO_LATE', '/at'))
  const failed = [rejection(3, 'TRANSFORM_FAILED', '')]
  await settle([
    { route: 0, rejections: late, duplicates: [1, 2, 3] },
    { route: 1, rejections: failed, duplicates: [0, 1] },
  ])
  const [ack] = acks
  assert.equal(ack!.duplicates, 3, 'the events 0, 1 and 2')
  assert.deepEqual(
    ack!.rejections.map(({ index, code }) => [index, code]),
    [[3, 'TRANSFORM_FAILED']],
  )
  assert.equal(intake.bytes, 0)
})

test('a full disk takes nothing new and answers repeats, until there is room', async () => {
  const { storage, session, open, publish, settle, acks } = await setUp()
  publish('clicks', clicks(3))
  await settle()
  const none = { end: 0, checkpointed: 0 }
  storage.look({ totalBytes: 1000, freeBytes: 1, freeFiles: 1000 }, none)
  const payload = payloadOf(clicks(2))
  const fresh = { source: 'clicks', sequence: 3, count: 2, payload }
  const refused = session.publish(fresh)
  assert.ok('expected' in refused)
  assert.deepEqual([refused.expected, refused.reason?.code], [3, 'STORAGE_FULL'])
  // Of a batch that was taken in part, the part that was not is refused.
  const partly = session.publish({ ...fresh, sequence: 2 })
  assert.ok('expected' in partly)
  assert.deepEqual([partly.expected, partly.reason?.code], [3, 'STORAGE_FULL'])
  assert.ok('taken' in session.publish({ ...fresh, sequence: 1 }))
  assert.equal(acks.at(-1)!.duplicates, 2)
  assert.deepEqual(session.publish({ ...fresh, sequence: 9 }), { expected: 3 })
  await assert.rejects(open(null), { code: 'STORAGE_FULL' })
  storage.look({ totalBytes: 1000, freeBytes: 900, freeFiles: 1000 }, none)
  publish('clicks', clicks(2))
  await settle()
  assert.equal(acks.at(-1)!.upTo, 4)
})
