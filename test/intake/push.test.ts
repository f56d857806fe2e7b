/**
 * Pushes over an intake that answers as a test tells it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { MillraceError, type ErrorCode } from '../../src/base/errors.ts'
import { pushBytesMax, pushMsMax } from '../../src/base/http-limits.ts'
import { Push, pushProducer } from '../../src/intake/push.ts'
import type { SourceEvents } from '../../src/model/contracts.ts'
import type { CheckFindings } from '../../src/model/message.ts'
import { rejection } from '../../src/model/rejection.ts'
import { FakeIngest } from '../helpers/fake-ports.ts'
import { ManualScheduler } from '../helpers/manual-scheduler.ts'
import { shopCatalog } from '../helpers/shop-catalog.ts'

function setUp() {
  const ingest = new FakeIngest()
  const scheduler = new ManualScheduler()
  const asked: ((findings: readonly CheckFindings[]) => void)[] = []
  const checks = {
    ask: () => new Promise<readonly CheckFindings[]>((resolve) => asked.push(resolve)),
  }
  const keyed = {
    arrivedMs: () => null,
    push: () => Promise.reject(new Error('no request has a key')),
  }
  const producers = () => []
  const timing = { clock: new ManualClock(0), scheduler }
  const push = new Push({ catalog: shopCatalog, ingest, producers, keyed, checks, ...timing })
  return { push, ingest, scheduler, asked }
}

function events(count: number, bytes = 0): SourceEvents {
  return { source: 'purchases', count, payload: new Uint8Array(bytes) }
}

/** Waits for what is due, and no longer. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function failsWith(code: ErrorCode) {
  return (thrown: unknown): boolean => {
    assert.equal((thrown as MillraceError).code, code)
    return true
  }
}

test('calls share a producer, and each hears of its own events', async () => {
  const { push, ingest } = setUp()
  const first = push.push([events(2), events(3)])
  const second = push.push([events(1)])
  await turn()
  assert.deepEqual(
    ingest.batches.map(({ sequence, count }) => [sequence, count]),
    [
      [0, 2],
      [2, 3],
      [5, 1],
    ],
  )
  assert.deepEqual(
    ingest.opened.map(({ producer }) => producer),
    [pushProducer],
  )
  const rejected = [1, 2, 4].map((sequence) => {
    return { ...rejection(0, 'EVENT_KEY', '/user_id', { reason: 'empty' }), sequence }
  })
  ingest.last.listener.acknowledged({ upTo: 4, duplicates: 0, rejections: rejected })
  const outcomes = await first
  assert.deepEqual(
    outcomes.map(({ accepted, rejections }) => [accepted, rejections.map(({ index }) => index)]),
    [
      [1, [1]],
      [1, [0, 2]],
    ],
  )
  ingest.last.listener.acknowledged({ upTo: 5, duplicates: 1, rejections: [] })
  assert.deepEqual(await second, [{ accepted: 1, rejections: [] }])
})

test('nothing to do is done, and an unknown source is refused', async () => {
  const { push, ingest } = setUp()
  assert.deepEqual(await push.push([events(0)]), [{ accepted: 0, rejections: [] }])
  assert.deepEqual(await push.push([]), [])
  assert.equal(ingest.batches.length, 0)
  const unknown = { ...events(1), source: 'nowhere' }
  await assert.rejects(push.push([events(1), unknown]), failsWith('SOURCE_UNKNOWN'))
  await assert.rejects(push.check([unknown]), failsWith('SOURCE_UNKNOWN'))
  assert.equal(ingest.batches.length, 0)
})

test('what is not answered is bounded', async () => {
  const { push, ingest, asked } = setUp()
  const half = pushBytesMax / 2
  const waiting = push.push([events(1, half)])
  const checking = push.check([events(1, half)])
  await turn()
  await assert.rejects(push.push([events(1, 1)]), failsWith('OVERLOADED'))
  await assert.rejects(push.check([events(1, 1)]), failsWith('OVERLOADED'))
  ingest.last.listener.acknowledged({ upTo: 0, duplicates: 0, rejections: [] })
  await waiting
  asked[0]!([{ routes: [], rows: [[0, 1]] }])
  const [checked] = await checking
  assert.deepEqual([...checked!.rows], [['by_user', 1]])
  ingest.acknowledgesAtOnce = true
  assert.equal((await push.push([events(1, 1)]))[0]!.accepted, 1)
})

test('while the intake is full, calls are refused', async () => {
  const { push, ingest } = setUp()
  ingest.acknowledgesAtOnce = true
  await push.push([events(1)])
  ingest.last.listener.held!(true)
  await assert.rejects(push.push([events(1)]), failsWith('OVERLOADED'))
  ingest.last.listener.held!(false)
  assert.equal((await push.push([events(1)]))[0]!.accepted, 1)
})

test('a full disk refuses a call, and the next one begins where it would have', async () => {
  const { push, ingest } = setUp()
  ingest.acknowledgesAtOnce = true
  const full = new MillraceError('STORAGE_FULL')
  // First a new epoch is refused, then a batch.
  ingest.failure = full
  await assert.rejects(push.push([events(1)]), full)
  ingest.failure = null
  ingest.refusal = full
  await assert.rejects(push.push([events(1)]), full)
  ingest.refusal = null
  await push.push([events(1)])
  assert.deepEqual(
    ingest.batches.map(({ sequence }) => sequence),
    [0],
  )
})

test('a call that hears nothing is told so, and holds its memory until it does', async () => {
  const { push, ingest, scheduler } = setUp()
  const waiting = push.push([events(1, pushBytesMax)])
  await turn()
  scheduler.advance(pushMsMax)
  await assert.rejects(waiting, failsWith('OUTCOME_UNKNOWN'))
  await assert.rejects(push.push([events(1, 1)]), failsWith('OVERLOADED'))
  ingest.last.listener.acknowledged({ upTo: 0, duplicates: 0, rejections: [] })
  await turn()
  ingest.acknowledgesAtOnce = true
  assert.equal((await push.push([events(1, 1)]))[0]!.accepted, 1)
  assert.equal(scheduler.pending, 0)
})

test('a drain waits for those that were taken, and takes no more', async () => {
  const { push, ingest } = setUp()
  const waiting = push.push([events(1, 5)])
  await turn()
  let isDrained = false
  const draining = push.drain().then(() => {
    isDrained = true
  })
  await assert.rejects(push.push([events(1)]), failsWith('DRAINING'))
  await assert.rejects(push.check([events(1)]), failsWith('DRAINING'))
  await turn()
  assert.equal(isDrained, false)
  ingest.last.listener.acknowledged({ upTo: 0, duplicates: 0, rejections: [] })
  assert.equal((await waiting)[0]!.accepted, 1)
  await draining
})

test('when the daemon fails, whoever waits hears of it, and whoever comes', async () => {
  const { push } = setUp()
  const waiting = push.push([events(1, 5)])
  await turn()
  const failure = new MillraceError('JOURNAL_WRITE', { reason: 'gone' })
  push.fail(failure)
  await assert.rejects(waiting, failure)
  await assert.rejects(push.push([events(1)]), failure)
})
