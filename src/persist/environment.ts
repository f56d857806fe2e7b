/**
 * The LMDB environment of a shard's store: the only file that knows lmdb, its databases and how a
 * value is guarded on disk.
 *
 * Every value carries a CRC-32, because LMDB has none.
 *
 * @see docs/decisions/0001-lmdb-options.md
 */
import { crc32 } from 'node:zlib'
import { open, type Database, type RootDatabase } from 'lmdb'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { chunkPrefix, idPrefix } from './store-keys.ts'

/** What a value is longer by on disk, bytes. */
export const sealBytes = 4

export interface Environment {
  /** The header, and the state of every key. */
  readonly keys: RootDatabase<Buffer, Buffer>
  readonly chunks: Database<Buffer, Buffer>
  readonly ids: Database<Buffer, Buffer>
  /** The database that a key belongs to. */
  of(key: Buffer): Database<Buffer, Buffer>
}

/** @throws MillraceError `STORE_CORRUPT` */
export function openEnvironment(path: string, mapSize: number): Environment {
  const options = {
    path,
    encoding: 'binary' as const,
    keyEncoding: 'binary' as const,
    // Missing from lmdb's types. Without it, writes that the disk lost while the machine stayed up
    // are taken for written.
    safeRestore: true,
    overlappingSync: true,
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
    const byPrefix = new Map<number, Database<Buffer, Buffer>>([
      [chunkPrefix, chunks],
      [idPrefix, ids],
    ])
    return { keys, chunks, ids, of: (key) => byPrefix.get(key[0]!) ?? keys }
  } catch (thrown) {
    const details = { file: path, reason: reasonOf(thrown) }
    throw new MillraceError('STORE_CORRUPT', details, { cause: thrown })
  }
}

/** Writes a value to `to[at…]`, with a CRC in front. */
export function seal(to: Buffer, value: Uint8Array, at = 0): void {
  to.writeUInt32LE(crc32(value), at)
  to.set(value, at + sealBytes)
}

/** Takes it off. @throws MillraceError `STORE_CORRUPT` */
export function unseal(sealed: Buffer, path: string): Buffer {
  const value = sealed.subarray(sealBytes)
  if (sealed.length < sealBytes || crc32(value) !== sealed.readUInt32LE(0)) {
    throw new MillraceError('STORE_CORRUPT', { file: path, reason: 'CRC of a value is wrong' })
  }
  return value
}
