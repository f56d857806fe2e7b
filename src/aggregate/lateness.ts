/**
 * Which event times no window can hold any more.
 */
import type { View } from '../model/catalog.ts'
import type { Level } from './layout.ts'

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
