/**
 * Stores of a shard for tests: what is written into them, and the environment beneath, in which
 * damage can be done; damage in other files, too.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { open } from 'lmdb'
import { RedoGroup, RedoWriter } from '../../src/persist/redo.ts'
import { openShardStore, type ShardStore } from '../../src/persist/shard-store.ts'
import type { StateWrite, StoreWrite } from '../../src/persist/store-writes.ts'

const mapBytes = 2 ** 28
export const openAt = (path: string): Promise<ShardStore> => openShardStore(path, { mapBytes })
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString()

export function write(n: number, value: string | null, view = 0): StateWrite {
  const key = bytesOf(`key ${n}`)
  return {
    view,
    keyHash: (n * 2654435761) >>> 0,
    key,
    value: value === null ? null : bytesOf(value),
  }
}

// oxlint-disable-next-line require-await
export async function* batchesOf(...batches: readonly (readonly StoreWrite[])[]) {
  yield* batches
}

export function commit(store: ShardStore, header: string, ...batches: readonly StoreWrite[][]) {
  const ready = Promise.resolve(true)
  return store.commit({ header: bytesOf(header), batches: batchesOf(...batches), ready })
}

export function get(store: ShardStore, n: number, view = 0): string | null {
  const { keyHash, key } = write(n, null)
  return textOf(store.get({ view, keyHash, key }))
}

const binary = { encoding: 'binary', keyEncoding: 'binary' } as const

/** The environment as lmdb has it, to do damage in it. */
export function openRaw(path: string) {
  return open<Buffer, Buffer>({ path, ...binary, noSubdir: false })
}

/** Does something to the entry of a key. */
export async function change(
  dir: string,
  key: Buffer,
  what: (entry: ReturnType<typeof entriesOf>[number]) => Promise<unknown>,
): Promise<void> {
  const raw = openRaw(dir)
  await what(entriesOf(raw).find((entry) => entry.key.equals(key))!)
  await raw.close()
}

/** Puts an entry where its key belongs. */
export async function put(dir: string, key: Buffer, value: Buffer): Promise<void> {
  const raw = openRaw(dir)
  const name = ['', '', 'chunks', 'ids'][key[0]!]!
  await (name === '' ? raw : raw.openDB({ name, ...binary })).put(key, value)
  await raw.close()
}

export const idOf = (n: number): Buffer => Buffer.from(`\u0003id ${String(n).padStart(5, '0')}`)
export const idWrite = (n: number, arrivalMs: number | null) => ({ idKey: idOf(n), arrivalMs })

/** Every entry of the store with the database that it is in. */
export function entriesOf(raw: ReturnType<typeof openRaw>) {
  const databases = [raw, ...['chunks', 'ids'].map((name) => raw.openDB({ name, ...binary }))]
  return databases.flatMap((database) =>
    [...database.getRange({ start: Buffer.from([0]) })]
      // The names of the other databases.
      .filter(({ key }) => key[0]! < 0x20)
      .map(({ key, value }) => ({ database, key: Buffer.from(key), value: Buffer.from(value) })),
  )
}

/** The n-th segment of a log. */
export async function segment(dir: string, log: string, n: number): Promise<string> {
  const names = (await readdir(join(dir, log))).toSorted()
  return join(dir, log, names.at(n)!)
}

export async function flip(file: string, at: number): Promise<void> {
  const bytes = await readFile(file)
  const place = at < 0 ? bytes.length + at : at
  bytes[place]! ^= 1
  await writeFile(file, bytes)
}

/** A shard that has keys, and one of them. */
export async function storedKey(dir: string): Promise<[shard: string, key: Buffer]> {
  const shards = (await readdir(join(dir, 'shards'))).toSorted()
  for (const shard of shards.filter((name) => /^\d{3}$/.test(name))) {
    const raw = openRaw(join(dir, 'shards', shard))
    const entry = entriesOf(raw).find(({ key }) => key[0] === 1)
    await raw.close()
    if (entry !== undefined) return [join(dir, 'shards', shard), entry.key]
  }
  throw new Error('there is no key')
}

/** Puts a complete redo file down, as a crash would leave it before or within the transactions. */
export async function leaveRedo(dir: string, generation: number, from: string): Promise<void> {
  // Its content is what another store holds.
  const writer = await RedoWriter.create(join(dir, 'redo'), generation)
  const group = new RedoGroup()
  const stored = openRaw(from)
  for (const { key, value } of entriesOf(stored)) {
    const at = group.add(key.length, value.length)
    group.bytes.set(key, at)
    group.bytes.set(value, at + key.length)
  }
  await stored.close()
  await writer.append(group, { isLast: true })
  await writer.finish()
}
