import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { LedgerReplay } from '../../src/daemon/ledger-replay.ts'
import { FakeIngest } from '../helpers/fake-ports.ts'
import { openOn } from '../helpers/journals.ts'
import { newEntry, openLedgerOn, recordedBatch } from '../helpers/ledgers.ts'

test('a replay that a full disk refuses is made again, and publishes each entry once', async () => {
  const { ledger } = await openLedgerOn()
  const { journal } = await openOn()
  const ingest = new FakeIngest()
  ingest.acknowledgesAtOnce = true
  await ledger.whenFlushed(ledger.append(recordedBatch(100, [newEntry(1), newEntry(2)])))
  const page = await ledger.read({ filter: {}, after: 0, upTo: Infinity, limit: 10 })
  const sources = page.entries.map(({ source }) => source)
  const replay = new LedgerReplay({ ledger, journal, ingest, sources })
  const all = { filter: {}, after: 0, upTo: Infinity, limit: 10, isDryRun: false }
  const full = new MillraceError('STORAGE_FULL')
  // First a new epoch is refused, then a batch.
  ingest.failure = full
  await assert.rejects(replay.replay(all), full)
  ingest.failure = null
  ingest.refusal = full
  await assert.rejects(replay.replay(all), full)
  assert.equal(ledger.summary().replayed, 0)
  ingest.refusal = null
  const { replayed, accepted, rejected } = await replay.replay(all)
  assert.deepEqual([replayed, accepted, rejected], [2, 2, 0])
  assert.equal(ledger.summary().replayed, 2)
  assert.equal((await replay.replay(all)).skipped.replayed, 2)
  assert.equal(ingest.batches.length, 1)
})
