import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ledgerCountsMax } from '../../src/base/limits.ts'
import { LedgerCounts } from '../../src/ledger/counts.ts'

test('events are counted by producer, source and code, partial ones apart', () => {
  const counts = new LedgerCounts()
  const of = { producer: 'p', source: 's', code: 'EVENT_TIME' }
  counts.add(of, false)
  counts.add(of, true)
  counts.add({ ...of, producer: 'q' }, false)
  counts.add(of, false)
  assert.deepEqual(counts.rows, [
    { ...of, rejected: 2, partial: 1 },
    { ...of, producer: 'q', rejected: 1, partial: 0 },
  ])
  assert.deepEqual(counts.other, { rejected: 0, partial: 0 })
})

test('what finds no row is counted together, and rows go on', () => {
  const counts = new LedgerCounts()
  const of = (n: number) => ({ producer: `p${n}`, source: 's', code: 'EVENT_TIME' })
  for (let n = 0; n < ledgerCountsMax + 5; n++) counts.add(of(n), n % 2 === 0)
  counts.add(of(0), true)
  assert.equal(counts.rows.length, ledgerCountsMax)
  assert.deepEqual(counts.rows[0], { ...of(0), rejected: 0, partial: 2 })
  assert.deepEqual(counts.other, { rejected: 2, partial: 3 })
  const again = new LedgerCounts(counts.rows, counts.other)
  again.add(of(ledgerCountsMax), false)
  again.add(of(1), false)
  assert.deepEqual(again.other, { rejected: 3, partial: 3 })
  assert.equal(again.rows[1]!.rejected, 2)
})

test('names that look alike together are kept apart', () => {
  const counts = new LedgerCounts()
  counts.add({ producer: 'a', source: 'b c', code: 'X' }, false)
  counts.add({ producer: 'a b', source: 'c', code: 'X' }, false)
  assert.equal(counts.rows.length, 2)
})

test('requests with a key take no row each, so that producers have theirs', () => {
  const counts = new LedgerCounts()
  const of = { source: 's', code: 'EVENT_FIELD_TYPE' }
  for (let n = 0; n < ledgerCountsMax; n++) {
    counts.add({ ...of, producer: `request key${n} digest ${n}` }, false)
  }
  counts.add({ ...of, producer: 'web-1' }, false)
  assert.deepEqual(counts.rows, [
    { ...of, producer: 'request', rejected: ledgerCountsMax, partial: 0 },
    { ...of, producer: 'web-1', rejected: 1, partial: 0 },
  ])
})
