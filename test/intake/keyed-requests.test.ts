/**
 * Requests with keys, over a whole daemon on disks in memory whose power fails at every operation
 * that they make.
 */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { ManualClock } from '../../src/base/clock.ts'
import { MillraceError } from '../../src/base/errors.ts'
import { idempotencyKeysMax, idempotencyMsMax } from '../../src/base/http-limits.ts'
import { KeyedRequests } from '../../src/intake/keyed-requests.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import type { SourceEvents } from '../../src/model/contracts.ts'
import * as definitions from '../fixtures/sales.ts'
import { temporaryDir } from '../helpers/daemons.ts'
import { FakeIngest } from '../helpers/fake-ports.ts'
import { MemoryDisk } from '../helpers/memory-disk.ts'
import { payloadOf } from '../helpers/msgpack-forms.ts'
import { randomNumbers } from '../helpers/random.ts'
import { openSmallDaemon, type SmallDaemon } from '../story/small-daemon.ts'

const catalog = buildCatalog(Object.values(definitions))
const nowMs = Date.UTC(2026, 2, 1, 12)

const sale = { user_id: 1, till: 'a', number: 1, at: nowMs, amount: 5 }
const receipt = { till: 'a', receipt: 'r', number: 1, at: nowMs }

function batchOf(source: string, ...events: object[]): SourceEvents {
  return { source, count: events.length, payload: payloadOf(events.map((each) => encode(each))) }
}

const batches = [
  batchOf('sales', sale, { ...sale, amount: 'much' }, sale),
  batchOf('receipts', { ...receipt, number: 'one' }, receipt),
]

/** What becomes of them: accepted, and the places of those that are not. */
const expected = [
  [2, [1]],
  [1, [0]],
]

interface Disks {
  readonly journal: MemoryDisk
  readonly ledger: MemoryDisk
}

/** A daemon on disks, and its requests. */
async function open(disks: Disks, storePath: string) {
  const daemon = await openSmallDaemon({
    catalog,
    clock: new ManualClock(nowMs),
    journalDisk: disks.journal,
    ledgerDisk: disks.ledger,
    storePath,
    stateBytesMax: 2 ** 26,
  })
  const requests = new KeyedRequests({
    ingest: daemon.intake,
    producers: () => daemon.journal.producers.state().producers,
    recorded: async (producer) => {
      const all = { filter: { producer }, after: 0, upTo: Infinity, limit: 100 }
      return (await daemon.ledger.read(all)).entries
    },
  })
  return { daemon, requests }
}

async function push(requests: KeyedRequests, key = 'k') {
  const outcomes = await requests.push({ key, digest: 'd' }, batches, nowMs)
  return outcomes.map(({ accepted, rejections }) => [
    accepted,
    rejections.map(({ index }) => index),
  ])
}

async function counts({ reader }: SmallDaemon): Promise<unknown[]> {
  const tables = await Promise.all([
    reader.read('user_sales', [{ user_id: 1 }]),
    reader.read('till_receipts', [{ till: 'a' }]),
  ])
  return tables.map(({ rows }) => rows[0]!.values[0])
}

/** What is left of a disk. */
type Fault = (disk: MemoryDisk, random: () => number) => MemoryDisk

/** Pushes until a fault comes with one operation; the disks after it, or null if none came. */
async function failAt(operation: number, storePath: string, fault: Fault): Promise<Disks | null> {
  const disks = { journal: new MemoryDisk(), ledger: new MemoryDisk() }
  const { daemon, requests } = await open(disks, storePath)
  let left = operation
  const failed = new Promise<'failed'>((resolve) => {
    const before = (): Promise<void> | undefined => {
      left -= 1
      if (left > 0) return undefined
      resolve('failed')
      // Nothing is heard of it any more.
      return new Promise(() => {})
    }
    disks.journal.before = before
    disks.ledger.before = before
  })
  const outcome = await Promise.race([push(requests), failed])
  await daemon.kill()
  if (outcome !== 'failed') return null
  const random = randomNumbers(operation)
  return {
    journal: fault(disks.journal, random),
    ledger: fault(disks.ledger, random),
  }
}

/** Pushes, fails at one operation after the other, and pushes the same again. */
async function assertOnce(t: TestContext, fault: Fault): Promise<void> {
  let operation = 1
  for (; ; operation++) {
    const storePath = await temporaryDir(t)
    const disks = await failAt(operation, storePath, fault)
    if (disks === null) break
    const { daemon, requests } = await open(disks, storePath)
    assert.deepEqual(await push(requests), expected, `operation ${operation}`)
    assert.deepEqual(await push(requests), expected)
    assert.deepEqual(await counts(daemon), [2n, 1n], `operation ${operation}`)
    await daemon.kill()
  }
  // A new epoch, the events, and what was not counted are written and flushed.
  assert.ok(operation > 6, `${operation}`)
}

describe('a request that is sent again', () => {
  test('counts once, wherever the power failed', (t) =>
    assertOnce(t, (disk, random) => disk.afterPowerLoss(random)))

  test('counts once, wherever the process was killed', (t) => assertOnce(t, (disk) => disk.copy()))

  test('waits for the first, and is refused when it says something else', async (t) => {
    const disks = { journal: new MemoryDisk(), ledger: new MemoryDisk() }
    const { daemon, requests } = await open(disks, await temporaryDir(t))
    t.after(() => daemon.kill())
    const all = await Promise.all([push(requests), push(requests), push(requests)])
    assert.deepEqual(all, [expected, expected, expected])
    assert.deepEqual(await counts(daemon), [2n, 1n])
    assert.equal(requests.arrivedMs({ key: 'k', digest: 'd' }), nowMs)
    assert.equal(requests.arrivedMs({ key: 'other', digest: 'd' }), null)
    const reused = (thrown: unknown): boolean =>
      (thrown as MillraceError).code === 'IDEMPOTENCY_KEY_REUSED'
    assert.throws(() => requests.arrivedMs({ key: 'k', digest: 'e' }), reused)
    await assert.rejects(requests.push({ key: 'k', digest: 'e' }, batches, nowMs), reused)
  })
})

describe('keys that are known', () => {
  function setUp(t: TestContext) {
    const ingest = new FakeIngest()
    ingest.acknowledgesAtOnce = true
    const forgotten: string[] = []
    const forgetProducers = t.mock.fn((names: ReadonlySet<string>) => {
      forgotten.push(...names)
    })
    const requests = new KeyedRequests({
      ingest: Object.assign(ingest, { forgetProducers }),
      producers: () => [],
      recorded: () => Promise.resolve([]),
    })
    const send = (key: string, atMs: number) =>
      requests.push({ key, digest: 'd' }, [batchOf('sales', sale)], atMs)
    const isKnown = (key: string): boolean => requests.arrivedMs({ key, digest: 'd' }) !== null
    return { ingest, forgotten, forgetProducers, send, isKnown }
  }

  test('the oldest go when there are too many, some at a time', async (t) => {
    const { forgotten, forgetProducers, send, isKnown } = setUp(t)
    for (let n = 0; n < idempotencyKeysMax; n++) await send(`k${n}`, nowMs)
    assert.equal(forgotten.length, 0)
    await send('one more', nowMs)
    assert.equal(forgotten.length, idempotencyKeysMax / 16)
    assert.equal(forgetProducers.mock.callCount(), 1)
    assert.deepEqual([isKnown('k0'), isKnown(`k${forgotten.length}`)], [false, true])
  })

  test('the oldest go when their time is over', async (t) => {
    const { ingest, forgotten, send, isKnown } = setUp(t)
    await send('a', nowMs)
    await send('b', nowMs + 1000)
    await send('c', nowMs + idempotencyMsMax)
    assert.deepEqual(forgotten, [])
    await send('d', nowMs + 2 * idempotencyMsMax)
    assert.deepEqual(
      forgotten,
      ingest.opened.slice(0, 2).map(({ producer }) => producer),
    )
    assert.deepEqual(['a', 'b', 'c', 'd'].map(isKnown), [false, false, true, true])
  })

  test('a request that a full disk refuses counts when it comes again', async (t) => {
    const { ingest, send } = setUp(t)
    const full = new MillraceError('STORAGE_FULL')
    ingest.failure = full
    await assert.rejects(send('k', nowMs), full)
    ingest.failure = null
    ingest.refusal = full
    await assert.rejects(send('k', nowMs), full)
    ingest.refusal = null
    assert.equal((await send('k', nowMs))[0]!.accepted, 1)
    assert.equal(ingest.batches.length, 1)
  })

  test('a request whose producer is forgotten is a new one', async (t) => {
    const { ingest, send } = setUp(t)
    await send('k', nowMs)
    ingest.failure = new MillraceError('PRODUCER_EXPIRED')
    const again = send('k', nowMs)
    ingest.failure = null
    await again
    assert.equal(ingest.batches.length, 2)
  })
})
