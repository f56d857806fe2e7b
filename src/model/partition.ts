/**
 * Entity key → shard. Fixed for the life of a store; pinned by a golden test.
 */

/** The shard of a key's hash: the hash range is cut into `shards` equal parts. */
export function shardOf(keyHash: number, shards: number): number {
  return Math.floor((keyHash / 4294967296) * shards)
}
