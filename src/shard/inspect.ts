/**
 * Looks through a shard's store and tells what it is the state of, in a form that can be sent.
 */
import { inspectStore, type StoreInspection } from '../persist/inspect.ts'
import { positionOf } from './header.ts'
import { mapBytes } from './shard.ts'

export interface ShardInspection extends Omit<StoreInspection, 'header'> {
  /** Journal position that the state covers, and where a replay must begin. */
  readonly position: number
  readonly from: number
}

/**
 * Inspects the store in a directory; null when there is none.
 *
 * @param isWhole  Whether all values are read.
 */
export async function inspectShard(
  path: string,
  isWhole: boolean,
): Promise<ShardInspection | null> {
  const found = await inspectStore(path, { mapBytes, isWhole })
  if (found === null) return null
  const { header, ...rest } = found
  return { ...rest, ...(header === null ? { position: 0, from: 0 } : positionOf(header)) }
}
