/**
 * Checks of what must be true whatever the outside world does: a failure is our own mistake.
 */

/** Throws when a condition that the code relies on does not hold. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}

/** Marks a place that no value of the type can reach. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`)
}
