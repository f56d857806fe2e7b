import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cells } from '../../src/aggregate/cells.ts'
import { unitsOf } from '../../src/aggregate/partials/exact.ts'
import { exactSquares, squaresFloat, squaresInt } from '../../src/aggregate/partials/squares.ts'
import { ValuePool } from '../../src/aggregate/value-pool.ts'
import { Column } from '../../src/model/rows.ts'
import type { Value } from '../../src/model/types.ts'
import { unitsOf as naiveUnits } from '../helpers/naive.ts'

const stride = 8

/** The sum of the squares of values in two tiles, merged; in units of 2⁻²¹⁴⁸. */
function squaresOf(kind: 'Float64' | 'Int64', tiles: readonly (readonly Value[])[]): bigint {
  const partial = kind === 'Float64' ? squaresFloat : squaresInt
  const pool = new ValuePool()
  const cells = new Cells(stride * 4)
  for (let tile = 0; tile < 4; tile++) partial.init(cells, tile * stride)
  const merged = 3 * stride
  tiles.forEach((values, i) => {
    const column = new Column({ name: 'x', type: { kind, nullable: false } })
    column.grow(values.length)
    values.forEach((value, row) => column.set(row, value))
    const cellOf = new Int32Array(values.length).fill((i + 1) * stride)
    const { length: count } = values
    const rows = {
      from: 0,
      to: count,
      cellOf,
      offsetNs: new Float64Array(count),
      columns: [column],
    }
    partial.update(cells, 0, rows, column, pool)
    partial.merge(cells, merged, cells, (i + 1) * stride, pool)
  })
  return unitsOf(exactSquares(cells, merged, pool), -2148)
}

const wide = fc.double({ noNaN: true, noDefaultInfinity: true })
const near = fc
  .tuple(fc.double({ min: 1, max: 2, noNaN: true }), fc.integer({ min: -479, max: 479 }))
  .map(([fraction, exponent]) => fraction * 2 ** exponent)
const floats = fc.array(fc.oneof(wide, near, near), { maxLength: 20 })

test('the sum of the squares of doubles is exact', () => {
  const property = fc.property(floats, floats, (first, second) => {
    const expected = [...first, ...second].reduce((sum, x) => sum + naiveUnits(x) ** 2n, 0n)
    assert.equal(squaresOf('Float64', [first, second]), expected)
  })
  fc.assert(property, { seed: 42, numRuns: 500 })
})

const int = fc.oneof(
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  fc.bigInt({ min: -(1n << 54n), max: 1n << 54n }),
  fc.bigInt({ min: -9n, max: 9n }),
  fc.constantFrom(-(1n << 63n), (1n << 63n) - 1n),
)
const ints = fc.array(int, { maxLength: 20 })

test('the sum of the squares of 64-bit integers is exact', () => {
  const property = fc.property(ints, ints, (first, second) => {
    const expected = [...first, ...second].reduce((sum, x) => sum + x * x, 0n)
    assert.equal(squaresOf('Int64', [first, second]), expected << 2148n)
  })
  fc.assert(property, { seed: 42, numRuns: 500 })
})
