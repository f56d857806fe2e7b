/**
 * Arithmetic of windows and tiles.
 *
 * A tile covers `[i · width, (i + 1) · width)` of event time, aligned to the epoch. A window of
 * length W that ends O before the edge t is a run of whole tiles:
 *
 *     sawtooth         first = floor((t − W) / width)       last = floor(t / width)
 *     sawtooth, O > 0  first = floor((t − O − W) / width)   last = floor((t − O) / width) − 1
 *     interval         first = last + 1 − W / width         last = floor((t − O) / width) − 1
 *     continuous       first = floor((t − O − W) / width) + 1, last as for a sawtooth, and the
 *                      events of the tiles before and behind that lie within (t − O − W, t − O]
 *
 *     tiles  |----|----|----|----|--
 *     sawtooth    [================t    trailing edge on a boundary, leading edge at t
 *     interval    [==============) t    complete tiles only
 *     continuous    (==============t    both edges exact
 *
 * The last tile ends at t because no event after t is in it: an event ahead of the clock is parked
 * until its time comes, the latest event is by definition not exceeded, and for a read at the clock
 * of a view of which it is the edge, t is the latest event of the key if that is ahead. A sawtooth
 * that ends earlier ends on a boundary, like it begins. Its tiles are at most a tenth of the
 * window, so an edge is at most 10 % too early; state per key depends on windows, not on events.
 *
 * @see N. Simha et al., Chronon's tiled architecture, for the name and the shape of the sawtooth.
 */
import type { Window, WindowMode } from '../model/catalog.ts'

/** A time window as of an edge t: `(t − offset − size, t − offset]`. */
export interface Span {
  /** Infinity: from the beginning. */
  readonly sizeMs: number
  readonly offsetMs: number
}

/** The windows that a feature's window is made of, in the order of its values. */
export function spansOf(window: Window): readonly Span[] {
  switch (window.kind) {
    case 'time':
      return [{ sizeMs: window.sizeMs, offsetMs: window.offsetMs }]
    case 'lifetime':
      return [{ sizeMs: Infinity, offsetMs: 0 }]
    case 'series': {
      const { sizeMs, fromMs, toMs, stepMs } = window
      const count = (fromMs - toMs - sizeMs) / stepMs + 1
      return Array.from({ length: count }, (_, n) => ({
        sizeMs,
        offsetMs: fromMs - sizeMs - n * stepMs,
      }))
    }
  }
}

/** Event times after `from` up to `to`: whole ms and nanoseconds within. */
export interface TimeRange {
  readonly fromMs: number
  readonly fromNs: number
  readonly toMs: number
  readonly toNs: number
}

/** First and last tile of a window at an edge, both included. */
export interface TileRange {
  readonly first: number
  readonly last: number
}

/** The whole tiles of a window; no event is later than the edge. */
export function tilesOf(
  mode: WindowMode,
  { sizeMs, offsetMs }: Span,
  widthMs: number,
  edgeMs: number,
): TileRange {
  const endMs = edgeMs - offsetMs
  const endTile = Math.floor(endMs / widthMs)
  if (mode === 'interval') return { first: endTile - sizeMs / widthMs, last: endTile - 1 }
  const first = Math.floor((endMs - sizeMs) / widthMs)
  if (mode === 'sawtooth') return { first, last: offsetMs === 0 ? endTile : endTile - 1 }
  return { first: first + 1, last: offsetMs === 0 ? endTile : endTile - 1 }
}

/** Where windows end: whole ms and nanoseconds within. */
export interface Edge {
  readonly edgeMs: number
  readonly edgeNs: number
}

/** The last nanosecond of a millisecond. */
const lastNs = 999_999

/**
 * The parts of a continuous window that are not whole tiles, at either end; null where there is
 * none. No event is later than the edge.
 */
export function partsOf(
  { sizeMs, offsetMs }: Span,
  widthMs: number,
  { edgeMs, edgeNs }: Edge,
): { readonly before: TimeRange | null; readonly behind: TimeRange | null } {
  const toMs = edgeMs - offsetMs
  const fromMs = toMs - sizeMs
  const whole = { fromMs, fromNs: edgeNs, toMs, toNs: edgeNs }
  const firstTile = Math.floor(fromMs / widthMs)
  const endTile = Math.floor(toMs / widthMs)
  if (firstTile === endTile) return { before: whole, behind: null }
  const before = { ...whole, toMs: (firstTile + 1) * widthMs - 1, toNs: lastNs }
  const behind = { ...whole, fromMs: endTile * widthMs - 1, fromNs: lastNs }
  return {
    before: sizeMs === Infinity ? null : before,
    behind: offsetMs === 0 ? null : behind,
  }
}
