/**
 * Views, rows and states made by hand: the aggregation engine without the stages before it.
 */
import { hashBytes } from '../../src/base/hash.ts'
import type { AggregateFunction, PlainFunction } from '../../src/model/aggregate-function.ts'
import type { AggregateFeature, AttributeFeature, View, Window } from '../../src/model/catalog.ts'
import { RowBatch } from '../../src/model/rows.ts'
import type { Field } from '../../src/model/types.ts'
import type { OracleEvent } from './oracle.ts'

/** The secret of a store. */
export const engineSeed = { k0: 0x0badcafe, k1: -0x12345678 }

/** A function over a window, which is a length in ms or anything else; or an attribute. */
export type FeatureSpec =
  | {
      readonly column: string
      readonly fn: PlainFunction | AggregateFunction
      readonly windowMs: number
    }
  | {
      readonly column: string
      readonly fn: PlainFunction | AggregateFunction
      readonly window: Window
    }
  | { readonly column: string; readonly fn?: never }

/** A feature of the catalog, but for its name and type. */
export function featureOf(spec: FeatureSpec): FeatureFacts {
  const { column } = spec
  if (spec.fn === undefined) return { kind: 'attribute', column }
  const fn = typeof spec.fn === 'string' ? { name: spec.fn } : spec.fn
  const window: Window =
    'window' in spec ? spec.window : { kind: 'time', sizeMs: spec.windowMs, offsetMs: 0 }
  return { kind: 'aggregate', column, fn, window }
}

export type FeatureFacts = AggregateFeature | AttributeFeature

export interface EngineViewSpec {
  readonly columns: readonly Field[]
  readonly features: readonly FeatureSpec[]
  readonly mode?: View['mode']
  readonly intervalMs?: number
  readonly ttlMs?: number
  readonly secondaryKey?: string
  readonly lastWriteWins?: boolean
  readonly leadingEdge?: View['leadingEdge']
}

/** A view over these columns, keyed by one string. */
export function engineView(spec: EngineViewSpec): View {
  const { columns, features, mode = 'sawtooth', leadingEdge = 'wall-clock' } = spec
  return {
    name: 'view',
    index: 0,
    source: 0,
    route: 0,
    entities: [],
    joinKeys: [{ name: 'key', type: { kind: 'String', nullable: false } }],
    columns,
    features: features.map((feature, n) => ({
      ...featureOf(feature),
      name: `feature_${n}`,
      type: { ...columns.find(({ name }) => name === feature.column)!.type, nullable: true },
    })),
    secondaryKey: spec.secondaryKey ?? null,
    lastWriteWins: spec.lastWriteWins ?? false,
    mode,
    intervalMs: mode === 'interval' ? spec.intervalMs! : 0,
    ttlMs: spec.ttlMs ?? Infinity,
    leadingEdge,
    servingIndex: null,
    newKeysPerDay: Infinity,
    online: true,
    transform: null,
    rowSchema: null,
    identity: '',
  }
}

const seed = { k0: 0x12345678, k1: 0x0abcdef0 }

/** The bytes of a key and their hash, as a route would have made them. */
export function engineKey(key: string): { readonly bytes: Uint8Array; readonly hash: number } {
  const bytes = new TextEncoder().encode(key)
  return { bytes, hash: hashBytes(bytes, 0, bytes.length, seed) }
}

/** Events as the rows of one batch. */
export function engineRows(view: View, events: readonly OracleEvent[]): RowBatch {
  const rows = new RowBatch(view.columns)
  const keys = events.map(({ key }) => engineKey(key))
  rows.reset(Buffer.concat(keys.map(({ bytes }) => bytes)), events.length)
  rows.count = events.length
  let at = 0
  events.forEach(({ timeNs, row }, i) => {
    const { bytes, hash } = keys[i]!
    rows.eventIndex[i] = i
    rows.timeMs[i] = Number(floorMs(timeNs))
    rows.timeNs[i] = Number(timeNs - floorMs(timeNs) * 1_000_000n)
    rows.keyHash[i] = hash
    rows.keyStart[i] = at
    at += bytes.length
    rows.keyEnd[i] = at
    for (const column of rows.columns) column.set(i, row[column.name] ?? null)
  })
  return rows
}

/** Whole milliseconds, rounded towards the past. */
export function floorMs(timeNs: bigint): bigint {
  const rest = timeNs % 1_000_000n
  return (timeNs - (rest < 0n ? rest + 1_000_000n : rest)) / 1_000_000n
}
