/**
 * The bytes of the keys of a shard's store: golden-tested, for they are its format.
 *
 * Big-endian, so that keys sort by hash and a key's chunks by time:
 *
 *     00                                                              header
 *     01, u16 view, u32 hash, key                                     state of a key
 *     02, u16 view, u32 hash, u16 key bytes, key, u48 tile, u56 part  chunk of its events
 *
 * A tile is stored 2⁴⁷ higher than it is, because tiles before 1970 are negative.
 */

export const headerKey = Buffer.from([0])
export const statePrefix = 1
export const chunkPrefix = 2

const prefixBytes = 7
const lengthBytes = 2
const tileBytes = 6
const partBytes = 7
const tileBias = 2 ** 47
const twoTo32 = 2 ** 32

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

export function writeStateKey(to: Buffer, place: KeyPlace): void {
  writePrefix(to, statePrefix, place)
  to.set(place.key, prefixBytes)
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

export function writeChunkKey(to: Buffer, place: ChunkPlace): void {
  const { key, tile, part } = place
  writePrefix(to, chunkPrefix, place)
  to.writeUInt16BE(key.length, prefixBytes)
  to.set(key, prefixBytes + lengthBytes)
  const at = prefixBytes + lengthBytes + key.length
  to.writeUIntBE(tile + tileBias, at, tileBytes)
  to.writeUIntBE(Math.floor(part / twoTo32), at + tileBytes, partBytes - 4)
  to.writeUInt32BE(part % twoTo32, at + tileBytes + partBytes - 4)
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

function writePrefix(to: Buffer, prefix: number, { view, keyHash }: KeyPlace): void {
  to[0] = prefix
  to.writeUInt16BE(view, 1)
  to.writeUInt32BE(keyHash, 3)
}
