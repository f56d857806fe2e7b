/**
 * Sums of integers, and what is made of them, over more events than any test can add.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cells } from '../../src/aggregate/cells.ts'
import { exactIntSum, intMean, intSum, sumInt } from '../../src/aggregate/partials/sum.ts'
import { ValuePool } from '../../src/aggregate/value-pool.ts'
import { Column } from '../../src/model/rows.ts'
import type { Field } from '../../src/model/types.ts'
import { Tiles } from '../helpers/tiles.ts'

const field: Field = { name: 'x', type: { kind: 'Int64', nullable: false } }
const pool = new ValuePool()
const at = 1

/** The sum of some values, each added as an event. */
function sumOf(values: readonly bigint[]): Cells {
  const cells = new Cells(3)
  sumInt.init(cells, at)
  const column = new Column(field)
  column.grow(values.length)
  values.forEach((value, i) => column.set(i, value))
  const count = values.length
  const offsetNs = new Float64Array(count)
  const rows = { from: 0, to: count, cellOf: new Int32Array(count), offsetNs, columns: [column] }
  sumInt.update(cells, at, rows, column, pool)
  return cells
}

function merged(...parts: readonly Cells[]): Cells {
  const cells = new Cells(3)
  sumInt.init(cells, at)
  for (const part of parts) sumInt.merge(cells, at, part, at, pool)
  return cells
}

/** A sum merged with itself, `times` times over. */
function doubled(sum: Cells, times: number): Cells {
  return times === 0 ? sum : doubled(merged(sum, sum), times - 1)
}

const unitsOf = (cells: Cells): bigint => exactIntSum(cells, at).units
const int64Max = 2n ** 63n - 1n

test('2^53 of the largest integers, or of the smallest, have exact sums that cancel out', () => {
  for (const value of [(2n ** 31n - 1n) * 2n ** 32n, int64Max, 1n, 2n ** 32n - 1n]) {
    const up = doubled(sumOf([value]), 53)
    const down = doubled(sumOf([-value]), 53)
    assert.equal(unitsOf(up), value << 53n)
    assert.equal(unitsOf(down), -value << 53n)
    assert.equal(intSum(merged(up, down), at), 0n)
    assert.equal(intSum(merged(down, sumOf([7n]), up), at), 7n)
    assert.equal(intMean(up, at, 2 ** 53), Number(value))
  }
  assert.equal(unitsOf(doubled(sumOf([-(2n ** 63n)]), 53)), -(2n ** 116n))
})

test('an event is added to a sum of any size', () => {
  for (const value of [int64Max, -(2n ** 63n)]) {
    for (const times of [0, 1, 22, 52]) {
      const sum = doubled(sumOf([value]), times)
      for (const next of [1n, -1n, int64Max, -(2n ** 63n), 2n ** 32n, -(2n ** 32n)]) {
        const cells = merged(sum)
        const column = new Column(field)
        column.grow(1)
        column.set(0, next)
        const rows = { from: 0, to: 1, cellOf: new Int32Array(1), offsetNs: new Float64Array(1) }
        sumInt.update(cells, at, { ...rows, columns: [column] }, column, pool)
        assert.equal(unitsOf(cells), (value << BigInt(times)) + next)
      }
    }
  }
})

test('any integers in any parts have the sum that they have', () => {
  const integer = fc.oneof(
    fc.bigInt(-(2n ** 63n), int64Max),
    fc.bigInt(-5n, 5n),
    fc.constantFrom(int64Max, -(2n ** 63n), 2n ** 32n, -(2n ** 32n), 2n ** 32n - 1n),
  )
  fc.assert(
    fc.property(fc.array(fc.array(integer, { maxLength: 20 }), { maxLength: 5 }), (parts) => {
      const exact = parts.flat().reduce((sum, each) => sum + each, 0n)
      const cells = merged(...parts.map(sumOf))
      assert.equal(unitsOf(cells), exact)
      assert.equal(intSum(cells, at), exact === BigInt.asIntN(64, exact) ? exact : undefined)
    }),
    { seed: 42, numRuns: 500 },
  )
})

test('equal integers of any number do not vary, and those that differ by 2 do by 1', () => {
  const nanoseconds = 1_714_564_800_123_456_789n
  for (const kind of ['Int64', 'Timestamp'] as const) {
    const column = { name: 'x', type: { kind, nullable: false } }
    const deviationOf = (values: readonly bigint[], times: number) => {
      const tiles = new Tiles({ fn: { name: 'stddev_pop' }, field: column, tiles: 1 })
      tiles.update(
        1,
        values.map((value) => ({ value, offsetNs: 0 })),
      )
      return tiles.doubled(1, times)
    }
    for (const times of [0, 1, 25, 40, 52]) {
      assert.equal(deviationOf([nanoseconds], times), 0)
      assert.equal(deviationOf([nanoseconds, nanoseconds + 2n], times), 1)
    }
  }
})
