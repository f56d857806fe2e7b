/**
 * How far a sum of arbitrary doubles may be off, against exact arithmetic: every finite double is a
 * whole multiple of 2⁻¹⁰⁷⁴, so a `bigint` of such units holds any sum of them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cells } from '../../src/aggregate/cells.ts'
import { floatSum, sumFloat } from '../../src/aggregate/partials/sum.ts'
import { ValuePool } from '../../src/aggregate/value-pool.ts'
import { Column } from '../../src/model/rows.ts'

const pool = new ValuePool()

function sumOf(values: readonly number[]): Cells {
  const cells = new Cells(sumFloat.cells)
  sumFloat.init(cells, 0)
  const column = new Column({ name: 'x', type: { kind: 'Float64', nullable: false } })
  column.grow(values.length)
  values.forEach((value, i) => column.set(i, value))
  const count = values.length
  const rows = { count, cellOf: new Int32Array(count), offsetNs: new Float64Array(count) }
  sumFloat.update(cells, 0, rows, column, pool)
  return cells
}

/** The exact sum, in units of 2⁻¹⁰⁷⁴. */
function exactSum(values: Iterable<number>): bigint {
  let sum = 0n
  for (const value of values) sum += unitsOf(value)
  return sum
}

function unitsOf(value: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(value).buffer)[0]!
  const exponent = (bits >> 52n) & 0x7ffn
  const fraction = bits & 0xf_ffff_ffff_ffffn
  const units = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n)
  return value < 0 ? -units : units
}

const absolute = (value: bigint): bigint => (value < 0n ? -value : value)

// Over the whole range, and near enough to each other to interact and to cancel out.
const wide = fc.double({ noNaN: true, min: -1e300, max: 1e300 })
const near = fc
  .tuple(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), fc.integer({ min: -90, max: 90 }))
  .map(([mantissa, exponent]) => mantissa * 2 ** exponent)
const some = fc
  .array(fc.oneof(wide, near), { maxLength: 8 })
  .chain((values) => fc.shuffledSubarray([...values, ...values.map((value) => -value)]))

test('a few doubles, added and merged, are within 2⁻¹⁰⁰ of the sum of absolute values', () => {
  const property = fc.property(some, some, (early, late) => {
    const sum = sumOf(early)
    sumFloat.merge(sum, 0, sumOf(late), 0, pool)
    const values = [...early, ...late]
    const error = absolute(exactSum(values) - exactSum(sum.f64))
    assert.ok(error << 100n <= exactSum(values.map(Math.abs)))
  })
  fc.assert(property, { seed: 42, numRuns: 1000 })
})

test('any number of doubles is within 2⁻¹⁰⁵ a piece', () => {
  // Each addition loses the same bits: the worst that a sum can be fed.
  const values = [1, ...Array<number>(2000).fill(2 ** -56 + 2 ** -108)]
  const error = absolute(exactSum(values) - exactSum(sumOf(values).f64))
  assert.ok(error << 105n <= exactSum(values) * BigInt(values.length))
})

test('what a plain sum of doubles loses is kept', () => {
  const sum = sumOf([1e16, 1, -1e16, 2 ** -50])
  assert.equal(floatSum(sum, 0), 1 + 2 ** -50)
})
