import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ParkedRows } from '../../src/aggregate/parked.ts'
import { RowBatch } from '../../src/model/rows.ts'
import { engineRows, engineView } from '../helpers/engine.ts'

const view = engineView({
  columns: [{ name: 'n', type: { kind: 'Int64', nullable: false } }],
  features: [{ column: 'n', fn: 'count', windowMs: 60_000 }],
})

/** Parks one row per time, in this order; its value is its place. */
function park(parked: ParkedRows, timesNs: readonly bigint[]): void {
  const events = timesNs.map((timeNs, n) => ({ key: 'k', timeNs, row: { n: BigInt(n) } }))
  const rows = engineRows(view, events)
  events.forEach((_, i) => parked.park(rows, i, rows.columns, true))
}

/** Time and value of each row, of one event each, that comes out by then. */
function take(parked: ParkedRows, nowMs: number): unknown[][] {
  const rows = new RowBatch(view.columns)
  const taken: unknown[][] = []
  parked.take(nowMs, nowMs, rows, () => taken.push([rows.timeMs[0], rows.columns[0]!.get(0)]))
  return taken
}

test('rows come out by event time and, among equals, in the order of arrival', () => {
  const times = fc.array(fc.bigInt({ min: -5n, max: 5n }), { maxLength: 60 })
  const property = fc.property(times, fc.integer({ min: -6, max: 6 }), (timesNs, nowMs) => {
    const parked = new ParkedRows(view.columns)
    park(
      parked,
      timesNs.map((time) => time * 500000n),
    )
    const due = timesNs
      .map((time, n) => ({ time: time * 500000n, n }))
      .filter(({ time }) => time <= BigInt(nowMs) * 1000000n)
      .toSorted((a, b) => Number(a.time - b.time) || a.n - b.n)
    assert.equal(parked.isDue(nowMs), due.length > 0)
    assert.deepEqual(
      take(parked, nowMs).map(([, n]) => Number(n)),
      due.map(({ n }) => n),
    )
    assert.equal(parked.count, timesNs.length - due.length)
  })
  fc.assert(property, { seed: 42, numRuns: 300 })
})

test('a row within the present millisecond has not come yet', () => {
  const parked = new ParkedRows(view.columns)
  park(parked, [7000001n])
  assert.equal(parked.isDue(7), false)
  assert.equal(parked.isDue(8), true)
})

test('rows that were put back keep their order, and later ones come after them', () => {
  const before = new ParkedRows(view.columns)
  park(before, [9000000n, 8000000n, 9000000n])
  const after = new ParkedRows(view.columns)
  after.restore(before.toStored(), before.early)
  park(after, [9000000n])
  assert.deepEqual(take(after, 10), [
    [8, 1n],
    [9, 0n],
    [9, 2n],
    [9, 0n],
  ])
  assert.equal(after.bytes, 0)
})

test('the rows of one event come out together, before and after a checkpoint', () => {
  const events = [1n, 1n, 2n].map((n) => ({ key: 'k', timeNs: 9000000n, row: { n } }))
  const given = engineRows(view, events)
  given.eventIndex[1] = 0
  const before = new ParkedRows(view.columns)
  events.forEach((_, i) => before.park(given, i, given.columns, true))
  const after = new ParkedRows(view.columns)
  after.restore(before.toStored(), before.early)
  for (const parked of [before, after]) {
    const rows = new RowBatch(view.columns)
    const counts: number[] = []
    parked.take(9, 9, rows, () => counts.push(rows.count))
    assert.deepEqual(counts, [2, 1])
  }
})

test('what a read lets go still counts as waiting until arrivals have reached its time', () => {
  const parked = new ParkedRows(view.columns)
  park(parked, [5_000_000n, 6_000_001n, 9_000_000n])
  const rows = new RowBatch(view.columns)
  parked.take(8, 6, rows, () => {})
  assert.equal(parked.count, 1)
  assert.equal(parked.countMax, 2, 'the one of 5 was due at 6, when the newest batch came')
  const restored = new ParkedRows(view.columns)
  restored.restore(parked.toStored(), parked.early)
  for (const each of [parked, restored]) {
    assert.equal(each.countAt(6), 2)
    assert.equal(each.countAt(7), 1)
    assert.equal(each.countAt(6), 1)
  }
})
