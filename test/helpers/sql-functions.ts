/**
 * The aggregate functions in SQL: what DuckDB says of the values of one column in one window.
 *
 * An expression is over the rows of the window, of which each has `x`, the value; `low` and `high`,
 * the least and the greatest x of all; `nth` and `nth_last`, the number of the row among those of
 * the same x, by time and arrival, from either end. It comes with how far off it may be: integers,
 * order and what doubles can add without rounding are exact; the rest is as good as doubles are.
 */
import type { AggregateFunction } from '../../src/model/aggregate-function.ts'

/** SQL of a value, and of how far the true value may be from it. */
export interface SqlValue {
  readonly value: string
  readonly error: string
}

/** The kinds of column that stories have. */
export type SqlKind = 'Int64' | 'Int32' | 'Float64' | 'String'

const ascending = 'ORDER BY time, arrival'

/** A function over the values that are not null. */
export function sqlOf(fn: AggregateFunction, kind: SqlKind): SqlValue {
  switch (fn.name) {
    case 'count':
      return exactly('count(x)')
    case 'min':
      return exactly('min(x)')
    case 'max':
      return exactly('max(x)')
    case 'first':
      return exactly('arg_min(x, (time, arrival))')
    case 'last':
      return exactly('arg_max(x, (time, arrival))')
    case 'first_n':
      return exactly(`${listWhere('x IS NOT NULL')}[:${fn.n}]`)
    case 'last_n':
      return exactly(`${listWhere('x IS NOT NULL')}[-${fn.n}:]`)
    case 'first_distinct_n':
      return exactly(`${listWhere('x IS NOT NULL AND nth = 1')}[:${fn.n}]`)
    case 'last_distinct_n':
      return exactly(`${listWhere('x IS NOT NULL AND nth_last = 1')}[-${fn.n}:]`)
    case 'approx_count_distinct':
      return exactly('count(DISTINCT x)')
    case 'approx_percentile':
      return exactly(`quantile_disc(x, ${fn.percentile}::DECIMAL(10, 9))::DOUBLE`)
    case 'sum':
      return kind === 'Float64' ? floatSum : exactly('sum(x)')
    case 'mean':
      return kind === 'Float64' ? floatMean : exactly(`${nearest('sum(x)')} / count(x)`)
    case 'var_pop':
    case 'var_samp':
    case 'stddev_pop':
    case 'stddev_samp':
      return spread(fn.name, kind)
  }
}

function exactly(value: string): SqlValue {
  return { value, error: '0' }
}

function listWhere(condition: string): string {
  return `coalesce(list(x ${ascending}) FILTER (${condition}), [])`
}

/** A HUGEINT as the double next to it: the cast rounds twice, reading a number once. */
function nearest(hugeint: string): string {
  return `(${hugeint})::VARCHAR::DOUBLE`
}

// Doubles that are whole numbers of 1/1024 add as integers.
const isDyadic = 'abs(x) <= 2 ** 40 AND x * 1024 = floor(x * 1024)'
const areDyadic = `bool_and(${isDyadic})`
const dyadicSum = `${nearest(`sum(TRY_CAST(x * 1024 AS HUGEINT)) FILTER (${isDyadic})`)} / 1024`

/** What is lost where doubles are not normal, or are made so small. */
const tiny = '1e-320'

// Others as doubles add; divided, or the sum of the largest would be infinite on the way.
const floatSum: SqlValue = {
  value: `CASE WHEN ${areDyadic} THEN ${dyadicSum} ELSE sum(x / 128) * 128 END`,
  error: `CASE WHEN ${areDyadic} THEN 0 ELSE sum(abs(x) / 128) * 1e-12 * 128 + ${tiny} END`,
}
const floatMean: SqlValue = {
  value: `CASE WHEN ${areDyadic} THEN ${dyadicSum} / count(x) ELSE avg(x / 128) * 128 END`,
  error: `CASE WHEN ${areDyadic} THEN 0 ELSE avg(abs(x) / 128) * 1e-12 * 128 + ${tiny} END`,
}

/** Variance, or standard deviation, of whole numbers exactly, or of the places between the ends. */
function spread(name: string, kind: SqlKind): SqlValue {
  const isSample = name.endsWith('samp')
  const isRoot = name.startsWith('stddev')
  const enough = `count(x) > ${isSample ? 1 : 0}`
  if (kind === 'Int32') {
    const squares = `count(x) * sum(x::HUGEINT * x) - sum(x) * sum(x)`
    const pairs = `nullif(count(x) * (count(x) - ${isSample ? 1 : 0}), 0)`
    const variance = `${nearest(squares)} / ${pairs}`
    const value = isRoot ? `sqrt(${variance})` : variance
    return { value, error: `${value} * 4e-16` }
  }
  const width = quarterGap('max(high)', 'min(low)', kind)
  const place = `${quarterGap('x', 'low', kind)} / nullif(${quarterGap('high', 'low', kind)}, 0)`
  const variance = `coalesce(var_${isSample ? 'samp' : 'pop'}(${place}), 0)`
  // The width is applied at the end: its square may be out of range where the product is not.
  const scaled = isRoot
    ? `sqrt(${variance}) * ${width} * 4`
    : `${variance} * ${width} * ${width} * 16`
  const value = `CASE WHEN ${enough} THEN ${scaled} END`
  return { value, error: `${value} * 1e-12 + ${tiny}` }
}

/** A quarter of `a` − `b`, which is a double however far they are apart. */
function quarterGap(a: string, b: string, kind: SqlKind): string {
  return kind === 'Int64' ? `((${a}::HUGEINT - ${b})::DOUBLE / 4)` : `(${a} / 4 - ${b} / 4)`
}
