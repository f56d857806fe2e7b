/**
 * Slots in the order of their hashes, which is that in which the store writes fastest.
 *
 * Hash and slot are put into the 53 bits of one number, so that they are sorted natively, without a
 * comparison function. Of the hash its upper bits are enough.
 */

/** Slots that a number can tell apart beside the upper bits of a hash. */
const slotsMax = 2 ** 26
const hashBitsDropped = 32 - (53 - 26)

/** Sorts slots by their hashes; {@link orderedSlot} takes them out. */
export function orderByHash(
  slots: readonly number[],
  hashOf: (slot: number) => number,
): Float64Array<ArrayBuffer> {
  const ordered = new Float64Array(slots.length)
  for (const [i, slot] of slots.entries()) {
    ordered[i] = (hashOf(slot) >>> hashBitsDropped) * slotsMax + slot
  }
  return ordered.sort()
}

export function orderedSlot(ordered: Float64Array, place: number): number {
  return ordered[place]! % slotsMax
}
