/**
 * How many keys may be new in a view on one day, UTC, by arrival.
 *
 * A definition may say another number at any time, and a replay must decide as the first run did:
 * so a store has every number with the journal position from which on it holds.
 */

export interface KeyLimit {
  /** Journal position: the limit is for batches behind it. */
  readonly since: number
  /** New keys a day. */
  readonly max: number
}

/** The limit of a batch, of those of a view, the earliest first; Infinity when it has none. */
export function newKeysMaxAt(limits: readonly KeyLimit[], position: number): number {
  return limits.findLast(({ since }) => since < position)?.max ?? Infinity
}

/** Standard deviations of the keys of a shard that it may have beyond its equal part. */
const deviationsMax = 6

/**
 * What one shard may have of a view's new keys of a day: an equal part, and as much more as the
 * hash may deal it out of so many.
 */
export function newKeysMaxOfShard(max: number, shards: number): number {
  const part = max / shards
  return Math.min(max, Math.ceil(part + deviationsMax * Math.sqrt(part)))
}
