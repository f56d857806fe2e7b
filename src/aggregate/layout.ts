/**
 * How the state of one view is laid out: levels of tiles.
 *
 * A level is a tile width with all the windows that it serves. Every tile of a level is a row of
 * cells (`row-layout.ts`). An event costs one row update per level at most, and mostly one in
 * all (`folds.ts`), whatever the number of windows.
 */
import type { Feature, View } from '../model/catalog.ts'
import { continuousTileMs, lifetimeTileMs, sawtoothTileMs } from '../model/tiles.ts'
import type { PlaceCodec } from './partial.ts'
import { layOutRow, type Demand, type Planned, type RowLayout } from './row-layout.ts'
import { spansOf } from './window.ts'

export interface Level extends RowLayout {
  readonly widthMs: number
  /** How far back tiles are needed, ms: to the beginning of the window that begins first. */
  readonly reachMs: number
  /** Events before this moment do not count, ms since the epoch; -Infinity where all do. */
  readonly startMs: number
  /** Cells of a row that hold places in the value pool. */
  readonly valueCells: readonly number[]
  /** How what is there is stored. */
  readonly valueCodecs: readonly PlaceCodec[]
}

/** The levels of a view, narrowest tiles first. */
export function planLevels(planned: Planned): readonly Level[] {
  const { view } = planned
  const byWidth = groupBy(view.features, (feature) => tileWidthMs(view, feature))
  return [...byWidth]
    .sort(([a], [b]) => a - b)
    .map(([widthMs, features]) => planLevel(planned, widthMs, features))
}

function tileWidthMs(view: View, feature: Feature): number {
  if (feature.kind === 'attribute' || feature.window.kind === 'lifetime') return lifetimeTileMs
  switch (view.mode) {
    case 'sawtooth':
      return sawtoothTileMs(feature.window.sizeMs)
    case 'interval':
      return view.intervalMs
    case 'continuous':
      return continuousTileMs(feature.window.sizeMs)
  }
}

/** How the events of a view are kept, to count some of a tile's or all of them once more. */
export interface ChunkPlan {
  /** Width of the tiles that chunks of events are of, ms. */
  readonly tileMs: number
  /** How far back events are needed, ms. */
  readonly reachMs: number
}

/**
 * Width of the chunks of a view whose events take each other's places, ms: what is read to find
 * out whether there is an event at a moment.
 */
const replaceableTileMs = 1000

/** Null for a view whose tiles are enough. */
export function planChunks(view: View, all: readonly Level[]): ChunkPlan | null {
  if (view.lastWriteWins && view.features.some(({ kind }) => kind !== 'attribute')) {
    // Every tile may have to be counted again, the oldest from its beginning on.
    const reachMs = Math.max(...all.map(({ reachMs, widthMs }) => reachMs + widthMs))
    return { tileMs: replaceableTileMs, reachMs }
  }
  if (view.mode !== 'continuous') return null
  const levels = all.filter(({ reachMs }) => Number.isFinite(reachMs))
  if (levels.length === 0) return null
  return {
    tileMs: Math.min(...levels.map(({ widthMs }) => widthMs)),
    reachMs: Math.max(...levels.map(({ reachMs }) => reachMs)),
  }
}

function demandsOf(feature: Feature): readonly Demand[] {
  if (feature.kind === 'attribute') {
    return [{ feature, element: null, span: { sizeMs: Infinity, offsetMs: 0 } }]
  }
  const isSeries = feature.window.kind === 'series'
  return spansOf(feature.window).map((span, n) => ({
    feature,
    element: isSeries ? n : null,
    span,
  }))
}

function reachMsOf(view: View, { feature, span }: Demand): number {
  return feature.kind === 'attribute' ? view.ttlMs : span.sizeMs + span.offsetMs
}

function startMsOf(feature: Feature): number {
  if (feature.kind === 'attribute' || feature.window.kind !== 'lifetime') return -Infinity
  return feature.window.startMs
}

function planLevel(planned: Planned, widthMs: number, features: readonly Feature[]): Level {
  const { view } = planned
  const demands = features.flatMap(demandsOf)
  const bySpan = groupBy(demands, ({ span }) => `${span.sizeMs} ${span.offsetMs}`)
  const row = layOutRow(planned, [...bySpan.values()])
  const valueCells = row.partials.flatMap(({ partial, at }) =>
    partial.valueCells.map(({ cell, codec }) => ({ cell: at + cell, codec })),
  )
  return {
    ...row,
    widthMs,
    reachMs: Math.max(...demands.map((demand) => reachMsOf(view, demand))),
    startMs: Math.max(...features.map(startMsOf)),
    valueCells: valueCells.map(({ cell }) => cell),
    valueCodecs: valueCells.map(({ codec }) => codec),
  }
}

/** How old an event can be and still be served, with the rest of its tile, ms. */
export function servedMsOf({ reachMs, widthMs }: Level): number {
  return reachMs + widthMs
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
