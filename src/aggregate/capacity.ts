/**
 * How arrays of state grow: often and by little once they are large, because room that nothing uses
 * yet is memory all the same.
 */

/** Items that are worth doubling for; beyond, a quarter more. */
const doublingMax = 4096

/** The next capacity of an array that is full. */
export function grownCapacity(capacity: number): number {
  return capacity < doublingMax ? capacity * 2 : Math.ceil(capacity * 1.25)
}

/** Memory per byte in use: an array has grown for the most it ever held, and by up to a quarter. */
export const capacitySlack = 1.25

/**
 * Length below which a plain array that gets an item is made anew, to its size: the engine would
 * make room for 16 more.
 */
export const exactLengthMax = 16
