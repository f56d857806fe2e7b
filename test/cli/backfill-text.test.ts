/**
 * What `millrace backfill` says while it runs, and at its end.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backfillLines, progressStep, type ShownBackfill } from '../../src/cli/backfill-text.ts'

function backfill(rows: number, rowsTotal: number | null): ShownBackfill {
  return {
    source: 'orders',
    views: [{ name: 'spent', boundary: '2026-03-01T12:00:00.000Z' }],
    state: 'running',
    rows,
    rowsTotal,
    rejected: 0,
    run: { rows, elapsedMs: 1000 },
    error: null,
  }
}

test('there is something to say at each tenth, and of an unknown number at each million', () => {
  const steps = (total: number | null, rows: readonly number[]): number =>
    new Set(rows.map((each) => progressStep([backfill(each, total)]))).size
  assert.equal(steps(1000, [0, 1, 99]), 1)
  assert.equal(steps(1000, [0, 100, 199, 200, 1000, 1001]), 4)
  assert.equal(steps(null, [0, 999_999, 1_000_000, 1_999_999]), 2)
})

test('what has failed is to be run again, unless its files are others now', () => {
  const failed = (code: 'BATCH_FILE' | 'BATCH_CHANGED') =>
    backfillLines([
      { ...backfill(5, 9), state: 'failed', error: { code, message: 'a file is not there' } },
    ])
  const before = 'spent: 5 of 9 rows of orders; failed: a file is not there'
  assert.deepEqual(failed('BATCH_FILE'), [`${before} (BATCH_FILE); run it again to go on`])
  assert.deepEqual(failed('BATCH_CHANGED'), [`${before} (BATCH_CHANGED)`])
})

test('what is paused says how far it came, and of how many', () => {
  assert.deepEqual(backfillLines([{ ...backfill(1_802_240, 3_000_000), state: 'paused' }]), [
    'spent: 1,802,240 of 3,000,000 rows of orders; paused; run it again to go on',
  ])
})
