/**
 * The LMDB environment of one shard: the only file that knows lmdb and the bytes of its keys.
 *
 * Holds the applied state of every key as opaque bytes, and the journal position that this state
 * covers. A commit changes both in one transaction, so that recovery is: open, read the position,
 * replay the journal from there. Every value carries a CRC-32, because LMDB has none.
 *
 * Keys: `00` header; `01, u16 view, u32 key hash, key bytes` state, big-endian, so that a commit
 * sorted by hash writes in key order.
 *
 * Shard thread; one writer per environment. A failed commit is "unknown", not "not done": the
 * caller must stop the process and let recovery decide.
 *
 * @see docs/decisions/0001-lmdb-options.md
 */
import { crc32 } from 'node:zlib'
import { open, type RootDatabase } from 'lmdb'
import { MillraceError, reasonOf } from '../base/errors.ts'

/** Format of the environment; another one is refused. */
export const storeFormat = 1

/** Puts between two turns of the event loop while a commit is written. */
const putsPerTurn = 256

const headerKey = Buffer.from([0])
const statePrefix = 1
const statePrefixBytes = 7

export interface StateWrite {
  readonly view: number
  readonly keyHash: number
  readonly key: Uint8Array
  /** Null removes the key. Not changed until the commit has settled. */
  readonly value: Uint8Array | null
}

/** A stored key as a scan meets it. */
export interface StoredState {
  readonly view: number
  readonly keyHash: number
  readonly key: Uint8Array
  readonly value: Uint8Array
}

export interface Commit {
  readonly writes: readonly StateWrite[]
  /** Kept beside the state and given back by {@link ShardStore.header}; opaque here. */
  readonly header: Uint8Array
}

export interface ShardStore {
  /** What the last commit said, null in a new store. */
  header(): Uint8Array | null
  /** Keys stored. */
  readonly count: number
  /** The stored state of a key; a private copy. */
  get(view: number, keyHash: number, key: Uint8Array): Uint8Array | null
  /** On disk when it resolves. */
  commit(commit: Commit): Promise<void>
  /** At most `limit` stored keys behind `cursor`, in key order, from the first with null. */
  scan(cursor: StoredState | null, limit: number): readonly StoredState[]
  close(): Promise<void>
}

/**
 * Opens the environment in a directory, creating it if there is none.
 *
 * @throws MillraceError `STORE_CORRUPT`
 */
export function openShardStore(path: string, options: { readonly mapBytes: number }): ShardStore {
  const db = openEnvironment(path, options.mapBytes)

  const read = (key: Buffer): Uint8Array | null => {
    const stored = db.getBinary(key)
    return stored === undefined ? null : unseal(stored, path)
  }

  return {
    header: () => read(headerKey),
    get count() {
      return Math.max(0, (db.getStats() as { entryCount: number }).entryCount - 1)
    },
    get: (view, keyHash, key) => read(stateKey(view, keyHash, key)),
    async commit({ writes, header }) {
      const ordered = [...writes].sort((a, b) => a.view - b.view || a.keyHash - b.keyHash)
      // An asynchronous transaction is committed even if its callback throws: if a put fails, the
      // header is torn, so that the half-written state is refused at the next start.
      const sealedHeader = seal(header)
      await db.transaction(async () => {
        let left = putsPerTurn
        try {
          for (const { view, keyHash, key, value } of ordered) {
            const stored = stateKey(view, keyHash, key)
            void (value === null ? db.remove(stored) : db.put(stored, seal(value)))
            if (--left > 0) continue
            left = putsPerTurn
            await nextTurn()
          }
          void db.put(headerKey, sealedHeader)
        } catch (thrown) {
          void db.put(headerKey, Buffer.alloc(4))
          throw thrown
        }
      })
    },
    scan(cursor, limit) {
      const start =
        cursor === null
          ? Buffer.from([statePrefix])
          : Buffer.concat([stateKey(cursor.view, cursor.keyHash, cursor.key), Buffer.from([0])])
      const found: StoredState[] = []
      for (const { key, value } of db.getRange({ start, limit })) {
        found.push({
          view: key.readUInt16BE(1),
          keyHash: key.readUInt32BE(3),
          key: key.subarray(statePrefixBytes),
          value: unseal(value, path),
        })
      }
      return found
    },
    close: () => db.close(),
  }
}

function openEnvironment(path: string, mapSize: number): RootDatabase<Buffer, Buffer> {
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
    return open<Buffer, Buffer>(options)
  } catch (thrown) {
    const details = { file: path, reason: reasonOf(thrown) }
    throw new MillraceError('STORE_CORRUPT', details, { cause: thrown })
  }
}

function stateKey(view: number, keyHash: number, key: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafeSlow(statePrefixBytes + key.length)
  bytes[0] = statePrefix
  bytes.writeUInt16BE(view, 1)
  bytes.writeUInt32BE(keyHash, 3)
  bytes.set(key, statePrefixBytes)
  return bytes
}

/** Puts a CRC in front. The result has a buffer of its own: lmdb keeps pointers, not copies. */
function seal(value: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafeSlow(4 + value.length)
  sealed.writeUInt32LE(crc32(value), 0)
  sealed.set(value, 4)
  return sealed
}

function unseal(sealed: Buffer, path: string): Uint8Array {
  const value = sealed.subarray(4)
  if (sealed.length < 4 || crc32(value) !== sealed.readUInt32LE(0)) {
    throw new MillraceError('STORE_CORRUPT', { file: path, reason: 'CRC of a value is wrong' })
  }
  return value
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
