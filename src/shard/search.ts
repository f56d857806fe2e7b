/**
 * The keys of a view that have some values of its serving index, in all shards of a lane.
 */
import type { FromShard, ToShard } from '../model/message.ts'
import { plainFailure } from './lane-failure.ts'
import type { Shard } from './shard.ts'

/** Answers a search; what goes wrong is told to who has asked, and has changed nothing. */
export function searchShards(
  shards: readonly Shard[],
  { id, search }: Extract<ToShard, { kind: 'find' }>,
): FromShard {
  // This changes state, and would leave it half changed.
  for (const shard of shards) shard.admit(search)
  try {
    const keys: Uint8Array[] = []
    for (const shard of shards) {
      for (const key of shard.find(search)) if (keys.length < search.limit) keys.push(key)
    }
    return { kind: 'found', id, keys, failure: null }
  } catch (thrown) {
    return { kind: 'found', id, keys: [], failure: plainFailure(thrown) }
  }
}
