/**
 * A store with many keys, made without sending an event for each of them.
 *
 * A shard counts one event for each of a few thousand amounts and stores them; these states are
 * then stored under as many keys as are asked for, in the order of the store and with its own
 * encoding of keys and values. A key's state does not depend on its name, so this is what a daemon
 * would have stored after one event for each key.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashBytes, type HashSeed } from '../src/base/hash.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { encodeKey } from '../src/model/key.ts'
import { shardOf } from '../src/model/partition.ts'
import { storedFormats } from '../src/stored/formats.ts'
import { countsWrite } from '../src/persist/counts.ts'
import { openDirectory } from '../src/persist/directory.ts'
import { openEnvironment, seal, sealBytes } from '../src/persist/environment.ts'
import type { Manifest } from '../src/persist/manifest.ts'
import { openShardStore, type ShardStore } from '../src/persist/shard-store.ts'
import { stateKeyBytes, writeStateKey } from '../src/persist/store-keys.ts'
import * as features from './features.ts'
import { applyTo, joinKeys, openShard, sectionOf } from './shard.ts'
import { userId } from './workload.ts'

/** Amounts that keys have: multiples of 1/8. */
const amounts = 4096

/** Keys of one transaction, many for speed: nothing is lost if it is cut off. */
const keysPerTransaction = 20_000
const keysPerSection = 512

const mapBytes = 2 ** 36

/** The amount of a key's only event. */
export function amountOf(key: number): number {
  return (key % amounts) / 8
}

/**
 * Fills the stores of a directory that no daemon has open.
 *
 * @param keys  One event for each of the keys from 0 on.
 * @param timeMs  Event time of all of them.
 */
export async function storeKeys(dataDir: string, keys: number, timeMs: number): Promise<void> {
  const directory = await openDirectory(dataDir, storedFormats)
  try {
    const manifest = directory.manifest!
    const { values, header } = await storedStates(timeMs)
    const ordered = orderedKeys(keys, manifest.seed)
    let from = 0
    for (let shard = 0; shard < manifest.shards; shard++) {
      const to = endOfShard(ordered, shard, manifest.shards)
      const path = join(directory.shardsPath, String(shard).padStart(3, '0'))
      const store = await openShardStore(path, { mapBytes })
      await store.commit({ batches: nothing(), header, ready: Promise.resolve(true) })
      await store.close()
      await fill(path, ordered.subarray(2 * from, 2 * to), values, viewIdOf(manifest))
      from = to
    }
  } finally {
    await directory.release()
  }
}

/** The stored form of each amount, and what a store says beside it. */
async function storedStates(
  timeMs: number,
): Promise<{ readonly values: readonly Buffer[]; readonly header: Uint8Array }> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-states-'))
  try {
    const shard = await openShard(buildCatalog(Object.values(features)), path)
    const sent = { keyOf: (n: number) => n, timeMsOf: () => timeMs, amountOf }
    for (let from = 0; from < amounts; from += keysPerSection) {
      applyTo(shard, [sectionOf(sent, { from, to: from + keysPerSection }, timeMs + 1)])
    }
    // As of the beginning of the journal, which every journal has.
    shard.applied = 0
    await shard.checkpoint(timeMs + 1, Promise.resolve(true))
    await shard.close()
    const store = await openShardStore(join(path, '000'), { mapBytes })
    const found = { values: valuesOf(store), header: store.header()! }
    await store.close()
    return found
  } finally {
    await rm(path, { recursive: true })
  }
}

/** The states, by amount. */
function valuesOf(store: ShardStore): Buffer[] {
  const placeOf = new Map(Array.from({ length: amounts }, (_, key) => [userId(key), key]))
  const values: Buffer[] = []
  for (const { key, value } of store.scan(null, amounts)) {
    values[placeOf.get(Buffer.from(key.subarray(2)).toString())!] = Buffer.from(value)
  }
  return values
}

/** Keys in the order of the store: pairs of a key's number and its hash. */
function orderedKeys(keys: number, seed: HashSeed): Uint32Array {
  const pairs = new Uint32Array(2 * keys)
  for (let key = 0; key < keys; key++) {
    const bytes = bytesOf(key)
    pairs[2 * key] = key
    pairs[2 * key + 1] = hashBytes(bytes, 0, bytes.length, seed)
  }
  // As one number, whose upper half is the hash.
  new BigUint64Array(pairs.buffer).sort()
  return pairs
}

/** How many of the keys belong to a shard or to one before it. */
function endOfShard(ordered: Uint32Array, shard: number, shards: number): number {
  let low = 0
  let high = ordered.length / 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (shardOf(ordered[2 * middle + 1]!, shards) <= shard) low = middle + 1
    else high = middle
  }
  return low
}

async function fill(
  path: string,
  ordered: Uint32Array,
  values: readonly Buffer[],
  view: number,
): Promise<void> {
  const environment = openEnvironment(path, mapBytes)
  const { keys } = environment
  for (let from = 0; from < ordered.length; from += 2 * keysPerTransaction) {
    const to = Math.min(ordered.length, from + 2 * keysPerTransaction)
    await keys.transaction(() => {
      for (let at = from; at < to; at += 2) {
        const key = bytesOf(ordered[at]!)
        const value = values[ordered[at]! % amounts]!
        const keyBytes = stateKeyBytes(key)
        const entry = Buffer.allocUnsafe(keyBytes + sealBytes + value.length)
        writeStateKey(entry, { view, keyHash: ordered[at + 1]!, key })
        entry.set(value, keyBytes + sealBytes)
        seal(entry, 0, keyBytes, value.length)
        void keys.put(entry.subarray(0, keyBytes), entry.subarray(keyBytes))
      }
    })
  }
  const { key, value } = countsWrite(environment, [])
  await keys.put(key as Buffer, value as Buffer)
  await keys.close()
}

function bytesOf(key: number): Uint8Array {
  return encodeKey(joinKeys, { user_id: userId(key) }) as Uint8Array
}

function viewIdOf({ views }: Manifest): number {
  return views[features.userSpend.name]!.id
}

async function* nothing(): AsyncGenerator<never> {}
