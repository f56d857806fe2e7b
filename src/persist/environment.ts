/**
 * The LMDB environment of a shard's store: the only file that knows lmdb, its databases and how a
 * value is guarded on disk.
 *
 * Every value carries a CRC-32 of itself and its key, because LMDB has none.
 *
 * @see docs/decisions/0001-lmdb-options.md
 */
import { crc32 } from 'node:zlib'
import { open, type Database, type RootDatabase } from 'lmdb'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { readMetaPages } from './meta-pages.ts'
import { chunkPrefix, idPrefix, indexPrefix } from './store-keys.ts'

/** What a value is longer by on disk, bytes. */
export const sealBytes = 4

type DatabaseName = 'keys' | 'chunks' | 'ids' | 'indexed'

export interface Environment {
  /** The header, and the state of every key. */
  readonly keys: RootDatabase<Buffer, Buffer>
  readonly chunks: Database<Buffer, Buffer>
  readonly ids: Database<Buffer, Buffer>
  /** Keys by the values of serving indexes. */
  readonly indexed: Database<Buffer, Buffer>
  /** The name of the database that a key belongs to. */
  nameOf(key: Buffer): DatabaseName
  /** That database. */
  of(key: Buffer): Database<Buffer, Buffer>
}

/**
 * @param options.readOnly  Creates and changes nothing; there must be one.
 * @throws MillraceError `STORE_CORRUPT`; errors of the file system as they are.
 */
export function openEnvironment(
  path: string,
  mapSize: number,
  { readOnly = false } = {},
): Environment {
  readMetaPages(path)
  const options = {
    path,
    encoding: 'binary' as const,
    keyEncoding: 'binary' as const,
    // Missing from lmdb's types. Without it, writes that the disk lost while the machine stayed up
    // are taken for written.
    safeRestore: true,
    overlappingSync: true,
    readOnly,
    mapSize,
    noSubdir: false,
    cache: false,
  }
  try {
    const keys = open<Buffer, Buffer>(options)
    const { encoding, keyEncoding, cache } = options
    const common = { encoding, keyEncoding, cache }
    const chunks = keys.openDB<Buffer, Buffer>({ name: 'chunks', ...common })
    const ids = keys.openDB<Buffer, Buffer>({ name: 'ids', ...common })
    const indexed = keys.openDB<Buffer, Buffer>({ name: 'indexed', ...common })
    const databases = { keys, chunks, ids, indexed }
    return { ...databases, nameOf, of: (key) => databases[nameOf(key)] }
  } catch (thrown) {
    // Above zero it is the system's: too many open files say nothing of what is stored.
    const { code } = thrown as { code?: unknown }
    if (typeof code !== 'number' || code > 0) throw thrown
    const details = { file: path, reason: reasonOf(thrown) }
    throw new MillraceError('STORE_CORRUPT', details, { cause: thrown })
  }
}

function nameOf(key: Buffer): DatabaseName {
  return byPrefix.get(key[0]!) ?? 'keys'
}

const byPrefix: ReadonlyMap<number, DatabaseName> = new Map([
  [chunkPrefix, 'chunks'],
  [idPrefix, 'ids'],
  [indexPrefix, 'indexed'],
])

/**
 * Completes an entry: from `at` on a key, room for {@link sealBytes}, and a value. Between the two
 * comes a CRC of both: a key that has changed would stand for another, or be missing.
 */
export function seal(bytes: Buffer, at: number, keyBytes: number, valueBytes: number): void {
  const keyEnd = at + keyBytes
  const start = keyEnd + sealBytes
  const crc = crcOf(bytes.subarray(at, keyEnd), bytes.subarray(start, start + valueBytes))
  bytes.writeUInt32LE(crc, keyEnd)
}

/** The value of a key without its CRC. @throws MillraceError `STORE_CORRUPT` */
export function unseal(key: Uint8Array, sealed: Buffer, path: string): Buffer {
  const value = sealed.subarray(sealBytes)
  if (sealed.length < sealBytes || crcOf(key, value) !== sealed.readUInt32LE(0)) {
    const reason = `CRC of the value of ${Buffer.from(key).toString('hex')} is wrong`
    throw new MillraceError('STORE_CORRUPT', { file: path, reason })
  }
  return value
}

function crcOf(key: Uint8Array, value: Uint8Array): number {
  return crc32(value, crc32(key))
}
