/**
 * What a READ is answered with: a table of features from the values of msgpack, and single values
 * into them. `wire/feature-writer.ts` writes whole tables.
 *
 * Int64 travels as a 64-bit integer, Timestamp as the timestamp extension with its nanoseconds,
 * Struct and Map as a map. A float without a fraction may travel as an integer: its type is known
 * from the definition, not from the bytes.
 */
import type { FeatureRow, FeatureState, FeatureTable } from '../model/contracts.ts'
import { MsgpackTimestamp } from '../model/msgpack.ts'
import type { DataType } from '../model/types.ts'
import { invalidFrame } from './cursor.ts'
import * as check from './fields.ts'

const states: readonly string[] = [
  'present',
  'null',
  'empty',
  'overflow',
  'expired',
  'unseen',
  'failed',
  'backfilling',
] satisfies FeatureState[]

/**
 * Reads the map of a FEATURES frame.
 *
 * A Timestamp comes back as its nanoseconds, an Int64 as a `bigint`, a Map as an object.
 */
export function decodeFeatures(features: check.WireMap): FeatureTable {
  const names = check.list(features['names'], 'names').map((name) => check.text(name, 'name'))
  const rows = check.list(features['rows'], 'rows').map((value): FeatureRow => {
    const row = check.list(value, 'row')
    const column = (place: number, what: string): readonly unknown[] => {
      const cells = check.list(row[place], what)
      return cells.length === names.length ? cells : invalidFrame(`${what} has another length`)
    }
    return {
      values: column(0, 'values').map(plainValue),
      states: column(1, 'states').map(featureState),
      newestNs: column(2, 'newest').map((instant) => check.optional(instant, 'newest', instantNs)),
      edgeNs: column(3, 'edge').map((instant) => instantNs(instant, 'edge')),
      ...failuresOf(row[4]),
    }
  })
  return { names, rows }
}

/** The keys of a query's rows; nothing for the answer to any other READ. */
export function decodeQueriedKeys(features: check.WireMap): {
  readonly keys?: readonly Readonly<Record<string, unknown>>[]
} {
  const keys = check.optional(features['keys'], 'keys', check.list)
  if (keys === null) return {}
  return { keys: keys.map((key) => check.map(key, 'key')) }
}

function failuresOf(element: unknown): Pick<FeatureRow, 'failures'> {
  const failures = check.optional(element, 'failures', check.map)
  if (failures === null) return {}
  const told = Object.entries(failures).map(([name, why]) => [name, check.text(why, 'failure')])
  return { failures: Object.fromEntries(told) as Record<string, string> }
}

function featureState(value: unknown): FeatureState {
  const state = check.text(value, 'state')
  return states.includes(state) ? (state as FeatureState) : invalidFrame('a state is not known')
}

function instantNs(value: unknown, what: string): bigint {
  return value instanceof MsgpackTimestamp ? value.ns : invalidFrame(`${what} is not a timestamp`)
}

/** A canonical value (`model/types.ts`) in the form that the encoder writes. */
export function wireValue(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null
  switch (type.kind) {
    case 'Timestamp':
      return new MsgpackTimestamp(value as bigint)
    case 'Array':
      return (value as readonly unknown[]).map((element) => wireValue(element, type.element))
    case 'Struct': {
      const struct = value as Readonly<Record<string, unknown>>
      return Object.fromEntries(
        type.fields.map((field) => [field.name, wireValue(struct[field.name], field.type)]),
      )
    }
    case 'Map': {
      const entries = [...(value as ReadonlyMap<string, unknown>)]
      return Object.fromEntries(entries.map(([key, one]) => [key, wireValue(one, type.value)]))
    }
    case 'Int64':
    case 'Int32':
    case 'Float64':
    case 'Float32':
    case 'String':
    case 'Bool':
      return value
  }
}

function plainValue(value: unknown): unknown {
  if (value instanceof MsgpackTimestamp) return value.ns
  if (Array.isArray(value)) return value.map(plainValue)
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plainValue(one)]))
  }
  return value
}
