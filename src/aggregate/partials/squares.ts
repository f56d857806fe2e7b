/**
 * Sum of squares: with the sum and the count, all that a variance needs.
 *
 * A square of a double is the sum of two doubles, exactly. They are added to four doubles, each of
 * which takes the exact errors of the one before: about 200 bits, enough for values that lie ten
 * decimal places apart. What the last cannot take, and squares of values beyond 2^±480, are spilled
 * (`spill.ts`) in units of 2⁻²¹⁴⁸; so the sum is always exact.
 *
 * Algebra: identity 0, merge +; commutative, a group. 40 bytes.
 *
 * @see T. J. Dekker, "A floating-point technique for extending the available precision", 1971 (the
 * exact product); T. Ogita, S. M. Rump and S. Oishi, "Accurate sum and dot product", 2005 (the
 * cascade).
 */
import type { Cells } from '../cells.ts'
import type { Partial } from '../partial.ts'
import type { ValuePool } from '../value-pool.ts'
import { doubleExponent, exactSum, unitsOf, type Exact } from './exact.ts'
import { mergeState, releaseState } from './pooled-state.ts'
import { spill, spillCell, spilled, spillMerged, spills } from './spill.ts'

const terms = 4
const spillAt = terms
const squareExponent = 2 * doubleExponent

/** Between these, a square and its error are doubles, and no sum of them leaves the range. */
const magnitudeMin = 2 ** -480
const magnitudeMax = 2 ** 480

/** Adds to a cascade; returns what its last term could not take. */
function add(f64: Float64Array, at: number, value: number): number {
  let rest = value
  for (let term = at; term < at + terms; term++) {
    const before = f64[term]!
    const sum = before + rest
    const a = sum - before
    f64[term] = sum
    rest = before - (sum - a) + (rest - a)
    if (rest === 0) break
  }
  return rest
}

/** 2²⁷ + 1: splits a double into two of 26 bits. */
const splitter = 134217729

/** What `x · y` loses when it is rounded, for magnitudes far from the ends of the range. */
function productError(x: number, y: number, product: number): number {
  const p = splitter * x
  const xHigh = p - (p - x)
  const xLow = x - xHigh
  const q = splitter * y
  const yHigh = q - (q - y)
  const yLow = y - yHigh
  return xLow * yLow - (product - xHigh * yHigh - xLow * yHigh - xHigh * yLow)
}

/** Adds `x · y` to the tile at `at`, of which `tile` is 0 where nobody reads it. */
function addProduct(
  cells: Cells,
  tile: number,
  at: number,
  x: number,
  y: number,
  pool: ValuePool,
): void {
  const product = x * y
  const rest = add(cells.f64, at, product)
  const error = productError(x, y, product)
  const restOfError = error === 0 ? 0 : add(cells.f64, at, error)
  if (tile === 0) return
  if (rest !== 0) spill(cells, at + spillAt, units(rest), pool)
  if (restOfError !== 0) spill(cells, at + spillAt, units(restOfError), pool)
}

const common: Omit<Partial, 'update'> = {
  cells: terms + 1,
  valueCells: [spillCell(spillAt)],
  init({ f64 }, at) {
    for (let cell = at; cell <= at + spillAt; cell++) f64[cell] = 0
  },
  merge(into, at, from, fromAt, pool) {
    mergeState(spills, into, at + spillAt, from, fromAt + spillAt, pool)
    for (let term = fromAt; term < fromAt + terms; term++) {
      const rest = add(into.f64, at, from.f64[term]!)
      if (rest !== 0) spillMerged(into, at + spillAt, units(rest), pool)
    }
  },
  release(cells, at, pool) {
    releaseState(cells, at + spillAt, pool)
  },
}

export const squaresFloat: Partial = {
  ...common,
  update(cells, at, rows, { floats }, pool) {
    const { from, to, cellOf } = rows
    for (let i = from; i < to; i++) {
      const value = floats[i]!
      const magnitude = Math.abs(value)
      // A null has the value 0 in its column.
      if (magnitude === 0) continue
      const tile = cellOf[i]!
      if (magnitude > magnitudeMin && magnitude < magnitudeMax) {
        addProduct(cells, tile, tile + at, value, value, pool)
      } else if (tile !== 0) {
        const exact = unitsOf(exactSum([value]), doubleExponent)
        spill(cells, tile + at + spillAt, exact * exact, pool)
      }
    }
  },
}

const twoTo32 = 4294967296

export const squaresInt: Partial = {
  ...common,
  update(cells, at, rows, { high, low }, pool) {
    const { from, to, cellOf } = rows
    for (let i = from; i < to; i++) {
      const tile = cellOf[i]!
      const cell = tile + at
      const upper = high[i]! * twoTo32
      const lower = low[i]!
      const value = upper + lower
      if (Number.isSafeInteger(value)) {
        if (value !== 0) addProduct(cells, tile, cell, value, value, pool)
        continue
      }
      // (u + l)² = u² + 2ul + l²: both halves are doubles where their sum is not.
      addProduct(cells, tile, cell, upper, upper, pool)
      addProduct(cells, tile, cell, 2 * upper, lower, pool)
      addProduct(cells, tile, cell, lower, lower, pool)
    }
  },
}

/** The exact sum of squares. */
export function exactSquares({ f64 }: Cells, at: number, pool: ValuePool): Exact {
  const rest = spilled(f64, at + spillAt, pool)
  const sums = [...f64.subarray(at, at + terms)]
  return exactSum(sums, rest === 0n ? null : { units: rest, exponent: squareExponent })
}

function units(value: number): bigint {
  return unitsOf(exactSum([value]), squareExponent)
}
