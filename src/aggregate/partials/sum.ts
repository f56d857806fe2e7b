/**
 * Sums.
 *
 * Integers: high and low 32 bits are added apart, the low part carrying into the high, so a sum is
 * exact far beyond 64 bits. Identity 0, merge +; commutative, a group. 16 bytes.
 *
 * Floats: the sum is kept as an unevaluated pair of doubles, high and low, 106 bits together, so
 * that the order of the events does not show in the result: it is the correctly rounded sum
 * whenever all partial sums fit 106 bits, and otherwise, for n additions, within n · 2⁻¹⁰⁵ of the
 * sum of absolute values. 16 bytes.
 *
 * @see T. J. Dekker, "A floating-point technique for extending the available precision", 1971;
 * D. E. Knuth, TAOCP vol. 2, 4.2.2, theorem B (the exact error of an addition).
 */
import type { Cells } from '../cells.ts'
import type { Partial } from '../partial.ts'

const twoTo32 = 4294967296

function addInt(f64: Float64Array, at: number, high: number, low: number): void {
  const sum = f64[at + 1]! + low
  const carry = sum >= twoTo32 ? 1 : 0
  f64[at]! += high + carry
  f64[at + 1] = sum - carry * twoTo32
}

export const sumInt: Partial = {
  cells: 2,
  valueCells: [],
  init: zero,
  update({ f64 }, at, rows, { high, low }) {
    const { count, cellOf } = rows
    // A null has the value 0 in its column.
    for (let i = 0; i < count; i++) addInt(f64, cellOf[i]! + at, high[i]!, low[i]!)
  },
  merge(into, at, from, fromAt) {
    addInt(into.f64, at, from.f64[fromAt]!, from.f64[fromAt + 1]!)
  },
}

/** Exact value of an integer sum, which may be beyond 64 bits. */
export function intSum({ f64 }: Cells, at: number): bigint {
  return BigInt(f64[at]!) * 4294967296n + BigInt(f64[at + 1]!)
}

function addFloat(f64: Float64Array, at: number, high: number, low: number): void {
  const a = f64[at]!
  const sum = a + high
  if (!Number.isFinite(sum)) {
    f64[at] = sum
    f64[at + 1] = 0
    return
  }
  const b = sum - a
  const error = a - (sum - b) + (high - b) + (f64[at + 1]! + low)
  const total = sum + error
  f64[at] = total
  f64[at + 1] = error - (total - sum)
}

export const sumFloat: Partial = {
  cells: 2,
  valueCells: [],
  init: zero,
  update({ f64 }, at, rows, { floats }) {
    const { count, cellOf } = rows
    for (let i = 0; i < count; i++) addFloat(f64, cellOf[i]! + at, floats[i]!, 0)
  },
  merge(into, at, from, fromAt) {
    addFloat(into.f64, at, from.f64[fromAt]!, from.f64[fromAt + 1]!)
  },
}

/** The double nearest to a float sum; undefined once a sum on the way left the range of doubles. */
export function floatSum({ f64 }: Cells, at: number): number | undefined {
  const sum = f64[at]! + f64[at + 1]!
  return Number.isFinite(sum) ? sum : undefined
}

function zero(cells: Cells, at: number): void {
  cells.f64[at] = 0
  cells.f64[at + 1] = 0
}
