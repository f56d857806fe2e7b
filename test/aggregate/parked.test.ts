import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ParkedRows } from '../../src/aggregate/parked.ts'
import { engineRows, engineView } from '../helpers/engine.ts'

const view = engineView({
  columns: [{ name: 'n', type: { kind: 'Int64', nullable: false } }],
  features: [{ column: 'n', fn: 'count', windowMs: 60_000 }],
})

/** Parks one row per time, in this order; its value is its place. */
function park(parked: ParkedRows, timesNs: readonly bigint[]): void {
  const events = timesNs.map((timeNs, n) => ({ key: 'k', timeNs, row: { n: BigInt(n) } }))
  const rows = engineRows(view, events)
  events.forEach((_, i) => parked.park(rows, i, rows.columns))
}

test('rows come out by event time and, among equals, in the order of arrival', () => {
  const times = fc.array(fc.bigInt({ min: -5n, max: 5n }), { maxLength: 60 })
  const property = fc.property(times, fc.integer({ min: -6, max: 6 }), (timesNs, nowMs) => {
    const parked = new ParkedRows()
    park(
      parked,
      timesNs.map((time) => time * 500000n),
    )
    const due = timesNs
      .map((time, n) => ({ time: time * 500000n, n }))
      .filter(({ time }) => time <= BigInt(nowMs) * 1000000n)
      .toSorted((a, b) => Number(a.time - b.time) || a.n - b.n)
    assert.equal(parked.isDue(nowMs), due.length > 0)
    const taken = parked.take(nowMs)
    assert.deepEqual(
      taken.map(({ values }) => Number(values[0])),
      due.map(({ n }) => n),
    )
    assert.equal(parked.count, timesNs.length - due.length)
  })
  fc.assert(property, { seed: 42, numRuns: 300 })
})

test('a row within the present millisecond has not come yet', () => {
  const parked = new ParkedRows()
  park(parked, [7000001n])
  assert.equal(parked.isDue(7), false)
  assert.equal(parked.isDue(8), true)
})

test('rows that were put back keep their order, and later ones come after them', () => {
  const before = new ParkedRows()
  park(before, [9000000n, 8000000n, 9000000n])
  const after = new ParkedRows()
  for (const row of before.rows()) after.restore(row)
  park(after, [9000000n])
  const taken = after.take(10)
  assert.deepEqual(
    taken.map(({ timeMs, values }) => [timeMs, values[0]]),
    [
      [8, 1n],
      [9, 0n],
      [9, 2n],
      [9, 0n],
    ],
  )
  assert.equal(after.bytes, 0)
})
