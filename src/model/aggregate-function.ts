/**
 * The aggregate functions, as plain data: what a definition names and what the engine computes.
 */

/** Functions that have no parameter. */
export const plainFunctions = [
  'count',
  'sum',
  'mean',
  'min',
  'max',
  'first',
  'last',
  'var_pop',
  'var_samp',
  'stddev_pop',
  'stddev_samp',
] as const
export type PlainFunction = (typeof plainFunctions)[number]

/** Functions whose value is a list of at most `n` values, ascending by time. */
export const listFunctions = ['first_n', 'last_n', 'first_distinct_n', 'last_distinct_n'] as const
export type ListFunction = (typeof listFunctions)[number]

/** A function with its parameters. */
export type AggregateFunction =
  | { readonly name: PlainFunction }
  | {
      readonly name: ListFunction
      /** Values at most, 1 … 1000. */
      readonly n: number
    }
  | {
      readonly name: 'approx_count_distinct'
      /** log2 of the number of registers, 4 … 16: the standard error is 1.04 / √2^precision. */
      readonly precision: number
    }
  | {
      readonly name: 'approx_percentile'
      /** Which value, by rank: 0 the smallest, 0.5 the median, 1 the largest. */
      readonly percentile: number
      /** 20 … 500: the value is off by 1 / precision of itself at most. */
      readonly precision: number
    }

export type FunctionName = AggregateFunction['name']

/**
 * A function as it stands in a feature's name: `sum`, `last_distinct_3`, `approx_percentile_p0_5`.
 */
export function functionLabel(fn: AggregateFunction): string {
  switch (fn.name) {
    case 'first_n':
    case 'last_n':
    case 'first_distinct_n':
    case 'last_distinct_n':
      return `${fn.name.slice(0, -1)}${fn.n}`
    case 'approx_percentile':
      return `approx_percentile_p${String(fn.percentile).replace('.', '_')}`
    default:
      return fn.name
  }
}
