/**
 * A read of one key: the windows of a view, evaluated at an edge from the tiles.
 *
 * Nothing is computed ahead: a value is right at the moment of the read even when no event came
 * since. Cost: O(non-empty tiles in the window) merges per window and partial; for a continuous
 * window, also the events of the tile that its trailing edge cuts through.
 */
import type { KeyAt, ReadResult } from '../model/message.ts'
import type { Value } from '../model/types.ts'
import { Cells } from './cells.ts'
import { hasTile, PartOfTile } from './part-of-tile.ts'
import type { GroupRead } from './read-plan.ts'
import { eventsCell, tileCell, type PlacedFeature } from './row-layout.ts'
import { wideTileOf, type LevelBelow, type LevelState } from './level-state.ts'
import type { ValuePool } from './value-pool.ts'
import type { ViewState } from './view-state.ts'
import { partsOf, tilesOf, type Edge, type TimeRange } from './window.ts'

/** What is asked of one view for one key. */
export interface Question {
  readonly key: KeyAt
  /** Places in the view's features, each once. */
  readonly features: readonly number[]
  /**
   * The end of the windows, -Infinity before any event. When it lies before the newest event of the
   * key, that is their end: what came ahead of the clock into a view that does not let it wait has
   * counted, and cannot be told from the rest of its tile.
   */
  readonly edge: Edge
}

/** Answers one question; parked rows up to the edge must have been admitted. */
export function evaluate(state: ViewState, { key, features, edge: asked }: Question): ReadResult {
  const answer = emptyAnswer(features.length)
  const { keyHash, bytes, keyStart, keyEnd } = key
  const slot = asked.edgeMs === -Infinity ? 0 : state.slotOf(keyHash, bytes, keyStart, keyEnd)
  if (slot === 0) return { entity: 'unseen', newestNs: null, edgeNs: edgeOf(asked), ...answer }
  state.marks.use(slot)
  const newest = { edgeMs: state.records.newestMs(slot), edgeNs: state.records.newestNs(slot) }
  const edge = laterOf(asked, newest)
  const newestNs = instantNs(newest)
  const edgeNs = edge === newest ? newestNs : edgeOf(edge)
  if (isExpired(state, slot, edge)) return { entity: 'expired', newestNs, edgeNs, ...answer }
  for (const { level, groups } of state.readPlans.of(features)) {
    for (const group of groups) evaluateGroup(state, level, group, slot, edge, answer)
  }
  const { values, hasEvents } = answer
  return { entity: 'present', newestNs, edgeNs, values: values.map(valueOf), hasEvents }
}

function laterOf(a: Edge, b: Edge): Edge {
  return b.edgeMs > a.edgeMs || (b.edgeMs === a.edgeMs && b.edgeNs > a.edgeNs) ? b : a
}

/** By place among the features that are asked for. */
interface Answer {
  readonly values: (Value | undefined | Elements)[]
  readonly hasEvents: boolean[]
}

/** Of no event. */
function emptyAnswer(features: number): { values: Value[]; hasEvents: boolean[] } {
  const values: Value[] = []
  const hasEvents: boolean[] = []
  for (let n = 0; n < features; n++) {
    values.push(null)
    hasEvents.push(false)
  }
  return { values, hasEvents }
}

/** The values of a feature's windows, and whether one of them held an event. */
class Elements {
  readonly values: (Value | undefined)[] = []
  hasEvents = false
}

/** A list is null without events, and beyond the range of its type when one of its values is. */
function valueOf(value: Value | undefined | Elements): Value | undefined {
  if (!(value instanceof Elements)) return value
  if (!value.hasEvents) return null
  return value.values.includes(undefined) ? undefined : (value.values as readonly Value[])
}

/** Whether the newest event lies before every window, or the latest row is no longer served. */
function isExpired(state: ViewState, slot: number, { edgeMs, edgeNs }: Edge): boolean {
  const { mode, ttlMs } = state.view
  const newestMs = state.records.newestMs(slot)
  const untilMs = newestMs + ttlMs
  const newestNs = state.records.newestNs(slot)
  if (untilMs < edgeMs || (untilMs === edgeMs && newestNs <= edgeNs)) return true
  for (const { level } of state.levels) {
    const { reachMs, widthMs } = level
    const fromMs = edgeMs - reachMs
    if (mode === 'continuous') {
      if (newestMs > fromMs) return false
      if (newestMs === fromMs && newestNs > edgeNs) return false
    } else {
      const { first } = tilesOf(mode, { sizeMs: reachMs, offsetMs: 0 }, widthMs, edgeMs)
      if (newestMs >= first * widthMs) return false
    }
  }
  return true
}

/** First cells of the tiles of a window, in the order of time; filled again for each window. */
let tileCells = new Int32Array(64)

/** Finds the tiles of a slot in a range; returns how many there are. */
function findTiles({ level, runs }: LevelState, slot: number, first: number, last: number): number {
  const { f64 } = runs.cells
  const rows = runs.rowCount(slot)
  const from = runs.lowerBound(slot, first)
  if (rows - from > tileCells.length) tileCells = new Int32Array(2 * (rows - from))
  let count = 0
  for (let n = from; n < rows; n++) {
    const cell = runs.rowAt(slot, n) * level.stride
    if (f64[cell + tileCell]! > last) break
    tileCells[count++] = cell
  }
  return count
}

function evaluateGroup(
  state: ViewState,
  levelState: LevelState,
  group: GroupRead,
  slot: number,
  edge: Edge,
  answer: Answer,
): void {
  const { level, runs } = levelState
  const { mode } = state.view
  const { pool } = state
  const { partials, features, places } = group
  const { first, last } = tilesOf(mode, group.span, level.widthMs, edge.edgeMs)
  const { before, behind } =
    mode === 'continuous' ? partsOf(group.span, level.widthMs, edge) : wholeTiles
  const merged = scratchOf(level.stride)
  for (const { partial, at } of partials) partial.init(merged, at)
  const parts: PartOfTile[] = []
  /** Merges a part of a tile; those of a window come in the order of time. */
  const mergePart = (range: TimeRange | null): number => {
    if (range === null || !hasTile(levelState, slot, range)) return 0
    const part = new PartOfTile(state, level, group, slot, range)
    parts.push(part)
    const { cells, cell } = part
    for (const { partial, at } of partials) partial.merge(merged, at, cells, cell + at, pool)
    return cells.f64[cell + eventsCell]!
  }
  try {
    let events = mergePart(before)
    const { cells } = runs
    const tiles = findTiles(levelState, slot, first, last)
    for (let n = 0; n < tiles; n++) events += cells.f64[tileCells[n]! + eventsCell]!
    // Partial by partial: the same few instructions for all tiles.
    for (const { partial, at } of partials) {
      for (let n = 0; n < tiles; n++) partial.merge(merged, at, cells, tileCells[n]! + at, pool)
    }
    for (const below of levelState.below) {
      events += mergeNewest(below, levelState, group, { slot, first, last }, merged, pool)
    }
    events += mergePart(behind)
    merged.f64[eventsCell] = events
    for (let n = 0; n < features.length; n++) {
      answerFeature(features[n]!, places[n]!, merged, pool, answer)
    }
  } finally {
    for (const { partial, at } of partials) partial.release?.(merged, at, pool)
    for (const part of parts) part.release()
  }
}

/** Merges what a level lacks of a window: the newest tile of one below; returns its events. */
function mergeNewest(
  below: LevelBelow,
  { level }: LevelState,
  { partials }: GroupRead,
  { slot, first, last }: { readonly slot: number; readonly first: number; readonly last: number },
  merged: Cells,
  pool: ValuePool,
): number {
  const { state, at } = below
  const newest = state.runs.newestRow(slot)
  if (newest === 0) return 0
  const tile = wideTileOf(below, slot, level)
  const { cells } = state.runs
  const cell = newest * state.level.stride
  if (tile < first || tile > last) return 0
  for (const { partial, at: own } of partials) {
    partial.merge(merged, own, cells, cell + at[own]!, pool)
  }
  return cells.f64[cell + eventsCell]!
}

const wholeTiles = { before: null, behind: null }

/** Makes a feature's value of the merged tiles of its window, or one of its values. */
function answerFeature(
  { element, finalize, ofNulls, at, countAt }: PlacedFeature,
  place: number,
  merged: Cells,
  pool: ValuePool,
  { values, hasEvents }: Answer,
): void {
  const isAny = merged.f64[eventsCell]! > 0
  const count = merged.f64[countAt]!
  const ofNone = isAny ? ofNulls : null
  const value = count === 0 ? ofNone : finalize(merged, at, count, pool)
  if (isAny) hasEvents[place] = true
  if (element === null) {
    values[place] = value
    return
  }
  const elements = elementsAt(values, place)
  elements.values[element] = value
  elements.hasEvents ||= isAny
}

function elementsAt(values: Answer['values'], place: number): Elements {
  const known = values[place]
  if (known instanceof Elements) return known
  const elements = new Elements()
  values[place] = elements
  return elements
}

let scratch = new Cells(64)

/** Cells for one merge; the next call takes them again. */
function scratchOf(stride: number): Cells {
  if (scratch.f64.length < stride) scratch = new Cells(stride * 2)
  return scratch
}

/** All questions of a read that end at the clock have one edge. */
const lastEdge = { edgeMs: NaN, edgeNs: 0, ns: 0n }

function edgeOf(edge: Edge): bigint {
  if (edge.edgeMs !== lastEdge.edgeMs || edge.edgeNs !== lastEdge.edgeNs) {
    lastEdge.ns = instantNs(edge)
    lastEdge.edgeMs = edge.edgeMs
    lastEdge.edgeNs = edge.edgeNs
  }
  return lastEdge.ns
}

function instantNs({ edgeMs, edgeNs }: Edge): bigint {
  return Number.isFinite(edgeMs) ? BigInt(edgeMs) * 1_000_000n + BigInt(edgeNs) : 0n
}
