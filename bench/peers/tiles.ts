/**
 * The tiles of the windows that `features.ts` asks for, as someone would number them by hand.
 */

/** Width, ms: of the tiles of a window of an hour, and of one of a day. */
export const tileMs = { fiveMinutes: 300_000, hours: 3_600_000 } as const

/** The number of the tile that a moment lies in. */
export function tileOf(width: keyof typeof tileMs, ms: number): number {
  return Math.floor(ms / tileMs[width])
}
