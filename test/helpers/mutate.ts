/**
 * Bytes that are almost right: a few changes of the kinds that break parsers.
 */

/** A number from 0 to 1. */
export type Random = () => number

/** A whole number below `end`. */
export function below(random: Random, end: number): number {
  return Math.floor(random() * end)
}

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[below(random, list.length)]!
}

/** Heads of msgpack with lengths, ends of ranges, and what means something in JSON and HTTP. */
const telling = Buffer.from(
  '00017f808fa090bfc0c1c4c5c6c7c8c9cacbcfd3d4d9dadbdcdddedfff0a0d20222c3a5b5c5d7b7d2d2e2f252b',
  'hex',
)

type Change = (bytes: Buffer, at: number, random: Random, others: readonly Uint8Array[]) => Buffer

const changes: readonly Change[] = [
  (bytes, at, random) => {
    bytes[at]! ^= 1 << below(random, 8)
    return bytes
  },
  (bytes, at, random) => {
    bytes[at] = telling[below(random, telling.length)]!
    return bytes
  },
  // A length of its own, up to four bytes of ones.
  (bytes, at, random) => bytes.fill(0xff, at, Math.min(bytes.length, at + 1 + below(random, 4))),
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at, random) =>
    Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 4))]),
  (bytes, at, random) => {
    const more = Buffer.alloc(1 + below(random, 4), telling[below(random, telling.length)])
    return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)])
  },
  // A part once more.
  (bytes, at, random) => {
    const part = bytes.subarray(at, at + 1 + below(random, 16))
    return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)])
  },
  // The beginning of this one and the end of another.
  (bytes, at, random, others) => {
    const other = pick(random, others)
    return Buffer.concat([bytes.subarray(0, at), other.subarray(below(random, other.length))])
  },
]

/**
 * One of the seeds with one to four changes.
 *
 * @param others  Whose ends may take the place of its own.
 */
export function mutated(
  seeds: readonly Uint8Array[],
  random: Random,
  others: readonly Uint8Array[] = seeds,
): Buffer {
  let bytes: Buffer = Buffer.from(pick(random, seeds))
  for (let left = 1 + below(random, 4); left > 0 && bytes.length > 0; left--) {
    bytes = pick(random, changes)(bytes, below(random, bytes.length), random, others)
  }
  return bytes
}
