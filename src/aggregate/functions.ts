/**
 * The aggregate functions: which partials each needs, and the value it makes of them.
 *
 * Functions share partials: sum, mean, variance and count of one column cost one sum and one count.
 * A value is null when the column had no value in the window; a count is never null here. A value
 * may be beyond the range of its type: then there is none, and that is told apart from null.
 */
import type { HashSeed } from '../base/hash.ts'
import type { AggregateFunction } from '../model/aggregate-function.ts'
import { columnKind } from '../model/rows.ts'
import type { Field, Value } from '../model/types.ts'
import type { Cells } from './cells.ts'
import type { Partial } from './partial.ts'
import {
  distinctCount,
  distinctCountValue,
  type DistinctCountOptions,
} from './partials/distinct-count.ts'
import { distinctList, distinctListValue } from './partials/distinct-list.ts'
import { extremeFloat, extremeInt, extremeValue } from './partials/extreme.ts'
import { firstLast } from './partials/first-last.ts'
import { isNullThere, latestRow } from './partials/latest-row.ts'
import { list, listValue, type ListOptions } from './partials/list.ts'
import { quantile, quantiles } from './partials/quantile.ts'
import { exactSquares, squaresFloat, squaresInt } from './partials/squares.ts'
import {
  exactFloatSum,
  exactIntSum,
  floatMean,
  floatSum,
  intMean,
  intSum,
  sumFloat,
  sumInt,
} from './partials/sum.ts'
import { deviation, variance, type VarianceOptions } from './partials/variance.ts'
import type { ValuePool } from './value-pool.ts'

/**
 * The value of a function, from its partials at `at` and the number of values that went in, one at
 * least; undefined when it is beyond the range of its type.
 */
export type Finalize = (
  cells: Cells,
  at: readonly number[],
  values: number,
  pool: ValuePool,
) => Value | undefined

export interface NamedPartial {
  /** The same for partials that functions of one column can share. */
  readonly name: string
  readonly partial: Partial
}

export interface FunctionPlan {
  /** The partials beside `count`, in the order in which their cells are given to `finalize`. */
  readonly partials: readonly NamedPartial[]
  readonly finalize: Finalize
  /** The value over events of which none has a value. */
  readonly ofNulls: Value
}

/** A function over a column. */
export interface PlannedFunction {
  readonly fn: AggregateFunction
  /** Of a type that the function takes. */
  readonly field: Field
  /** The secret of the store, for hashes of values. */
  readonly seed: HashSeed
}

/** How a function over a column is computed. */
export function planFunction({ fn, field, seed }: PlannedFunction): FunctionPlan {
  switch (fn.name) {
    case 'count':
      return { partials: [], finalize: (_cells, _at, values) => BigInt(values), ofNulls: 0n }
    case 'sum':
    case 'mean':
      return planSum(fn.name, field)
    case 'var_pop':
    case 'var_samp':
      return planVariance(variance, fn.name === 'var_samp', field)
    case 'stddev_pop':
    case 'stddev_samp':
      return planVariance(deviation, fn.name === 'stddev_samp', field)
    case 'min':
    case 'max':
      return planOne(fn.name, extreme(fn.name, field), readCell(field))
    case 'first':
    case 'last':
      return planOne(fn.name, firstLast(fn.name, field), readCell(field))
    case 'first_n':
    case 'last_n':
    case 'first_distinct_n':
    case 'last_distinct_n':
      return planList(fn, field)
    case 'approx_count_distinct':
      return planDistinctCount({ precision: fn.precision, field, seed })
    case 'approx_percentile':
      return planQuantile(fn, field)
  }
}

/** How a column of the latest row is kept. */
export function planAttribute(field: Field): FunctionPlan {
  const read = readCell(field)
  return planOne('row', latestRow(field), (cells, at, values, pool) =>
    isNullThere(cells, at[0]!) ? null : read(cells, at, values, pool),
  )
}

function planOne(name: string, partial: Partial, finalize: Finalize): FunctionPlan {
  return { partials: [{ name, partial }], finalize, ofNulls: null }
}

function planSum(name: 'sum' | 'mean', field: Field): FunctionPlan {
  if (columnKind(field) === 'int') {
    const read = name === 'sum' ? intSum : intMean
    return planOne('sum', sumInt, (cells, [at], values) => read(cells, at!, values))
  }
  const read = name === 'sum' ? floatSum : floatMean
  return planOne('sum', sumFloat, (cells, [at], values, pool) => read(cells, at!, pool, values))
}

function planVariance(
  read: (options: VarianceOptions) => number | null | undefined,
  isSample: boolean,
  field: Field,
): FunctionPlan {
  const isInt = columnKind(field) === 'int'
  const exactSum = isInt ? exactIntSum : exactFloatSum
  return {
    partials: [
      { name: 'sum', partial: isInt ? sumInt : sumFloat },
      { name: 'squares', partial: isInt ? squaresInt : squaresFloat },
    ],
    finalize: (cells, at, values, pool) => {
      const sum = exactSum(cells, at[0]!, pool)
      return read({ values, sum, squares: exactSquares(cells, at[1]!, pool), isSample })
    },
    ofNulls: null,
  }
}

function planList(fn: Extract<AggregateFunction, { n: number }>, field: Field): FunctionPlan {
  const side = fn.name === 'first_n' || fn.name === 'first_distinct_n' ? 'first' : 'last'
  const isDistinct = fn.name === 'first_distinct_n' || fn.name === 'last_distinct_n'
  const options: ListOptions = { side, n: fn.n, field }
  const partial = isDistinct ? distinctList(options) : list(options)
  const read = isDistinct ? distinctListValue : listValue
  return {
    partials: [{ name: `${fn.name} ${fn.n}`, partial }],
    finalize: (cells, [at], _values, pool) => read(options, cells, at!, pool),
    ofNulls: [],
  }
}

function planDistinctCount(options: DistinctCountOptions): FunctionPlan {
  return {
    partials: [{ name: `distinct ${options.precision}`, partial: distinctCount(options) }],
    finalize: (cells, [at], _values, pool) => distinctCountValue(cells, at!, pool),
    ofNulls: 0n,
  }
}

function planQuantile(
  options: { readonly percentile: number; readonly precision: number },
  field: Field,
): FunctionPlan {
  const { precision } = options
  const partial = quantiles(precision, columnKind(field))
  return planOne(`quantiles ${precision}`, partial, (cells, [at], values, pool) =>
    quantile(cells, at!, values, pool, options),
  )
}

function extreme(which: 'min' | 'max', field: Field): Partial {
  switch (columnKind(field)) {
    case 'int':
      return extremeInt(which)
    case 'float':
      return extremeFloat(which)
    case 'value':
      return extremeValue(which, field.type)
  }
}

function readCell(field: Field): Finalize {
  const kind = columnKind(field)
  if (kind === 'float') return ({ f64 }, [at]) => f64[at!]!
  if (kind === 'value') return ({ f64 }, [at], _values, pool) => pool.get(f64[at!]!)
  if (field.type.kind === 'Int32') return ({ low }, [at]) => low[2 * at!]! | 0
  return ({ high, low }, [at]) => (BigInt(high[2 * at! + 1]!) << 32n) | BigInt(low[2 * at!]!)
}
