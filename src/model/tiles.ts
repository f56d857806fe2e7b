/**
 * How wide the tiles are that a window is made of: what the engine keeps and a definition costs.
 *
 * The widths of sawtooth windows come from one ladder, so that windows share their tiles. They
 * decide what a stored tile means: part of the store's format.
 */

/** Tile widths of sawtooth windows, ms, ascending; each divides the next. */
export const sawtoothTilesMs: readonly number[] = [
  1, 5, 30, 60, 300, 1800, 3600, 21_600, 86_400,
].map((seconds) => seconds * 1000)

/**
 * Width of the tiles that serve a sawtooth window, ms: the widest that divides it into ten or more.
 *
 * @param windowMs  Whole seconds, ten at least.
 */
export function sawtoothTileMs(windowMs: number): number {
  const fitting = sawtoothTilesMs.filter(
    (width) => width * 10 <= windowMs && windowMs % width === 0,
  )
  return fitting.at(-1) ?? sawtoothTilesMs[0]!
}
