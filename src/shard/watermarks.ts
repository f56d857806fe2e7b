/**
 * The watermarks of a lane: the greatest of its shards', view by view.
 */

/** @param shards  Of each shard: ms and ns of every view, in turn. At least one. */
export function greatestWatermarks(shards: readonly Float64Array[]): Float64Array {
  const greatest = Float64Array.from(shards[0]!)
  for (const other of shards) {
    for (let i = 0; i < other.length; i += 2) {
      const isAhead =
        other[i]! > greatest[i]! || (other[i] === greatest[i] && other[i + 1]! > greatest[i + 1]!)
      if (!isAhead) continue
      greatest[i] = other[i]!
      greatest[i + 1] = other[i + 1]!
    }
  }
  return greatest
}
