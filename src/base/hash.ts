/**
 * HalfSipHash-1-3: the keyed hash that places entity keys into shards and hash tables.
 *
 * Keyed, so that a client cannot choose keys that all fall into one shard; 32-bit, so that it is
 * plain integer arithmetic in JavaScript. The result is part of the store's format.
 *
 * @see Jean-Philippe Aumasson and Daniel J. Bernstein, "SipHash: a fast short-input PRF", 2012;
 * the 32-bit variant with 64-bit key is the one the Linux kernel uses for its hash tables.
 */

/** The secret of a store, two 32-bit words. */
export interface HashSeed {
  readonly k0: number
  readonly k1: number
}

/**
 * The unsigned 32-bit hash of the first bytes of words.
 *
 * @param words  Little-endian, and at least one more than the whole words in `byteLength`; bytes of
 *   the last one behind `byteLength` do not count.
 */
export function hashWords(words: Int32Array, byteLength: number, seed: HashSeed): number {
  let v0 = seed.k0
  let v1 = seed.k1
  let v2 = 0x6c796765 ^ seed.k0
  let v3 = 0x74656462 ^ seed.k1
  const whole = byteLength >>> 2
  // One word a turn; the last turn carries the remaining bytes and the length.
  for (let i = 0; i <= whole; i++) {
    let m = words[i]!
    if (i === whole) m = (m & restMasks[byteLength & 3]!) | (byteLength << 24)
    v3 ^= m
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= m
  }
  v2 ^= 0xff
  for (let round = 0; round < 3; round++) {
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
  }
  return (v1 ^ v3) >>> 0
}

/** What counts of a word that holds 0 to 3 bytes. */
const restMasks = Int32Array.of(0, 0xff, 0xffff, 0xffffff)

let scratch = new Int32Array(64)

/** The hash of `bytes[start, end)`, wherever they stand. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed: HashSeed): number {
  const words = (end - start + 4) >>> 2
  if (words > scratch.length) scratch = new Int32Array(2 * words)
  new Uint8Array(scratch.buffer).set(bytes.subarray(start, end))
  return hashWords(scratch, end - start, seed)
}
