/**
 * The aggregate functions: which partials each needs, and the value it makes of them.
 *
 * Functions share partials: sum, mean and count of one column cost one sum and one count. A value
 * is null when the column had no value in the window; a count is never null here. A sum may leave
 * the range of its type: then there is no value, and that is told apart from null.
 */
import type { AggregateFunction } from '../model/catalog.ts'
import { columnKind, type ColumnKind } from '../model/rows.ts'
import type { Field, Value } from '../model/types.ts'
import type { Cells } from './cells.ts'
import type { Partial } from './partial.ts'
import { count } from './partials/count.ts'
import { extremeFloat, extremeInt, extremeValue } from './partials/extreme.ts'
import { latest } from './partials/latest.ts'
import { floatSum, intSum, sumFloat, sumInt } from './partials/sum.ts'
import type { ValuePool } from './value-pool.ts'

/** Name of a partial within a column's. */
export type PartialName = 'count' | 'sum' | 'min' | 'max' | 'last'

/**
 * The value of a function, from its partial at `at` and the number of values that went in;
 * undefined when it is beyond the range of its type.
 */
export type Finalize = (
  cells: Cells,
  at: number,
  values: number,
  pool: ValuePool,
) => Value | undefined

export interface FunctionPlan {
  /** The partial beside `count`; null when the count is all it needs. */
  readonly partial: PartialName | null
  readonly finalize: Finalize
}

/** How a function over a column is computed. */
export function planFunction(fn: AggregateFunction, field: Field): FunctionPlan {
  const kind = columnKind(field)
  switch (fn) {
    case 'count':
      return { partial: null, finalize: (_cells, _at, values) => BigInt(values) }
    case 'sum':
      return { partial: 'sum', finalize: kind === 'int' ? int64Sum : floatSum }
    case 'mean':
      return kind === 'int'
        ? { partial: 'sum', finalize: (cells, at, values) => Number(intSum(cells, at)) / values }
        : { partial: 'sum', finalize: floatMean }
    case 'min':
    case 'max':
    case 'last':
      return { partial: fn, finalize: readCell(field, kind) }
  }
}

/** The partial of that name for a column. */
export function partialOf(name: PartialName, kind: ColumnKind): Partial {
  switch (name) {
    case 'count':
      return count
    case 'sum':
      return kind === 'int' ? sumInt : sumFloat
    case 'min':
    case 'max':
      if (kind === 'int') return extremeInt(name)
      return kind === 'float' ? extremeFloat(name) : extremeValue(name)
    case 'last':
      return latest(kind)
  }
}

function readCell(field: Field, kind: ColumnKind): Finalize {
  if (kind === 'float') return ({ f64 }, at) => f64[at]!
  if (kind === 'value') return ({ f64 }, at, _values, pool) => pool.get(f64[at]!)
  if (field.type.kind === 'Int32') return ({ low }, at) => low[2 * at]! | 0
  return ({ high, low }, at) => (BigInt(high[2 * at + 1]!) << 32n) | BigInt(low[2 * at]!)
}

function int64Sum(cells: Cells, at: number): bigint | undefined {
  const sum = intSum(cells, at)
  return sum === BigInt.asIntN(64, sum) ? sum : undefined
}

function floatMean(cells: Cells, at: number, values: number): number | undefined {
  const sum = floatSum(cells, at)
  return sum === undefined ? undefined : sum / values
}
