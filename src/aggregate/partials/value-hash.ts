/**
 * A keyed hash of single values, for counting distinct ones: the same in every process of a store.
 *
 * HalfSipHash-1-3 with 64 bits of output over 32-bit words: the two halves of a number, or a
 * string's UTF-16 units in pairs, and at last the type and the length. Keyed with the secret of the
 * store, so that nobody finds values whose hashes begin alike. Of the result 53 bits are kept, a
 * whole number in a double. Part of the store's format.
 *
 * @see Jean-Philippe Aumasson and Daniel J. Bernstein, "SipHash: a fast short-input PRF", 2012;
 * their reference implementation `halfsiphash.c`.
 */
import type { HashSeed } from '../../base/hash.ts'
import type { Column } from '../../model/rows.ts'
import type { Field } from '../../model/types.ts'

/** Bits of a hash. */
export const hashBits = 53

/** What tells values of different types apart that have the same words. */
const types = { text: 1, int: 2, float: 3, bool: 4 } as const

const double = new Float64Array(1)
const doubleWords = new Uint32Array(double.buffer)

/** How the values of a column are hashed, by row; not those of arrays, structs and maps. */
export function valueHasher(
  { type }: Field,
  seed: HashSeed,
): (column: Column, i: number) => number {
  switch (type.kind) {
    case 'Float64':
    case 'Float32':
      return ({ floats }, i) => {
        double[0] = floats[i]!
        return hashWords(seed, types.float, doubleWords[0]!, doubleWords[1]!, '')
      }
    case 'Int64':
    case 'Int32':
    case 'Timestamp':
      return ({ high, low }, i) => hashWords(seed, types.int, low[i]!, high[i]!, '')
    case 'Bool':
      return ({ values }, i) => hashWords(seed, types.bool, values[i] === true ? 1 : 0, 0, '')
    default:
      return ({ values }, i) => hashWords(seed, types.text, 0, 0, values[i] as string)
  }
}

/** The hash of two words or, where the type is text, of its units. */
export function hashWords(
  { k0, k1 }: HashSeed,
  type: number,
  low: number,
  high: number,
  text: string,
): number {
  const isText = type === types.text
  const count = isText ? text.length : 4
  const words = (count + 1) >> 1
  let v0 = k0
  let v1 = k1 ^ 0xee
  let v2 = k0 ^ 0x6c796765
  let v3 = k1 ^ 0x74656462
  let first = 0
  // A turn per word, one for type and length, and three for each half of the result.
  for (let turn = 0; turn < words + 7; turn++) {
    let word = 0
    if (turn === words + 1) v2 ^= 0xee
    else if (turn === words + 4) {
      first = v1 ^ v3
      v1 ^= 0xdd
    } else if (turn === words) word = (count << 3) | type
    else if (turn < words) {
      if (!isText) word = turn === 0 ? low : high
      else {
        word = text.charCodeAt(2 * turn)
        if (2 * turn + 1 < count) word |= text.charCodeAt(2 * turn + 1) << 16
      }
    }
    v3 ^= word
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
    v0 ^= word
  }
  return (first >>> 0) * 2097152 + ((v1 ^ v3) >>> 11)
}
