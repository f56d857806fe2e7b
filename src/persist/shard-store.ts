/**
 * The store of one shard, an LMDB environment (`environment.ts`).
 *
 * Holds the applied state of every key as opaque bytes, and the journal position that this state
 * covers. A commit changes both or nothing, so that recovery is: open, read the position, replay
 * the journal from there. A small commit is one transaction; a large one goes through the redo file
 * (`redo.ts`), which keeps the memory that it takes small. Every value carries a CRC-32, because
 * LMDB has none, and so do the numbers of entries.
 *
 * Beside the state of a key there may be chunks of its events, for views that need them, ids of
 * events that were counted, for sources whose rule wants them, and entries in serving indexes; they
 * are databases of their own, so that keys can be counted. `store-keys.ts` has the bytes of their
 * keys, by which a commit sorted by hash writes in key order.
 *
 * Shard thread; one writer per environment. A failed commit is "unknown", not "not done": the
 * caller must stop the process and let recovery decide.
 *
 * @see docs/decisions/0001-lmdb-options.md
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createDirectory, flushDirectory } from '../base/directories.ts'
import { MillraceError } from '../base/errors.ts'
import { assertCounts, countEntries, countsWrite, readCounts } from './counts.ts'
import { openEnvironment, unseal, type Environment } from './environment.ts'
import { openRedo, RedoGroup, RedoWriter, type RedoReader, type RedoWrite } from './redo.ts'
import {
  chunkKey,
  headerKey,
  idPrefix,
  indexKey,
  indexViewBytes,
  readChunkKey,
  readStateKey,
  stateKey,
  stateKeyBytes,
  statePrefix,
  writeStateKey,
  type ChunkPlace,
  type KeyPlace,
} from './store-keys.ts'
import {
  addHeader,
  addWrite,
  readArrival,
  readHeader,
  storeFormat,
  type StoredHeader,
  type StoreWrite,
} from './store-writes.ts'

/** Writes of one transaction: each may change a page, and LMDB keeps that many pages for good. */
const writesPerTransaction = 256

/** Bytes of writes beyond which a transaction takes no more. */
const transactionBytesMax = 512 * 1024

/** The header and the counts. */
const entriesBesideKeys = 2

/** A stored key as a scan meets it. */
export interface StoredState extends KeyPlace {
  readonly value: Uint8Array
}

export interface StoredChunk {
  readonly tile: number
  readonly part: number
  readonly value: Uint8Array
}

/** A stored id as a scan meets it. */
export interface StoredId {
  readonly idKey: Buffer
  readonly arrivalMs: number
}

export interface Commit {
  /** Best in the order of the hashes. A batch is not looked at after the next is asked for. */
  readonly batches: AsyncIterable<readonly StoreWrite[]>
  /** Kept beside the state and given back by {@link ShardStore.header}; opaque here. */
  readonly header: Uint8Array
  /** Waited for before anything counts; false gives the commit up. */
  readonly ready: Promise<boolean>
}

export interface ShardStore {
  /** What the last commit said, null in a new store. */
  header(): Uint8Array | null
  /** Keys stored. */
  readonly count: number
  /** The stored state of a key; a private copy. */
  get(place: KeyPlace): Uint8Array | null
  /** The chunks of a key from tile `first` to `last`, both included, by tile and then by part. */
  chunks(place: KeyPlace, first: number, last: number): readonly StoredChunk[]
  /** Where the chunks of a key are, from one on to `lastTile`, at most `limit` of them. */
  chunkPlaces(from: ChunkPlace, lastTile: number, limit: number): readonly ChunkPlace[]
  /** Ids stored. */
  readonly idCount: number
  /** When the event of a stored id arrived, ms; null for an id that is not stored. */
  arrivalOf(idKey: Buffer): number | null
  /** At most `limit` stored ids behind `cursor`, in the order of their keys, as {@link scan}. */
  scanIds(cursor: StoredId | null, limit: number): readonly StoredId[]
  /** At most `limit` of the view's keys in its index that begin so, as they stand there. */
  indexed(view: number, start: Uint8Array, limit: number): readonly Uint8Array[]
  /** Number of the last commit. */
  readonly generation: number
  /** On disk when it resolves; to false when it was given up and nothing has changed. */
  commit(commit: Commit): Promise<boolean>
  /** At most `limit` stored keys behind `cursor`, in key order, from the first with null. */
  scan(cursor: StoredState | null, limit: number): readonly StoredState[]
  close(): Promise<void>
}

/**
 * Opens the environment in a directory, creating it if there is none, and finishes a commit that a
 * crash has interrupted.
 *
 * @throws MillraceError `STORE_FORMAT`, `STORE_CORRUPT`
 */
export async function openShardStore(
  path: string,
  options: { readonly mapBytes: number },
): Promise<ShardStore> {
  await createDirectory(path)
  const environment = openEnvironment(path, options.mapBytes)
  // The names of its files.
  await flushDirectory(path)
  const store = new LmdbStore(environment, path)
  try {
    await store.recover()
  } catch (thrown) {
    await store.close()
    throw thrown
  }
  return store
}

class LmdbStore implements ShardStore {
  readonly #environment: Environment
  readonly #keys: Environment['keys']
  #hasFailed = false
  readonly #chunks: Environment['chunks']
  readonly #ids: Environment['ids']
  readonly #path: string
  readonly #redoPath: string
  /** Number of the last commit; a redo file of it or of an older one is spent. */
  #generation = 0
  /** In turn, so that one can be filled while the other is written. */
  readonly #groups = [new RedoGroup(), new RedoGroup()] as const

  constructor(environment: Environment, path: string) {
    this.#environment = environment
    this.#keys = environment.keys
    this.#chunks = environment.chunks
    this.#ids = environment.ids
    this.#path = path
    this.#redoPath = join(path, 'redo')
  }

  get count(): number {
    return Math.max(0, countEntries(this.#environment).keys - entriesBesideKeys)
  }

  get idCount(): number {
    return countEntries(this.#environment).ids
  }

  arrivalOf(idKey: Buffer): number | null {
    const stored = this.#ids.getBinary(idKey)
    return stored === undefined ? null : readArrival(unseal(idKey, stored, this.#path))
  }

  header(): Uint8Array | null {
    return this.#header()?.header ?? null
  }

  get(place: KeyPlace): Uint8Array | null {
    return this.#read(stateKey(place))
  }

  chunks(place: KeyPlace, first: number, last: number): readonly StoredChunk[] {
    const start = chunkKey({ ...place, tile: first, part: 0 })
    const end = chunkKey({ ...place, tile: last + 1, part: 0 })
    const found: StoredChunk[] = []
    for (const { key, value } of this.#chunks.getRange({ start, end })) {
      found.push({ ...readChunkKey(key), value: unseal(key, value, this.#path) })
    }
    return found
  }

  chunkPlaces(from: ChunkPlace, lastTile: number, limit: number): readonly ChunkPlace[] {
    const start = chunkKey(from)
    const end = chunkKey({ ...from, tile: lastTile + 1, part: 0 })
    const keys = this.#chunks.getKeys({ start, end, limit })
    return [...keys].map((key) => ({ ...from, ...readChunkKey(key) }))
  }

  indexed(view: number, start: Uint8Array, limit: number): readonly Uint8Array[] {
    const first = indexKey(view, start)
    const found: Uint8Array[] = []
    for (const { key, value } of this.#environment.indexed.getRange({ start: first, limit })) {
      if (!first.equals(key.subarray(0, first.length))) break
      unseal(key, value, this.#path)
      found.push(key.subarray(indexViewBytes))
    }
    return found
  }

  get generation(): number {
    return this.#generation
  }

  /** Reads which commit was the last, and finishes it when it was interrupted. */
  async recover(): Promise<void> {
    const header = this.#header()
    const found = header?.format ?? storeFormat
    if (found !== storeFormat) {
      throw new MillraceError('STORE_FORMAT', { found, expected: storeFormat })
    }
    this.#generation = header?.generation ?? 0
    const redo = openRedo(this.#redoPath)
    if (redo !== null) {
      try {
        redo.check()
        if (redo.generation > this.#generation) await this.#bringIn(redo)
      } finally {
        redo.close()
      }
      await rm(this.#redoPath)
    }
    const noted = readCounts(this.#environment, this.#path)
    assertCounts(this.#path, noted, countEntries(this.#environment))
  }

  async commit({ batches, header, ready }: Commit): Promise<boolean> {
    const generation = this.#generation + 1
    let [group, next] = this.#groups
    let redo: RedoWriter | null = null
    let appended = Promise.resolve()
    let inGroup = 0
    group.clear()
    for await (const writes of batches) {
      for (const write of writes) {
        if (inGroup === writesPerTransaction || group.byteLength > transactionBytesMax) {
          redo ??= await RedoWriter.create(this.#redoPath, generation)
          await appended
          appended = redo.append(group, { isLast: false })
          // Heard of when it is awaited.
          appended.catch(() => undefined)
          ;[group, next] = [next, group]
          group.clear()
          inGroup = 0
        }
        addWrite(group, write)
        inGroup += 1
      }
    }
    addHeader(group, { generation, header })
    await appended
    if (!(await ready)) {
      await redo?.abandon()
      return false
    }
    if (redo === null) await this.#write(group.writes(), { isLast: true })
    else {
      await redo.append(group, { isLast: true })
      await redo.finish()
      const written = openRedo(this.#redoPath)!
      await this.#bringIn(written)
      written.close()
      await rm(this.#redoPath)
    }
    this.#generation = generation
    return true
  }

  scan(cursor: StoredState | null, limit: number): readonly StoredState[] {
    let start = Buffer.from([statePrefix])
    if (cursor !== null) {
      // The shortest key behind the cursor's has a zero more.
      start = Buffer.alloc(stateKeyBytes(cursor.key) + 1)
      writeStateKey(start, cursor)
    }
    const found: StoredState[] = []
    const end = Buffer.from([statePrefix + 1])
    for (const { key, value } of this.#keys.getRange({ start, end, limit })) {
      found.push({ ...readStateKey(key), value: unseal(key, value, this.#path) })
    }
    return found
  }

  scanIds(cursor: StoredId | null, limit: number): readonly StoredId[] {
    // The shortest key behind the cursor's has a zero more.
    const start =
      cursor === null ? Buffer.from([idPrefix]) : Buffer.concat([cursor.idKey, Buffer.of(0)])
    const found: StoredId[] = []
    for (const { key, value } of this.#ids.getRange({ start, limit })) {
      found.push({ idKey: key, arrivalMs: readArrival(unseal(key, value, this.#path)) })
    }
    return found
  }

  /** After a failed commit lmdb waits for the others in vain; the end of the thread closes it. */
  async close(): Promise<void> {
    if (!this.#hasFailed) await this.#keys.close()
  }

  #header(): StoredHeader | null {
    const value = this.#read(headerKey)
    return value === null ? null : readHeader(value)
  }

  #read(key: Buffer): Buffer | null {
    const stored = this.#keys.getBinary(key)
    return stored === undefined ? null : unseal(key, stored, this.#path)
  }

  async #bringIn(redo: RedoReader): Promise<void> {
    let before = Promise.resolve()
    for (const { writes, isLast } of redo.groups()) {
      // The counts of the last follow from what is stored.
      if (isLast) await before
      const written = this.#write(writes, { isLast })
      // Handled below, or the failure of the one before ends this.
      written.catch(() => undefined)
      await before
      before = written
    }
    await before
    this.#generation = redo.generation
  }

  /**
   * One transaction, of which all counts or nothing; on disk when it resolves. Until then, the
   * writes must stay as they are.
   *
   * @param options.isLast  Of the commit: every one before it is on disk.
   */
  async #write(
    writes: readonly RedoWrite[],
    { isLast }: { readonly isLast: boolean },
  ): Promise<void> {
    const all = isLast ? [...writes, countsWrite(this.#environment, writes)] : writes
    // Not in the callback of a transaction: lmdb would hold it open until this thread gets to it,
    // and when the thread dies before, it takes the whole process with it.
    const written = this.#keys.batch(() => {
      for (const { key, value } of all) {
        const stored = key as Buffer
        const db = this.#environment.of(stored)
        void (value === null ? db.remove(stored) : db.put(stored, value as Buffer))
      }
    })
    await written.catch((thrown: unknown) => {
      this.#hasFailed = true
      throw thrown
    })
  }
}
