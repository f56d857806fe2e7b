/**
 * How wide the tiles are that a window is made of: what the engine keeps and a definition costs.
 *
 * Widths that users do not choose come from one ladder, so that windows share their tiles. They
 * decide what a stored tile means: part of the store's format.
 */

/** The ladder, ms, ascending; each divides the next. */
export const tileLadderMs: readonly number[] = [1, 5, 30, 60, 300, 1800, 3600, 21_600, 86_400].map(
  (seconds) => seconds * 1000,
)

/**
 * Width of the tiles that serve a sawtooth window, ms: the widest of which it holds ten or more.
 *
 * @param windowMs  {@link sawtoothWindowMsMin} at least.
 */
export function sawtoothTileMs(windowMs: number): number {
  return tileLadderMs.findLast((width) => width * 10 <= windowMs)!
}

/**
 * Width of the tiles that serve a continuous window, ms: the widest of which it holds 64 or more.
 * A read looks at the events of one tile and at the sums of the others.
 */
export function continuousTileMs(windowMs: number): number {
  return tileLadderMs.findLast((width) => width * 64 <= windowMs) ?? tileLadderMs[0]!
}

/**
 * Width of the tiles of what has no length, ms: 100 days, which a double still tells apart to the
 * nanosecond.
 */
export const lifetimeTileMs = 100 * 86_400_000
