/**
 * How many entries a store must have, kept in an entry of its own that every commit brings up to
 * date: of what is missing, the CRC of nothing else would tell.
 */
import { MillraceError } from '../base/errors.ts'
import { seal, sealBytes, unseal, type Environment } from './environment.ts'
import type { RedoWrite } from './redo.ts'
import { countsKey } from './store-keys.ts'

/** Entries of each database of an environment. */
export interface Counts {
  /** The header and these counts included. */
  keys: number
  chunks: number
  ids: number
  indexed: number
}

const valueAt = countsKey.length + sealBytes
const valueBytes = 4 * 8

/** The names of the other databases, which are entries of the first. */
const namesCount = 3

/** As LMDB has counted them. */
export function countEntries({ keys, chunks, ids, indexed }: Environment): Counts {
  const of = (database: Environment['chunks']): number =>
    (database.getStats() as { entryCount: number }).entryCount
  return {
    keys: of(keys) - namesCount,
    chunks: of(chunks),
    ids: of(ids),
    indexed: of(indexed),
  }
}

/**
 * The entry with the counts as they are when `writes` have been made, which are the last of their
 * commit: all that came before them is stored.
 */
export function countsWrite(environment: Environment, writes: readonly RedoWrite[]): RedoWrite {
  const counts = { ...countEntries(environment) }
  /** Whether a key that was written is there now. */
  const isThere = new Map<string, boolean>()
  const note = (key: Buffer, isWritten: boolean): void => {
    const text = key.toString('latin1')
    const was = isThere.get(text) ?? environment.of(key).doesExist(key)
    isThere.set(text, isWritten)
    counts[environment.nameOf(key)] += Number(isWritten) - Number(was)
  }
  for (const { key, value } of writes) note(key as Buffer, value !== null)
  note(countsKey, true)
  const entry = Buffer.alloc(valueAt + valueBytes)
  entry.set(countsKey)
  entry.writeDoubleLE(counts.keys, valueAt)
  entry.writeDoubleLE(counts.chunks, valueAt + 8)
  entry.writeDoubleLE(counts.ids, valueAt + 16)
  entry.writeDoubleLE(counts.indexed, valueAt + 24)
  seal(entry, 0, countsKey.length, valueBytes)
  return { key: countsKey, value: entry.subarray(countsKey.length) }
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
    indexed: value.readDoubleLE(24),
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
