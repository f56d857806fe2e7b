/**
 * Approximate values of the engine beside exact ones of DuckDB, over keys with more values than are
 * kept exactly.
 */
import assert from 'node:assert/strict'
import { evaluate } from '../../src/aggregate/evaluate.ts'
import { ViewState } from '../../src/aggregate/view-state.ts'
import type { AggregateFunction } from '../../src/model/aggregate-function.ts'
import type { AggregateFeature } from '../../src/model/catalog.ts'
import type { Field, Value } from '../../src/model/types.ts'
import { engineKey, engineRows, engineSeed, engineView, type FeatureSpec } from './engine.ts'
import type { OracleEvent } from './oracle.ts'
import { randomNumbers } from './random.ts'
import { openSqlOracle } from './sql-oracle.ts'

/** Values of each key. */
const keySizes = [40, 150, 700, 1500, 3000]

const columns: readonly Field[] = [
  { name: 'whole', type: { kind: 'Int64', nullable: false } },
  { name: 'amount', type: { kind: 'Float64', nullable: false } },
  { name: 'place', type: { kind: 'String', nullable: false } },
]

const dayMs = 86_400_000
const edgeMs = 20_000 * dayMs

/** A day, of which the engine puts 24 tiles together. */
const windowMs = dayMs

const features: readonly FeatureSpec[] = [
  ...[4, 8, 12, 16].flatMap((precision) =>
    columns.map(({ name }): FeatureSpec => {
      return { column: name, fn: { name: 'approx_count_distinct', precision }, windowMs }
    }),
  ),
  ...[20, 100, 500].flatMap((precision) =>
    [0, 0.01, 0.25, 0.5, 0.9, 0.999, 1].flatMap((percentile) =>
      ['whole', 'amount'].map((column): FeatureSpec => {
        return { column, fn: { name: 'approx_percentile', percentile, precision }, windowMs }
      }),
    ),
  ),
]

export interface ApproximateRunResult {
  readonly values: number
  /** Errors of the distinct counts, as a share of the error that they claim: root mean square. */
  readonly distinctError: number
  /** The largest error of a percentile, as a share of the most that it claims. */
  readonly percentileError: number
}

/** Throws where an error is larger than is claimed; null where DuckDB cannot be loaded. */
export async function approximateRun(seed: number): Promise<ApproximateRunResult | null> {
  const sql = await openSqlOracle()
  if (sql === null) return null
  const view = engineView({ columns, features })
  const events = eventsOf(randomNumbers(seed))
  const [answers] = await sql.answer([{ view, events, edgeNs: BigInt(edgeMs) * 1_000_000n }])
  sql.close()
  const state = new ViewState(view, {
    seed: engineSeed,
    load: () => null,
    loadChunks: () => [],
    capture: () => undefined,
  })
  const rows = engineRows(view, events)
  rows.endSpan(edgeMs)
  state.apply(rows, rows.columns)
  const errors = { distinct: [] as number[], percentile: [] as number[] }
  for (const [key, said] of answers!) {
    const { bytes, hash } = engineKey(key)
    const places = view.features.map((_, place) => place)
    const { values } = evaluate(state, {
      key: { keyHash: hash, bytes, keyStart: 0, keyEnd: bytes.length },
      features: places,
      edge: { edgeMs, edgeNs: 0 },
    })
    for (const place of places) {
      const { fn, column } = view.features[place] as AggregateFeature
      const exact = Number((said[place] as { value: Value }).value)
      const answered = Number(values[place])
      const error = errorOf(fn, answered, exact)
      const isDistinct = fn.name === 'approx_count_distinct'
      const text = `${JSON.stringify(fn)} of ${column} of ${key}: ${answered}, not ${exact}`
      assert.ok(error <= (isDistinct ? 5 : 1), text)
      errors[isDistinct ? 'distinct' : 'percentile'].push(error)
    }
  }
  const inexact = errors.distinct.filter((error) => error > 0)
  const squares = inexact.reduce((sum, error) => sum + error ** 2, 0)
  return {
    values: errors.distinct.length + errors.percentile.length,
    distinctError: Math.sqrt(squares / inexact.length),
    percentileError: Math.max(...errors.percentile),
  }
}

/** In units of the standard error, or of the largest. */
function errorOf(fn: AggregateFunction, value: number, exact: number): number {
  if (value === exact) return 0
  const distance = Math.abs(value - exact)
  switch (fn.name) {
    case 'approx_count_distinct': {
      if (exact <= Math.max(64, 2 ** fn.precision / 8)) return Infinity
      // A count is rounded. With few registers an estimate may be far too large once in a thousand
      // times: it is the inverse of a sum, whose own error is as the standard error says.
      const larger = Math.max(value, exact)
      return Math.max(0, distance - 0.5) / ((larger * 1.04) / 2 ** (fn.precision / 2))
    }
    case 'approx_percentile':
      return distance / (Math.abs(exact) / fn.precision)
    default:
      throw new RangeError(`${fn.name} is not approximate`)
  }
}

/** Values of all sizes, some of them many times, with a long tail to either side. */
function eventsOf(random: () => number): OracleEvent[] {
  return keySizes.flatMap((size) =>
    Array.from({ length: size }, () => {
      const timeNs = BigInt(edgeMs - Math.floor(random() * dayMs)) * 1_000_000n
      const tail = (random() - 0.5) / (random() + 1e-6)
      const row = {
        whole: BigInt(Math.round(tail * 1000)),
        amount: random() < 0.2 ? 0.5 : tail,
        place: `place ${Math.floor(random() * size)}`,
      }
      return { key: `of ${size}`, timeNs, row }
    }),
  )
}
