/**
 * Which rows do not count: those of times that no window can hold any more, or that a view leaves
 * to its history or to its stream, and those of new keys beyond the limit of a day.
 */
import type { View } from '../model/catalog.ts'
import type { Level } from './layout.ts'

/** Which rows may count. */
export interface CountedRows {
  /** Their event times, `[fromMs, untilMs)`. */
  readonly fromMs: number
  readonly untilMs: number
  /** Keys that may be new on a day of arrival; Infinity: they are not counted. */
  readonly newKeysMax: number
}

export const allRows: CountedRows = { fromMs: -Infinity, untilMs: Infinity, newKeysMax: Infinity }

/** Rows that changed nothing, ascending. */
export interface UncountedRows {
  /** They lie before every window. */
  readonly late: number[]
  /** They lie outside of the times that count. */
  readonly outside: number[]
  /** Their keys are new, and more than may be on one day. */
  readonly excess: number[]
}

export function noUncounted(): UncountedRows {
  return { late: [], outside: [], excess: [] }
}

export function isAnyUncounted({ late, outside, excess }: UncountedRows): boolean {
  return late.length + outside.length + excess.length > 0
}

/** First tile of a level that a window may still need at an edge, or later. */
export function horizonOf(level: Level, edgeMs: number): number {
  return Math.floor((edgeMs - level.reachMs) / level.widthMs)
}

/** Whether an event time is before every window of a view that ends at an edge, or later. */
export function isBeforeWindows(
  { ttlMs }: Pick<View, 'ttlMs'>,
  levels: readonly Level[],
  timeMs: number,
  edgeMs: number,
): boolean {
  // A row has its time to live from its own time on, not from the boundary of a tile.
  if (timeMs < edgeMs - ttlMs) return true
  return levels.every(
    (level) =>
      timeMs < level.startMs || Math.floor(timeMs / level.widthMs) < horizonOf(level, edgeMs),
  )
}
