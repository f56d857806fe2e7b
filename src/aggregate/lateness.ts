/**
 * Which event times do not count: those that no window can hold any more, and those that a view
 * leaves to its history or to its stream.
 */
import type { View } from '../model/catalog.ts'
import type { Level } from './layout.ts'

/** Event times of rows that may count, `[fromMs, untilMs)`. */
export interface CountedTimes {
  readonly fromMs: number
  readonly untilMs: number
}

export const allTimes: CountedTimes = { fromMs: -Infinity, untilMs: Infinity }

/** Rows that changed nothing, ascending. */
export interface UncountedRows {
  /** They lie before every window. */
  readonly late: number[]
  /** They lie outside of the times that count. */
  readonly outside: number[]
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
