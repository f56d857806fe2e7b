/**
 * A read of one key: the windows of a view, evaluated at an edge from the tiles.
 *
 * Nothing is computed ahead: a value is right at the moment of the read even when no event came
 * since. Cost: O(non-empty tiles in the window) merges per window and partial; for a continuous
 * window, also the events of the tile that its trailing edge cuts through.
 */
import type { ReadResult } from '../model/message.ts'
import type { Value } from '../model/types.ts'
import { Cells } from './cells.ts'
import { hasTile, PartOfTile } from './part-of-tile.ts'
import { eventsCell, tileCell, type PlacedFeature, type WindowGroup } from './row-layout.ts'
import type { LevelState } from './slot-codec.ts'
import type { ValuePool } from './value-pool.ts'
import type { ViewState } from './view-state.ts'
import { partsOf, tilesOf, type Edge, type TimeRange } from './window.ts'

/** What is asked of one view for one key. */
export interface Question {
  readonly keyHash: number
  readonly key: Uint8Array
  /** Places in the view's features. */
  readonly features: readonly number[]
  /**
   * The end of the windows: whole ms and nanoseconds within, -Infinity before any event. When it
   * lies before the newest event of the key, that is their end: what came ahead of the clock into a
   * view that does not let it wait has counted, and cannot be told from the rest of its tile.
   */
  readonly edgeMs: number
  readonly edgeNs: number
}

/** Answers one question; parked rows up to the edge must have been admitted. */
export function evaluate(state: ViewState, question: Question): ReadResult {
  const { keyHash, key, features } = question
  const nothing = { values: features.map(() => null), hasEvents: features.map(() => false) }
  const slot = question.edgeMs === -Infinity ? 0 : state.slotOf(keyHash, key, 0, key.length)
  if (slot === 0) {
    const edgeNs = instantNs(question.edgeMs, question.edgeNs)
    return { entity: 'unseen', newestNs: null, edgeNs, ...nothing }
  }
  state.marks.use(slot)
  const newest = { edgeMs: state.records.newestMs(slot), edgeNs: state.records.newestNs(slot) }
  const edge = laterOf(question, newest)
  const common = {
    newestNs: instantNs(newest.edgeMs, newest.edgeNs),
    edgeNs: instantNs(edge.edgeMs, edge.edgeNs),
  }
  if (isExpired(state, slot, edge)) return { entity: 'expired', ...common, ...nothing }
  const answer: Answer = { values: [], hasEvents: [] }
  for (const { level, groups } of state.readPlans.of(features)) {
    for (const group of groups) evaluateGroup(state, level, group, slot, edge, answer)
  }
  return {
    entity: 'present',
    ...common,
    values: features.map((index) =>
      answer.hasEvents[index] ? valueOf(answer.values[index]) : null,
    ),
    hasEvents: features.map((index) => answer.hasEvents[index]!),
  }
}

function laterOf(a: Edge, b: Edge): Edge {
  return b.edgeMs > a.edgeMs || (b.edgeMs === a.edgeMs && b.edgeNs > a.edgeNs) ? b : a
}

/** By place in the view's features. */
interface Answer {
  readonly values: (Value | undefined | Elements)[]
  readonly hasEvents: boolean[]
}

/** The values of a feature's windows. */
class Elements {
  readonly values: (Value | undefined)[] = []
}

/** A list is beyond the range of its type when one of its values is. */
function valueOf(value: Value | undefined | Elements): Value | undefined {
  if (!(value instanceof Elements)) return value
  const { values } = value
  return values.includes(undefined) ? undefined : (values as readonly Value[])
}

/** Whether the newest event lies before every window, or the latest row is no longer served. */
function isExpired(state: ViewState, slot: number, { edgeMs, edgeNs }: Edge): boolean {
  const { mode, ttlMs } = state.view
  const newestMs = state.records.newestMs(slot)
  const untilMs = newestMs + ttlMs
  if (untilMs < edgeMs || (untilMs === edgeMs && state.records.newestNs(slot) <= edgeNs))
    return true
  return state.levels.every(({ level }) => {
    const fromMs = edgeMs - level.reachMs
    if (mode === 'continuous') {
      return newestMs < fromMs || (newestMs === fromMs && state.records.newestNs(slot) <= edgeNs)
    }
    const { first } = tilesOf(mode, { sizeMs: level.reachMs, offsetMs: 0 }, level.widthMs, edgeMs)
    return newestMs < first * level.widthMs
  })
}

function evaluateGroup(
  state: ViewState,
  levelState: LevelState,
  group: WindowGroup,
  slot: number,
  edge: Edge,
  answer: Answer,
): void {
  const { level, runs } = levelState
  const { mode } = state.view
  const { first, last } = tilesOf(mode, group.span, level.widthMs, edge.edgeMs)
  const { before, behind } =
    mode === 'continuous' ? partsOf(group.span, level.widthMs, edge) : wholeTiles
  const { cells } = runs
  const { pool } = state
  const merged = scratchOf(level.stride)
  for (const { partial, at } of group.partials) partial.init(merged, at)
  let events = 0
  /** Merges a tile, or what is like one; they come in the order of time. */
  const merge = (from: Cells, cell: number): void => {
    events += from.f64[cell + eventsCell]!
    for (const { partial, at } of group.partials) {
      partial.merge(merged, at, from, cell + at, pool)
    }
  }
  const parts: PartOfTile[] = []
  const mergePart = (range: TimeRange | null): void => {
    if (range === null || !hasTile(levelState, slot, range)) return
    const part = new PartOfTile(state, level, group, slot, range)
    parts.push(part)
    merge(part.cells, part.cell)
  }
  try {
    mergePart(before)
    for (let n = runs.lowerBound(slot, first); n < runs.rowCount(slot); n++) {
      const cell = runs.rowAt(slot, n) * level.stride
      if (cells.f64[cell + tileCell]! > last) break
      merge(cells, cell)
    }
    mergePart(behind)
    merged.f64[eventsCell] = events
    for (const feature of group.features) answerFeature(feature, events, merged, pool, answer)
  } finally {
    for (const { partial, at } of group.partials) partial.release?.(merged, at, pool)
    for (const part of parts) part.release()
  }
}

const wholeTiles = { before: null, behind: null }

/** Makes a feature's value of the merged tiles of its window, or one of its values. */
function answerFeature(
  { index, element, finalize, ofNulls, at, countAt }: PlacedFeature,
  events: number,
  merged: Cells,
  pool: ValuePool,
  { values, hasEvents }: Answer,
): void {
  const count = merged.f64[countAt]!
  const ofNone = events === 0 ? null : ofNulls
  const value = count === 0 ? ofNone : finalize(merged, at, count, pool)
  hasEvents[index] = (hasEvents[index] ?? false) || events > 0
  if (element === null) values[index] = value
  else {
    values[index] ??= new Elements()
    ;(values[index] as Elements).values[element] = value
  }
}

let scratch = new Cells(64)

/** Cells for one merge; the next call takes them again. */
function scratchOf(stride: number): Cells {
  if (scratch.f64.length < stride) scratch = new Cells(stride * 2)
  return scratch
}

function instantNs(ms: number, ns: number): bigint {
  return Number.isFinite(ms) ? BigInt(ms) * 1_000_000n + BigInt(ns) : 0n
}
