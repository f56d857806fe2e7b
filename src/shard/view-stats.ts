/**
 * What a lane tells of each view with its checkpoints: how much of it is in memory.
 */
import type { ViewStats } from '../model/message.ts'

/** What several shards have of the same views, together. */
export function addedViews(shards: readonly (readonly ViewStats[])[]): ViewStats[] {
  return shards.reduce<ViewStats[]>(
    (sums, views) =>
      views.map(({ keys, tiles, tileBytes }, view) => ({
        keys: keys + (sums[view]?.keys ?? 0),
        tiles: tiles + (sums[view]?.tiles ?? 0),
        tileBytes: tileBytes + (sums[view]?.tileBytes ?? 0),
      })),
    [],
  )
}
