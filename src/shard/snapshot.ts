/**
 * Copies a shard's store while its owner may write to it.
 */
import { snapshotStore } from '../persist/snapshot.ts'
import { mapBytes } from './shard.ts'

export function snapshotShard(path: string, to: string): Promise<void> {
  return snapshotStore(path, to, mapBytes)
}
