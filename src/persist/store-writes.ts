/**
 * What a commit changes, and how it goes into a group of writes: as keys and their sealed values.
 */
import { sealBytes, seal } from './environment.ts'
import type { RedoGroup } from './redo.ts'
import {
  chunkKeyBytes,
  headerKey,
  stateKeyBytes,
  writeChunkKey,
  writeStateKey,
  type ChunkPlace,
  type KeyPlace,
} from './store-keys.ts'

/** Format of the environment; another one is refused. */
export const storeFormat = 7

const arrivalBytes = 8

/** What stands before the header that was given: `u32 format, f64 generation`. */
const headerStartBytes = 12

/** The new state of a key; null removes it. */
export interface StateWrite extends KeyPlace {
  readonly value: Uint8Array | null
}

/** A chunk of a key's events; null removes it. */
export interface ChunkWrite extends ChunkPlace {
  readonly value: Uint8Array | null
}

/** When an event with an id arrived, ms, under a key of `store-keys.ts`; null removes it. */
export interface IdWrite {
  readonly idKey: Uint8Array
  readonly arrivalMs: number | null
}

/** Whether a key is in a serving index, under a key of `store-keys.ts`. */
export interface IndexWrite {
  readonly indexKey: Uint8Array
  readonly isThere: boolean
}

export type StoreWrite = StateWrite | ChunkWrite | IdWrite | IndexWrite

/** What the last commit said, and which one it was. */
export interface StoredHeader {
  readonly format: number
  readonly generation: number
  /** As it was given; opaque here. */
  readonly header: Uint8Array
}

export function addWrite(group: RedoGroup, write: StoreWrite): void {
  if ('idKey' in write) {
    addId(group, write)
    return
  }
  if ('indexKey' in write) {
    addIndexed(group, write)
    return
  }
  const { key, value } = write
  const isChunk = 'tile' in write
  const keyBytes = isChunk ? chunkKeyBytes(key) : stateKeyBytes(key)
  const at = group.add(keyBytes, value === null ? null : sealBytes + value.length)
  const { bytes } = group
  if (isChunk) writeChunkKey(bytes, write, at)
  else writeStateKey(bytes, write, at)
  if (value === null) return
  bytes.set(value, at + keyBytes + sealBytes)
  seal(bytes, at, keyBytes, value.length)
}

export function addHeader(
  group: RedoGroup,
  { generation, header }: Omit<StoredHeader, 'format'>,
): void {
  const valueBytes = headerStartBytes + header.length
  const at = group.add(headerKey.length, sealBytes + valueBytes)
  const valueAt = at + headerKey.length + sealBytes
  const { bytes } = group
  bytes.set(headerKey, at)
  bytes.writeUInt32LE(storeFormat, valueAt)
  bytes.writeDoubleLE(generation, valueAt + 4)
  bytes.set(header, valueAt + headerStartBytes)
  seal(bytes, at, headerKey.length, valueBytes)
}

export function readHeader(value: Buffer): StoredHeader {
  return {
    format: value.readUInt32LE(0),
    generation: value.readDoubleLE(4),
    header: value.subarray(headerStartBytes),
  }
}

export function readArrival(value: Buffer): number {
  return value.readDoubleLE(0)
}

function addId(group: RedoGroup, { idKey, arrivalMs }: IdWrite): void {
  const at = group.add(idKey.length, arrivalMs === null ? null : sealBytes + arrivalBytes)
  const { bytes } = group
  bytes.set(idKey, at)
  if (arrivalMs === null) return
  bytes.writeDoubleLE(arrivalMs, at + idKey.length + sealBytes)
  seal(bytes, at, idKey.length, arrivalBytes)
}

function addIndexed(group: RedoGroup, { indexKey, isThere }: IndexWrite): void {
  const at = group.add(indexKey.length, isThere ? sealBytes : null)
  group.bytes.set(indexKey, at)
  if (isThere) seal(group.bytes, at, indexKey.length, 0)
}
