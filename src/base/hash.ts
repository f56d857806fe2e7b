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

/** The unsigned 32-bit hash of `bytes[start, end)`. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed: HashSeed): number {
  let v0 = seed.k0
  let v1 = seed.k1
  let v2 = 0x6c796765 ^ seed.k0
  let v3 = 0x74656462 ^ seed.k1
  const length = end - start
  const tail = start + (length & ~3)
  let m = 0
  let at = start
  // One word a turn; the last turn carries the remaining bytes and the length.
  for (;;) {
    const last = at >= tail
    if (last) {
      m = length << 24
      const rest = end - tail
      if (rest > 2) m |= bytes[tail + 2]! << 16
      if (rest > 1) m |= bytes[tail + 1]! << 8
      if (rest > 0) m |= bytes[tail]!
    } else {
      m = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    }
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
    if (last) break
    at += 4
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
