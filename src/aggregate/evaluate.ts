/**
 * A read of one key: the windows of a view, evaluated at an edge from the tiles.
 *
 * Nothing is computed ahead: a value is right at the moment of the read even when no event came
 * since. Cost: O(non-empty tiles in the window) merges per window and partial.
 */
import type { ReadResult } from '../model/message.ts'
import type { Value } from '../model/types.ts'
import { Cells } from './cells.ts'
import { eventsCell, tileCell, type WindowGroup } from './layout.ts'
import type { LevelState } from './slot-codec.ts'
import type { ViewState } from './view-state.ts'
import { tilesOf } from './window.ts'

/** What is asked of one view for one key. */
export interface Question {
  readonly keyHash: number
  readonly key: Uint8Array
  /** Places in the view's features. */
  readonly features: readonly number[]
  /** The end of the windows: whole ms and nanoseconds within, -Infinity before any event. */
  readonly edgeMs: number
  readonly edgeNs: number
}

/** Answers one question; parked rows up to the edge must have been admitted. */
export function evaluate(state: ViewState, question: Question): ReadResult {
  const { keyHash, key, features, edgeMs, edgeNs } = question
  const edge = instantNs(edgeMs, edgeNs)
  const slot = edgeMs === -Infinity ? 0 : state.slotOf(keyHash, key, 0, key.length)
  if (slot === 0) {
    return {
      entity: 'unseen',
      newestNs: null,
      edgeNs: edge,
      values: features.map(() => null),
      hasEvents: features.map(() => false),
    }
  }
  state.marks.use(slot)
  const newestMs = state.newestMs[slot]!
  const values: (Value | undefined)[] = []
  const hasEvents: boolean[] = []
  const wanted = new Set(features)
  for (const level of state.levels) {
    for (const group of level.level.groups) {
      if (group.features.some(({ index }) => wanted.has(index))) {
        evaluateGroup(state, level, group, slot, edgeMs, values, hasEvents)
      }
    }
  }
  return {
    entity: isExpired(state, newestMs, edgeMs) ? 'expired' : 'present',
    newestNs: instantNs(newestMs, state.newestNs[slot]!),
    edgeNs: edge,
    values: features.map((index) => values[index]),
    hasEvents: features.map((index) => hasEvents[index]!),
  }
}

/** Whether the newest event lies before every window. */
function isExpired(state: ViewState, newestMs: number, edgeMs: number): boolean {
  return state.levels.every(({ level }) => {
    const { first } = tilesOf(state.view.mode, level.reachMs, level.widthMs, edgeMs)
    return newestMs < first * level.widthMs
  })
}

function evaluateGroup(
  state: ViewState,
  { level, runs }: LevelState,
  group: WindowGroup,
  slot: number,
  edgeMs: number,
  values: (Value | undefined)[],
  hasEvents: boolean[],
): void {
  const { first, last } = tilesOf(state.view.mode, group.windowMs, level.widthMs, edgeMs)
  const merged = scratchOf(level.stride)
  for (const { partial, at } of group.partials) partial.init(merged, at)
  const rowsEnd = runs.firstRow(slot) + runs.rowCount(slot)
  const { cells } = runs
  let events = 0
  for (let row = runs.firstRow(slot) + runs.lowerBound(slot, first); row < rowsEnd; row++) {
    const cell = row * level.stride
    if (cells.f64[cell + tileCell]! > last) break
    events += cells.f64[cell + eventsCell]!
    for (const { partial, at } of group.partials) {
      partial.merge(merged, at, cells, cell + at, state.pool)
    }
  }
  merged.f64[eventsCell] = events
  for (const { index, finalize, at, countAt } of group.features) {
    const count = merged.f64[countAt]!
    hasEvents[index] = events > 0
    // A count of nothing but nulls is 0; every other function has no value then.
    const hasValue = count > 0 || (at === countAt && events > 0)
    values[index] = hasValue ? finalize(merged, at, count, state.pool) : null
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
