/**
 * Steps over msgpack values without decoding them, within the bounds of one event.
 *
 * In: the bytes of an event, a place in them, and where the event ends. Out: the place behind the
 * value. A value that is truncated, nests too deep, claims more children than bytes are left, or
 * makes the event hold too many values is refused before anything is allocated for it, in time
 * that is bounded by `eventNodesMax` and not by what the bytes claim. Thread: main.
 *
 * @see The msgpack specification, https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { eventDepthMax, eventNodesMax } from '../base/limits.ts'

/** What {@link Skip.value} answers for a value that is refused. */
export const refused = -1

/** By first byte: the size of a value whose size follows from it; 0 where it does not. */
export const fixedSizes = new Uint8Array(256)
fixedSizes.fill(1, 0x00, 0x80)
fixedSizes[0x80] = 1
fixedSizes[0x90] = 1
for (let length = 0; length < 32; length++) fixedSizes[0xa0 + length] = 1 + length
fixedSizes.set([1, 0, 1, 1], 0xc0)
fixedSizes.set([5, 9, 2, 3, 5, 9, 2, 3, 5, 9], 0xca)
fixedSizes.set([3, 4, 6, 10, 18], 0xd4)
fixedSizes.fill(1, 0xe0)

/** By first byte: how many bytes of length or count follow it. 0 for the unused byte and ext 32. */
const lengthSizes = new Uint8Array(256)
lengthSizes.set([1, 2, 4, 1, 2], 0xc4)
lengthSizes.set([1, 2, 4], 0xd9)
lengthSizes.set([2, 4, 2, 4], 0xdc)

export class Skip {
  /** Values that are still to come, by depth; the outer map is at depth 1, and 0 ends the walk. */
  readonly #remaining = new Int32Array(eventDepthMax + 1).fill(1)
  #nodes = 0

  /** Starts an event whose outer map has this many fields; false when it is too large. */
  startEvent(fields: number): boolean {
    this.#nodes = 1 + 2 * fields
    return this.#nodes <= eventNodesMax
  }

  /** The place behind the outer map's value that starts at `at` < `end`; or {@link refused}. */
  value(bytes: Uint8Array, at: number, end: number): number {
    const remaining = this.#remaining
    let depth = 1
    remaining[1] = 1
    for (;;) {
      while (remaining[depth] === 0) depth -= 1
      if (depth === 0) return at > end ? refused : at
      remaining[depth]! -= 1
      if (at >= end) return refused
      const head = bytes[at]!
      const size = fixedSizes[head]!
      if (size !== 0) {
        at += size
        continue
      }
      const lengthSize = lengthSizes[head]!
      if (at + 1 + lengthSize > end) return refused
      if ((head >= 0x80 && head < 0xa0) || head >= 0xdc) {
        const isMap = head < 0x90 || head >= 0xde
        const count = lengthSize === 0 ? head & 0x0f : readLength(bytes, at + 1, lengthSize)
        const children = isMap ? 2 * count : count
        at += 1 + lengthSize
        this.#nodes += children
        if (children > end - at || this.#nodes > eventNodesMax) return refused
        if (children === 0) continue
        if (depth === eventDepthMax) return refused
        depth += 1
        remaining[depth] = children
        continue
      }
      if (lengthSize === 0) return refused
      const isExtension = head === 0xc7 || head === 0xc8
      at += 1 + lengthSize + (isExtension ? 1 : 0) + readLength(bytes, at + 1, lengthSize)
    }
  }
}

function readLength(bytes: Uint8Array, at: number, size: number): number {
  if (size === 1) return bytes[at]!
  const high = (bytes[at]! << 8) | bytes[at + 1]!
  if (size === 2) return high
  return high * 65536 + ((bytes[at + 2]! << 8) | bytes[at + 3]!)
}
