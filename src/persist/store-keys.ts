/**
 * The bytes of the keys of a shard's store: golden-tested, for they are its format.
 *
 * Big-endian, so that keys sort by hash and a key's chunks by time:
 *
 *     00                                                              header
 *     00 01                                                           counts of entries
 *     01, u16 view, u32 hash, key                                     state of a key
 *     02, u16 view, u32 hash, u16 key bytes, key, u48 tile, u56 part  chunk of its events
 *     03, 8 bytes route, u32 hash, u16 key bytes, key, id             an event id that was counted
 *     04, u16 view, key with the values of the index first            a key in a serving index
 *
 * A tile is stored 2⁴⁷ higher than it is, because tiles before 1970 are negative. A route is stored
 * by a hash of its names, because every catalog numbers its routes afresh.
 */
import { createHash } from 'node:crypto'
import { eventIdBytesMax, keyBytesMax } from '../base/limits.ts'
import type { IdentifiedEvent } from '../model/contracts.ts'

export const headerKey = Buffer.from([0])
export const countsKey = Buffer.from([0, 1])
export const statePrefix = 1
export const chunkPrefix = 2
export const idPrefix = 3

export const indexPrefix = 4

/** Behind every key: the names of LMDB's databases are text. */
export const namesFrom = Buffer.from([indexPrefix + 1])

const prefixBytes = 7
const lengthBytes = 2
const tileBytes = 6
const partBytes = 7
const tileBias = 2 ** 47
const twoTo32 = 2 ** 32
const routeBytes = 8
const hashBytes = 4

/** What the keys of all ids of a route begin with, bytes. */
export const idRouteBytes = 1 + routeBytes

/** The longest key of an id, bytes. */
export const idKeyBytesMax = idRouteBytes + hashBytes + lengthBytes + keyBytesMax + eventIdBytesMax

/** A key of one view. */
export interface KeyPlace {
  readonly view: number
  readonly keyHash: number
  readonly key: Uint8Array
}

/** Some events of a key: those of one tile that came between two checkpoints. */
export interface ChunkPlace extends KeyPlace {
  readonly tile: number
  /** Tells the chunks of a tile apart, ascending in the order of arrival; below 2⁵³. */
  readonly part: number
}

export function stateKeyBytes(key: Uint8Array): number {
  return prefixBytes + key.length
}

/** Writes a key to `to[at…]`, as all of these do. */
export function writeStateKey(to: Buffer, place: KeyPlace, at = 0): void {
  writePrefix(to, at, statePrefix, place)
  to.set(place.key, at + prefixBytes)
}

/** The key of a state alone. */
export function stateKey(place: KeyPlace): Buffer {
  const stored = Buffer.allocUnsafe(stateKeyBytes(place.key))
  writeStateKey(stored, place)
  return stored
}

export function readStateKey(stored: Buffer): KeyPlace {
  return {
    view: stored.readUInt16BE(1),
    keyHash: stored.readUInt32BE(3),
    key: stored.subarray(prefixBytes),
  }
}

export function chunkKeyBytes(key: Uint8Array): number {
  return prefixBytes + lengthBytes + key.length + tileBytes + partBytes
}

export function writeChunkKey(to: Buffer, place: ChunkPlace, at = 0): void {
  const { key, tile, part } = place
  writePrefix(to, at, chunkPrefix, place)
  to.writeUInt16BE(key.length, at + prefixBytes)
  to.set(key, at + prefixBytes + lengthBytes)
  const tileAt = at + prefixBytes + lengthBytes + key.length
  to.writeUIntBE(tile + tileBias, tileAt, tileBytes)
  to.writeUIntBE(Math.floor(part / twoTo32), tileAt + tileBytes, partBytes - 4)
  to.writeUInt32BE(part % twoTo32, tileAt + tileBytes + partBytes - 4)
}

/** The key of a chunk alone. */
export function chunkKey(place: ChunkPlace): Buffer {
  const stored = Buffer.allocUnsafe(chunkKeyBytes(place.key))
  writeChunkKey(stored, place)
  return stored
}

/** Where a stored chunk belongs; its key is `place`'s. */
export function readChunkKey(stored: Buffer): { readonly tile: number; readonly part: number } {
  const at = stored.length - tileBytes - partBytes
  const high = stored.readUIntBE(at + tileBytes, partBytes - 4)
  return {
    tile: stored.readUIntBE(at, tileBytes) - tileBias,
    part: high * twoTo32 + stored.readUInt32BE(at + tileBytes + partBytes - 4),
  }
}

/** What a route is stored as: its source and its join keys, in their order. */
export function storedRoute(source: string, joinKeys: readonly string[]): Uint8Array {
  const name = JSON.stringify([source, ...joinKeys])
  return createHash('sha256').update(name).digest().subarray(0, routeBytes)
}

/** Writes what the keys of all ids of a route begin with. */
export function writeIdRoute(to: Buffer, route: Uint8Array): void {
  to[0] = idPrefix
  to.set(route, 1)
}

/** Writes the rest of an id's key behind the route; returns the length of the whole. */
export function writeId(to: Buffer, event: IdentifiedEvent): number {
  const { bytes, keyStart, keyEnd, id, idBytes } = event
  to.writeUInt32BE(event.keyHash, idRouteBytes)
  to.writeUInt16BE(keyEnd - keyStart, idRouteBytes + hashBytes)
  let at = idRouteBytes + hashBytes + lengthBytes
  // Byte by byte: both are short, and a call costs more.
  for (let i = keyStart; i < keyEnd; i++, at++) to[at] = bytes[i]!
  for (let i = 0; i < idBytes; i++, at++) to[at] = id[i]!
  return at
}

/** The hash in what stands behind the route. */
export function hashOfId(rest: Uint8Array): number {
  return ((rest[0]! << 24) | (rest[1]! << 16) | (rest[2]! << 8) | rest[3]!) >>> 0
}

export function readIdKey(stored: Buffer): {
  readonly route: Uint8Array
  readonly keyHash: number
  readonly key: Uint8Array
  readonly id: Uint8Array
} {
  const keyStart = idRouteBytes + hashBytes + lengthBytes
  const keyEnd = keyStart + stored.readUInt16BE(keyStart - lengthBytes)
  return {
    route: stored.subarray(1, idRouteBytes),
    keyHash: stored.readUInt32BE(idRouteBytes),
    key: stored.subarray(keyStart, keyEnd),
    id: stored.subarray(keyEnd),
  }
}

/** What the keys of all entries in the index of a view begin with, bytes. */
export const indexViewBytes = 3

/** The key of an entry in the index of a view; or what several begin with. */
export function indexKey(view: number, reordered: Uint8Array): Buffer {
  const stored = Buffer.allocUnsafe(indexViewBytes + reordered.length)
  stored[0] = indexPrefix
  stored.writeUInt16BE(view, 1)
  stored.set(reordered, indexViewBytes)
  return stored
}

function writePrefix(to: Buffer, at: number, prefix: number, { view, keyHash }: KeyPlace): void {
  to[at] = prefix
  to.writeUInt16BE(view, at + 1)
  to.writeUInt32BE(keyHash, at + 3)
}
