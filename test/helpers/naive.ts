/**
 * The aggregate functions by their definitions, over a plain list of values. Slow and plain to see:
 * what is exact is exact by `bigint`, what is rounded is compared with every double there is.
 */
import type { AggregateFunction } from '../../src/model/aggregate-function.ts'
import type { DataType, Field, Value } from '../../src/model/types.ts'

/**
 * The value of a function over the values of a column that are not null, in the order of time and
 * arrival; undefined beyond the range of its type. What is approximate is exact here.
 */
export function naive(
  fn: AggregateFunction,
  values: readonly Value[],
  { type }: Field,
): Value | undefined {
  switch (fn.name) {
    case 'count':
      return BigInt(values.length)
    case 'approx_count_distinct':
      return BigInt(distinct(values).length)
    case 'first_n':
      return values.slice(0, fn.n)
    case 'last_n':
      return values.slice(-fn.n)
    case 'first_distinct_n':
      return distinct(values).slice(0, fn.n)
    case 'last_distinct_n':
      return distinct(values.toReversed()).slice(0, fn.n).reverse()
    default:
      return values.length === 0 ? null : ofSome(fn, values, type)
  }
}

/** A function that has no value over no values. */
function ofSome(
  fn: AggregateFunction,
  values: readonly Value[],
  type: DataType,
): Value | undefined {
  switch (fn.name) {
    case 'first':
      return values[0]!
    case 'last':
      return values.at(-1)!
    case 'min':
      return values.toSorted(compare)[0]!
    case 'max':
      return values.toSorted(compare).at(-1)!
    case 'approx_percentile':
      return ranked(values.map(Number), fn.percentile)
    default:
      return type.kind.startsWith('Int')
        ? ofSums(
            fn.name,
            values.map((value) => BigInt(value as number)),
            0,
          )
        : ofSums(
            fn.name,
            values.map((value) => unitsOf(value as number)),
            -1074,
          )
  }
}

/** By value; strings by code point. */
export function compare(a: Value, b: Value): number {
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
  return a! < b! ? -1 : a! > b! ? 1 : 0
}

/** The value whose rank is the percentile of all, rounded up; its decimals are meant exactly. */
export function ranked(values: readonly number[], percentile: number): number {
  const [whole, decimals = ''] = percentile.toFixed(9).split('.')
  const scaled = BigInt(whole! + decimals) * BigInt(values.length)
  const rank = Number((scaled + 10n ** 9n - 1n) / 10n ** 9n)
  return values.toSorted((a, b) => a - b)[Math.max(rank, 1) - 1]!
}

/** Each value in the place of its first occurrence. */
function distinct(values: readonly Value[]): readonly Value[] {
  return [...new Set(values)]
}

/** Functions of the values and their squares, from whole numbers of units of 2^exponent. */
function ofSums(name: string, values: readonly bigint[], exponent: number): Value | undefined {
  const n = BigInt(values.length)
  const sum = values.reduce((total, each) => total + each, 0n)
  if (name === 'sum' && exponent === 0) return sum === BigInt.asIntN(64, sum) ? sum : undefined
  const rounded = nearest(sum, 1n, exponent)
  if (name === 'sum') return finite(rounded)
  if (name === 'mean')
    return Number.isFinite(rounded) ? rounded / values.length : nearest(sum, n, exponent)
  const squares = values.reduce((total, each) => total + each * each, 0n)
  const isSample = name.endsWith('samp')
  if (isSample && n === 1n) return null
  const numerator = n * squares - sum * sum
  const denominator = n * (isSample ? n - 1n : n)
  if (name.startsWith('var')) return finite(nearest(numerator, denominator, 2 * exponent))
  if (numerator === 0n) return 0
  // The root of the rounded variance, or of 2^2k times it where that is not a normal double.
  for (let k = 0; ; k = k > 0 ? -k : 500 - k) {
    const variance = nearest(numerator, denominator, 2 * exponent + 2 * k)
    if (variance >= 2 ** -1022 && variance < Infinity) return finite(Math.sqrt(variance) * 2 ** -k)
  }
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}

const view = new DataView(new ArrayBuffer(8))

/** A double in units of 2^-1074, of which every double is a whole number. */
export function unitsOf(value: number): bigint {
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const units = unitsOfBits(bits & ((1n << 63n) - 1n))
  return bits >> 63n === 1n ? -units : units
}

/** The same from the bits of a double that is not negative; infinity is next to the largest. */
function unitsOfBits(bits: bigint): bigint {
  const exponent = bits >> 52n
  const fraction = bits & 0xf_ffff_ffff_ffffn
  return exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n)
}

/** The double nearest to `numerator / denominator · 2^exponent`, of two the even one. */
export function nearest(numerator: bigint, denominator: bigint, exponent: number): number {
  if (numerator < 0n) return -nearest(-numerator, denominator, exponent)
  // In units of 2^-1074, as a fraction.
  const shift = BigInt(exponent + 1074)
  const over = shift > 0n ? numerator << shift : numerator
  const under = shift < 0n ? denominator << -shift : denominator
  let low = 0n
  let high = 0x7ffn << 52n
  while (high - low > 1n) {
    const middle = (low + high) / 2n
    if (unitsOfBits(middle) * under <= over) low = middle
    else high = middle
  }
  const toLow = over - unitsOfBits(low) * under
  const toHigh = unitsOfBits(high) * under - over
  const isLow = toLow < toHigh || (toLow === toHigh && low % 2n === 0n)
  view.setBigUint64(0, isLow ? low : high)
  return view.getFloat64(0)
}
