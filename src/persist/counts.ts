/**
 * How many entries a store must have, kept in an entry of its own that every commit brings up to
 * date: of what is missing, the CRC of nothing else would tell.
 */
import { MillraceError } from '../base/errors.ts'
import { seal, sealBytes, unseal, type Environment } from './environment.ts'
import { countsKey } from './store-keys.ts'

/** Entries of each database of an environment. */
export interface Counts {
  /** The header and these counts included. */
  readonly keys: number
  readonly chunks: number
  readonly ids: number
}

const valueAt = countsKey.length + sealBytes
const valueBytes = 3 * 8

/** The names of the other databases, which are entries of the first. */
const namesCount = 2

/** As LMDB has counted them. */
export function countEntries({ keys, chunks, ids }: Environment): Counts {
  const of = (database: Environment['chunks']): number =>
    (database.getStats() as { entryCount: number }).entryCount
  return { keys: of(keys) - namesCount, chunks: of(chunks), ids: of(ids) }
}

/** Notes the counts; within the transaction that ends a commit, behind all its other writes. */
export function writeCounts(environment: Environment): void {
  const { keys } = environment
  const entry = Buffer.alloc(valueAt + valueBytes)
  entry.set(countsKey)
  // First of all there is an entry, so that it counts itself, too.
  void keys.put(countsKey, entry.subarray(countsKey.length))
  const counts = countEntries(environment)
  entry.writeDoubleLE(counts.keys, valueAt)
  entry.writeDoubleLE(counts.chunks, valueAt + 8)
  entry.writeDoubleLE(counts.ids, valueAt + 16)
  seal(entry, 0, countsKey.length, valueBytes)
  void keys.put(countsKey, entry.subarray(countsKey.length))
}

/** The counts that the last commit has noted; null in a store without one. */
export function readCounts({ keys }: Environment, path: string): Counts | null {
  const stored = keys.getBinary(countsKey)
  if (stored === undefined) return null
  const value = unseal(countsKey, stored, path)
  return {
    keys: value.readDoubleLE(0),
    chunks: value.readDoubleLE(8),
    ids: value.readDoubleLE(16),
  }
}

/** @throws MillraceError `STORE_CORRUPT` when entries are missing, or there are others. */
export function assertCounts(path: string, noted: Counts | null, found: Counts): void {
  for (const [name, count] of Object.entries(found)) {
    const expected = noted?.[name as keyof Counts] ?? 0
    if (count === expected) continue
    const reason = `has ${count} ${name}, and ${expected} were stored`
    throw new MillraceError('STORE_CORRUPT', { file: path, reason })
  }
}
