/**
 * Random numbers that follow from a seed and a place, so that what was sent can be told again
 * without having been kept.
 */

/** Numbers in [0, 1). */
export type Random = () => number

/**
 * The `i`-th number in [0, 1) of a seed, whatever was asked before; they repeat after 2³².
 *
 * @see mulberry32, Tommy Ettinger, public domain; its state is a multiple of the place.
 */
export function randomAt(seed: number, i: number): number {
  const state = (seed + Math.imul(i + 1, 0x6d2b79f5)) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

/** The numbers of a seed, one after another. */
export function createRandom(seed: number): Random {
  let i = 0
  return () => randomAt(seed, i++)
}

/**
 * A seed for one purpose, so that what one purpose draws does not move another.
 *
 * @see FNV-1a, 32 bits, over the purpose, from a basis that the seed changes.
 */
export function seedFor(seed: number, purpose: string): number {
  let hash = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1)
  for (let i = 0; i < purpose.length; i++) {
    hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x01000193)
  }
  return hash
}
