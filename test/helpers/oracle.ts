/**
 * The naive oracle: feature values straight from the raw events, by brute force.
 *
 * No tiles and no state: every read looks at every event. It shares no code with the engine, which
 * must agree with it for every order and batching of the same events.
 */
import type { AggregateFeature, Feature, View, Window } from '../../src/model/catalog.ts'
import type { Field, Value } from '../../src/model/types.ts'
import { compare, naive } from './naive.ts'

export interface OracleEvent {
  /** Any text that names the entity. */
  readonly key: string
  readonly timeNs: bigint
  /** Column → converted value; null or absent does not count. */
  readonly row: Readonly<Record<string, Value>>
  /** Of which event it is a row, where an event may have several. */
  readonly event?: unknown
}

/** What the oracle needs of a view; a view of the catalog is one. */
export interface OracleView extends Pick<View, 'mode' | 'intervalMs'> {
  readonly secondaryKey?: string | null
  readonly ttlMs?: number
  readonly lastWriteWins?: boolean
  readonly columns: readonly Field[]
  readonly features: readonly Unnamed<Feature>[]
}

type Unnamed<F> = F extends Feature ? Omit<F, 'name' | 'type'> : never

/**
 * The values of a view's features for one entity, in the order of the features: null where no
 * event is in the window, or no value but null; a count of only nulls is 0. Undefined is a value
 * beyond the range of its type.
 *
 * @param events  In the order of arrival, which decides `last` among equal event times.
 * @param edgeNs  The end of the windows, ns since the epoch.
 * @param tileWidthMs  Width of the tiles of a sawtooth window, ms.
 */
export function oracle(
  events: readonly OracleEvent[],
  view: OracleView,
  key: string,
  edgeNs: bigint,
  tileWidthMs: (windowMs: number) => number,
): (Value | undefined)[] {
  const all = events
    .filter((event) => event.key === key && event.timeNs <= edgeNs)
    .toSorted((a, b) => compare(a.timeNs, b.timeNs))
  const own = view.lastWriteWins === true ? all.filter(isLastOfItsTime) : all
  return view.features.map((feature) => {
    if (feature.kind === 'attribute') {
      const latest = own.at(-1)
      const isServed = latest !== undefined && isLive(latest.timeNs, edgeNs, view.ttlMs)
      return isServed ? (latest.row[feature.column] ?? null) : null
    }
    const contents = windowsOf(view, feature.window, edgeNs, tileWidthMs).map(([start, end]) =>
      own.filter(({ timeNs }) => timeNs >= start && timeNs < end).map(({ row }) => row),
    )
    if (contents.every((rows) => rows.length === 0)) return null
    const values = contents.map((rows) => {
      const { secondaryKey } = view
      if (typeof secondaryKey !== 'string') return valueOf(view, feature, rows)
      const keys = [...new Set(rows.map((row) => row[secondaryKey]!))].toSorted(compare)
      if (feature.kind === 'secondary-keys') return keys
      const apart = keys.map((key) =>
        valueOf(
          view,
          feature,
          rows.filter((row) => row[secondaryKey] === key),
        ),
      )
      return apart.includes(undefined) ? undefined : (apart as Value[])
    })
    if (feature.window.kind !== 'series') return values[0]
    return values.includes(undefined) ? undefined : (values as Value[])
  })
}

/** Whether no other event of the same time comes behind. */
function isLastOfItsTime(row: OracleEvent, _: number, all: readonly OracleEvent[]): boolean {
  const last = all.findLast(({ timeNs }) => timeNs === row.timeNs)!
  return last === row || (row.event !== undefined && last.event === row.event)
}

function isLive(timeNs: bigint, edgeNs: bigint, ttlMs = Infinity): boolean {
  return !Number.isFinite(ttlMs) || timeNs > edgeNs - nsOf(ttlMs)
}

type Row = OracleEvent['row']

function valueOf(
  view: OracleView,
  feature: Unnamed<Feature>,
  rows: readonly Row[],
): Value | undefined {
  if (rows.length === 0) return null
  const { column, fn } = feature as AggregateFeature
  const field = view.columns.find(({ name }) => name === column)!
  const values = rows.map((row) => row[column] ?? null).filter((value) => value !== null)
  return naive(fn, values, field)
}

/** Where each of a feature's windows begins and ends, the end not included, ns. */
function windowsOf(
  view: OracleView,
  window: Window,
  edgeNs: bigint,
  tileWidthMs: (windowMs: number) => number,
): (readonly [bigint, bigint])[] {
  if (window.kind === 'lifetime') return [[nsOf(window.startMs), edgeNs + 1n]]
  const size = nsOf(window.sizeMs)
  const one = (offset: bigint): readonly [bigint, bigint] => {
    const edge = edgeNs - offset
    if (view.mode === 'continuous') return [edge - size + 1n, edge + 1n]
    const width = nsOf(view.mode === 'interval' ? view.intervalMs : tileWidthMs(window.sizeMs))
    const end = floorTo(edge, width)
    if (view.mode === 'interval') return [end - size, end]
    return [floorTo(edge - size, width), offset === 0n ? edge + 1n : end]
  }
  if (window.kind === 'time') return [one(nsOf(window.offsetMs))]
  const windows: (readonly [bigint, bigint])[] = []
  for (let ago = window.fromMs; ago - window.sizeMs >= window.toMs; ago -= window.stepMs) {
    windows.push(one(nsOf(ago) - size))
  }
  return windows
}

const nsOf = (ms: number): bigint => BigInt(ms) * 1_000_000n

const floorTo = (time: bigint, width: bigint): bigint => time - (((time % width) + width) % width)
