/**
 * Sums.
 *
 * Integers: 128 bits as four words, in two's complement. A sum of 2⁶⁴ values of 64 bits each is in
 * range, so it is exact, whatever comes. Identity 0, merge +; commutative, a group. 16 bytes.
 *
 * Floats: the sum is kept as an unevaluated pair of doubles, high and low, 106 bits together, so
 * that the order of the events does not show in the result. The exact error of every addition that
 * the pair cannot take is spilled (`spill.ts`), in units of 2⁻¹⁰⁷⁴: the sum is always exact, and is
 * rounded once, when it is read. Identity 0, merge +; commutative, a group. 24 bytes.
 *
 * @see T. J. Dekker, "A floating-point technique for extending the available precision", 1971;
 * D. E. Knuth, TAOCP vol. 2, 4.2.2, theorem B (the exact error of an addition).
 */
import type { Cells } from '../cells.ts'
import type { Partial } from '../partial.ts'
import type { ValuePool } from '../value-pool.ts'
import { doubleExponent, exactSum, roundedRatio, unitsOf, type Exact } from './exact.ts'
import { mergeState, releaseState } from './pooled-state.ts'
import { spill, spillCell, spilled, spillMerged, spills } from './spill.ts'

const twoTo32 = 4294967296

/** Adds to the upper half of a sum, whose first word is `at`; to all of it modulo 2¹²⁸. */
function addUpper(words: Uint32Array, at: number, low: number, high: number): void {
  const sum = words[at]! + low
  words[at] = sum
  words[at + 1]! += high + (sum >= twoTo32 ? 1 : 0)
}

export const sumInt: Partial = {
  cells: 2,
  valueCells: [],
  init({ f64 }, at) {
    f64[at] = 0
    f64[at + 1] = 0
  },
  update({ low: words }, at, rows, { high, low }) {
    const { from, to, cellOf } = rows
    // A null has the value 0 in its column.
    for (let i = from; i < to; i++) {
      const word = 2 * (cellOf[i]! + at)
      const first = words[word]! + low[i]!
      const second = words[word + 1]! + (high[i]! >>> 0) + (first >= twoTo32 ? 1 : 0)
      words[word] = first
      words[word + 1] = second
      // The sign, as far as 64 bits say it, and what is carried; mostly nothing or both.
      const rest = (high[i]! >> 31) + (second >= twoTo32 ? 1 : 0)
      if (rest !== 0) addUpper(words, word + 2, rest >>> 0, rest >> 31)
    }
  },
  merge: addInts,
  fold: addInts,
}

function addInts({ low: words }: Cells, at: number, { low: from }: Cells, fromAt: number): void {
  let carry = 0
  for (let n = 0; n < 4; n++) {
    const sum = words[2 * at + n]! + from[2 * fromAt + n]! + carry
    words[2 * at + n] = sum
    carry = sum >= twoTo32 ? 1 : 0
  }
}

/** The exact value of an integer sum, which may be beyond 64 bits. */
export function exactIntSum(cells: Cells, at: number): Exact {
  const high = (wordOf(cells, at + 1, 1) << 32n) | wordOf(cells, at + 1, 0)
  const low = (wordOf(cells, at, 1) << 32n) | wordOf(cells, at, 0)
  return { units: BigInt.asIntN(128, (high << 64n) | low), exponent: 0 }
}

function wordOf({ low }: Cells, cell: number, half: 0 | 1): bigint {
  return BigInt(low[2 * cell + half]!)
}

/** An integer sum; undefined beyond 64 bits. */
export function intSum(cells: Cells, at: number): bigint | undefined {
  const { units } = exactIntSum(cells, at)
  return units === BigInt.asIntN(64, units) ? units : undefined
}

/** An integer sum, rounded, by the number of its values. */
export function intMean(cells: Cells, at: number, values: number): number {
  return Number(exactIntSum(cells, at).units) / values
}

const spillAt = 2

/** Above, a value is spilled whole, so that no sum of others leaves the range of doubles. */
const pairMax = 2 ** 960

/** Adds to a pair; returns what the pair could not take. */
function addFloat(f64: Float64Array, at: number, value: number): number {
  const high = f64[at]!
  const low = f64[at + 1]!
  const sum = high + value
  const a = sum - high
  const error = high - (sum - a) + (value - a)
  const lows = low + error
  const b = lows - low
  const total = sum + lows
  f64[at] = total
  f64[at + 1] = lows - (total - sum)
  return low - (lows - b) + (error - b)
}

export const sumFloat: Partial = {
  cells: 3,
  valueCells: [spillCell(spillAt)],
  init(cells, at) {
    cells.f64[at] = 0
    cells.f64[at + 1] = 0
    cells.f64[at + spillAt] = 0
  },
  update(cells, at, rows, { floats }, pool) {
    const { f64 } = cells
    const { from, to, cellOf } = rows
    for (let i = from; i < to; i++) {
      const value = floats[i]!
      const cell = cellOf[i]! + at
      const rest = Math.abs(value) > pairMax ? value : addFloat(f64, cell, value)
      if (rest !== 0 && cellOf[i] !== 0) spill(cells, cell + spillAt, units(rest), pool)
    }
  },
  merge(into, at, from, fromAt, pool) {
    mergeState(spills, into, at + spillAt, from, fromAt + spillAt, pool)
    for (let part = fromAt; part < fromAt + spillAt; part++) {
      const rest = addFloat(into.f64, at, from.f64[part]!)
      if (rest !== 0) spillMerged(into, at + spillAt, units(rest), pool)
    }
  },
  fold(into, at, from, fromAt, _shiftNs, pool) {
    const spilt = spilled(from.f64, fromAt + spillAt, pool)
    if (spilt !== 0n) spill(into, at + spillAt, spilt, pool)
    for (let part = fromAt; part < fromAt + spillAt; part++) {
      const rest = addFloat(into.f64, at, from.f64[part]!)
      if (rest !== 0) spill(into, at + spillAt, units(rest), pool)
    }
  },
  release(cells, at, pool) {
    releaseState(cells, at + spillAt, pool)
  },
}

/** The exact value of a float sum. */
export function exactFloatSum({ f64 }: Cells, at: number, pool: ValuePool): Exact {
  const rest = spilled(f64, at + spillAt, pool)
  const pair = [f64[at]!, f64[at + 1]!]
  return exactSum(pair, rest === 0n ? null : { units: rest, exponent: doubleExponent })
}

/** The double nearest to a float sum; undefined beyond the range of doubles. */
export function floatSum(cells: Cells, at: number, pool: ValuePool): number | undefined {
  // The high part of a pair is the pair, rounded.
  if (cells.f64[at + spillAt] === 0) return cells.f64[at]!
  const { units, exponent } = exactFloatSum(cells, at, pool)
  const sum = roundedRatio(units, 1n, exponent)
  return Number.isFinite(sum) ? sum : undefined
}

/** The rounded sum by the number of values; the exact sum where the rounded one is too large. */
export function floatMean(cells: Cells, at: number, pool: ValuePool, values: number): number {
  const sum = floatSum(cells, at, pool)
  if (sum !== undefined) return sum / values
  const { units, exponent } = exactFloatSum(cells, at, pool)
  return roundedRatio(units, BigInt(values), exponent)
}

function units(value: number): bigint {
  return unitsOf(exactSum([value]), doubleExponent)
}
