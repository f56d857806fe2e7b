/**
 * Variance and standard deviation, from the exact sums of a column's values and of their squares.
 *
 * With n values, S₁ = Σx and S₂ = Σx²: n²·variance = n·S₂ − S₁² exactly, where doubles would lose
 * all digits of values that differ little. The variance is that, divided and rounded once; the
 * standard deviation is the root of it, and stays in range where the square does not.
 */
import { bitLength, roundedRatio, timesPowerOf2, unitsOf, type Exact } from './exact.ts'

export interface VarianceOptions {
  /** Number of values, 1 at least. */
  readonly values: number
  readonly sum: Exact
  readonly squares: Exact
  /** Divides by `values − 1`: an estimate for all, from a sample. */
  readonly isSample: boolean
}

/**
 * @returns null for a sample of one value; undefined beyond the range of doubles.
 */
export function variance(options: VarianceOptions): number | null | undefined {
  const ratio = varianceRatio(options)
  return ratio === null ? null : finite(roundedRatio(...ratio))
}

/**
 * @returns null for a sample of one value; undefined beyond the range of doubles.
 */
export function deviation(options: VarianceOptions): number | null | undefined {
  const ratio = varianceRatio(options)
  if (ratio === null) return null
  const [numerator, denominator, exponent] = ratio
  if (numerator === 0n) return 0
  // Near 1, by an even power of two, the root and the power are exact to the last bit.
  const size = bitLength(numerator) - bitLength(denominator) + exponent
  const half = Math.floor(size / 2)
  const root = Math.sqrt(roundedRatio(numerator, denominator, exponent - 2 * half))
  return finite(timesPowerOf2(root, half))
}

/** Numerator, denominator and exponent of the exact variance. */
function varianceRatio(options: VarianceOptions): [bigint, bigint, number] | null {
  const { values, sum, squares, isSample } = options
  if (isSample && values === 1) return null
  const exponent = Math.min(2 * sum.exponent, squares.exponent)
  const n = BigInt(values)
  const squared = { units: sum.units * sum.units, exponent: 2 * sum.exponent }
  const numerator = n * unitsOf(squares, exponent) - unitsOf(squared, exponent)
  return [numerator, n * (isSample ? n - 1n : n), exponent]
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}
