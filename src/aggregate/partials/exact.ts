/**
 * Exact arithmetic for what doubles cannot hold: sums as whole multiples of a power of two, and
 * their one rounding.
 *
 * Every finite double is a whole multiple of 2⁻¹⁰⁷⁴. Slow, as `bigint` is, and only used where a
 * value is made or where a sum does not fit its cells.
 *
 * @see IEEE 754-2019, 3.4 (the encoding) and 4.3.1 (rounding to nearest, ties to even).
 */

/** `units · 2^exponent`. */
export interface Exact {
  readonly units: bigint
  readonly exponent: number
}

/** Every double is a multiple of 2 to this. */
export const doubleExponent = -1074

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)

/** The sum of some doubles and of an exact number, if there is one. */
export function exactSum(values: readonly number[], rest: Exact | null = null): Exact {
  let exponent = rest === null ? Infinity : rest.exponent
  for (const value of values) {
    if (value !== 0) exponent = Math.min(exponent, lowestBit(value))
  }
  if (exponent === Infinity) return { units: 0n, exponent: 0 }
  let units = rest === null ? 0n : unitsOf(rest, exponent)
  for (const value of values) {
    if (value !== 0) units += significand(value) << BigInt(lowestBit(value) - exponent)
  }
  return { units, exponent }
}

/** A number in other units, which must be as fine. */
export function unitsOf({ units, exponent }: Exact, as: number): bigint {
  return units << BigInt(exponent - as)
}

/**
 * The double nearest to `numerator / denominator · 2^exponent`, of two the even one; ±Infinity
 * beyond the range of doubles.
 *
 * @param denominator  Above 0.
 */
export function roundedRatio(numerator: bigint, denominator: bigint, exponent: number): number {
  if (numerator === 0n) return 0
  const magnitude = numerator < 0n ? -numerator : numerator
  // A quotient of 55 or 56 bits, and whether something was left over, decide any rounding.
  const shift = 55 - bitLength(magnitude) + bitLength(denominator)
  const dividend = shift > 0 ? magnitude << BigInt(shift) : magnitude
  const divisor = shift < 0 ? denominator << BigInt(-shift) : denominator
  const quotient = dividend / divisor
  const isInexact = quotient * divisor !== dividend
  const low = exponent - shift
  const lowest = Math.max(low + bitLength(quotient) - 53, doubleExponent)
  const drop = BigInt(lowest - low)
  let kept = quotient >> drop
  const dropped = quotient - (kept << drop)
  const half = 1n << (drop - 1n)
  if (dropped > half || (dropped === half && (isInexact || (kept & 1n) === 1n))) kept += 1n
  const rounded = timesPowerOf2(Number(kept), lowest)
  return numerator < 0n ? -rounded : rounded
}

/** Number of bits of a whole number above 0. */
export function bitLength(magnitude: bigint): number {
  const hex = magnitude.toString(16)
  return hex.length * 4 - (Math.clz32(parseInt(hex[0]!, 16)) - 28)
}

/** `value · 2^exponent`; exact where the result is a double. */
export function timesPowerOf2(value: number, exponent: number): number {
  // Powers beyond the range of doubles in steps within it, the small ones last.
  let scaled = value
  let left = exponent
  for (; left > 1000; left -= 1000) scaled *= 2 ** 1000
  for (; left < -1000; left += 1000) scaled *= 2 ** -1000
  return scaled * 2 ** left
}

/** Exponent of the lowest bit that a double of this size has. */
function lowestBit(value: number): number {
  double[0] = value
  return Math.max((words[1]! >>> 20) & 0x7ff, 1) - 1075
}

/** A double in units of its lowest bit. */
function significand(value: number): bigint {
  return BigInt(timesPowerOf2(value, -lowestBit(value)))
}
