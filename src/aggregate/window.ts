/**
 * Arithmetic of windows and tiles.
 *
 * A tile covers `[i · width, (i + 1) · width)` of event time, aligned to the epoch. A window of
 * length W evaluated at the edge t is a run of whole tiles:
 *
 *     sawtooth   first = floor((t − W) / width)   last = floor(t / width)
 *     interval   first = floor(t / width) − W / width   last = floor(t / width) − 1
 *
 *     tiles  |----|----|----|----|--
 *     sawtooth     [==============t     trailing edge on a boundary, leading edge at t
 *     interval     [=========)    t     complete tiles only
 *
 * The last tile of a sawtooth ends at t because no event after t is in it: an event ahead of the
 * clock is parked until its time comes, and the latest event is by definition not exceeded.
 * Sawtooth tiles are at most a tenth of their window, so the trailing edge reaches back at most
 * 10 % too far; state per key depends on windows, not on events.
 *
 * @see N. Simha et al., Chronon's tiled architecture, for the name and the shape of the sawtooth.
 */
import type { WindowMode } from '../model/catalog.ts'

/** First and last tile of a window at an edge, both included. */
export interface TileRange {
  readonly first: number
  readonly last: number
}

export function tilesOf(
  mode: WindowMode,
  windowMs: number,
  widthMs: number,
  edgeMs: number,
): TileRange {
  const edgeTile = Math.floor(edgeMs / widthMs)
  if (mode === 'interval') return { first: edgeTile - windowMs / widthMs, last: edgeTile - 1 }
  return { first: Math.floor((edgeMs - windowMs) / widthMs), last: edgeTile }
}
