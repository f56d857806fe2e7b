/**
 * Finds the entity key of an event without decoding the event.
 *
 * In: one event's msgpack. Out: the bytes of its key, as `model/key.ts` encodes them, or the word
 * that the event is unusual; then somebody slower decides. One pass finds the join keys by the raw
 * bytes of their names and steps over what stands before them. It ends with the last of them: what
 * follows is for the shard to judge, which reads it anyway, and refuses an event that has a join
 * key once more.
 *
 * Nothing is allocated per event. Thread: main.
 */
import { isUtf8 } from 'node:buffer'
import { keyBytesMax } from '../base/limits.ts'
import { assert } from '../base/assert.ts'
import type { Route } from '../model/catalog.ts'
import { keyKinds } from '../model/key.ts'
import type { Field } from '../model/types.ts'
import { fixedSizes, refused, Skip } from './msgpack-skip.ts'

/** What {@link KeyScan.scan} answers when the full way has to decide about an event. */
export const unusual = -1

export interface KeyScan {
  /** The last key: its bytes first, then zeros up to a whole word. */
  readonly words: Int32Array

  /**
   * Reads the event `bytes[start, end)`.
   *
   * @returns the bytes of its key in {@link words}, or {@link unusual}: a join key is missing or
   *   not in its plain wire form, or what stands before the last of them is not well-formed.
   * @remarks Cost: O(values before the last join key), at most `eventNodesMax`.
   */
  scan(bytes: Uint8Array, start: number, end: number): number

  /** Takes a key that somebody slower has found; returns its bytes. */
  take(key: Uint8Array): number
}

export function createKeyScan(route: Pick<Route, 'joinKeys'>): KeyScan {
  return new RawKeyScan(route)
}

/** One join key, as the scan looks for it. */
interface JoinKey {
  readonly kind: (typeof keyKinds)[number]
  /** The UTF-8 bytes of its name, and their number: asking a view for its length is slow. */
  readonly name: DataView
  readonly nameBytes: number
  /** Where its value starts in the event at hand; 0 until it is found. */
  valueAt: number
}

function joinKeyOf({ name, type }: Field): JoinKey {
  const kind = keyKinds.find((kind) => kind === type.kind)
  assert(kind !== undefined, `join keys are of ${keyKinds.join(', ')}`)
  const bytes = new TextEncoder().encode(name)
  return { kind, name: dataView(bytes), nameBytes: bytes.length, valueAt: 0 }
}

class RawKeyScan implements KeyScan {
  /** One word more than a key has, for who reads whole words of it. */
  readonly words = new Int32Array(keyBytesMax / 4 + 1)
  readonly #key: Uint8Array = new Uint8Array(this.words.buffer)
  readonly #keyView: DataView = new DataView(this.words.buffer)
  readonly #joinKeys: readonly JoinKey[]
  /** `fixedSizes` of field names; 0 also where the name may be that of a join key. */
  readonly #nameSizes = new Uint8Array(256)
  readonly #skip = new Skip()
  /** Join keys that were not found yet. */
  #missing = 0
  /** The bytes of the last event, which are those of its whole batch, and a view of them. */
  #bytes: Uint8Array = this.#key
  #view = this.#keyView

  constructor({ joinKeys }: Pick<Route, 'joinKeys'>) {
    this.#joinKeys = joinKeys.map(joinKeyOf)
    for (let head = 0xa0; head < 0xc0; head++) this.#nameSizes[head] = fixedSizes[head]!
    for (const { nameBytes } of this.#joinKeys) {
      if (nameBytes < 32) this.#nameSizes[0xa0 + nameBytes] = 0
    }
  }

  scan(bytes: Uint8Array, start: number, end: number): number {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#view = dataView(bytes)
    }
    if (!this.#locate(bytes, start, end)) return unusual
    const joinKeys = this.#joinKeys
    let to = 0
    for (let join = 0; join < joinKeys.length; join++) {
      const { kind, valueAt } = joinKeys[join]!
      if (valueAt === 0) return unusual
      if (kind === 'String') to = this.#writeString(bytes, valueAt, to)
      else if (kind === 'Bool') to = this.#writeBool(bytes[valueAt]!, to)
      else to = this.#writeInt(bytes, valueAt, to, kind === 'Int32')
      if (to === unusual) return unusual
    }
    return this.#filled(to)
  }

  take(key: Uint8Array): number {
    this.#key.set(key)
    return this.#filled(key.length)
  }

  #filled(keyBytes: number): number {
    for (let at = keyBytes; (at & 3) !== 0; at++) this.#key[at] = 0
    return keyBytes
  }

  /** Walks to the last join key and notes where their values are; false if it is unusual. */
  #locate(bytes: Uint8Array, start: number, end: number): boolean {
    if (start + 3 > end) return false
    let at = start + 1
    let fields = bytes[start]!
    if (fields === 0xde) {
      fields = (bytes[start + 1]! << 8) | bytes[start + 2]!
      at = start + 3
    } else if (fields >= 0x80 && fields < 0x90) fields &= 0x0f
    else return false
    if (!this.#skip.startEvent(fields)) return false
    const nameSizes = this.#nameSizes
    const joinKeys = this.#joinKeys
    for (let join = 0; join < joinKeys.length; join++) joinKeys[join]!.valueAt = 0
    this.#missing = joinKeys.length
    for (; fields > 0; fields--) {
      if (at >= end) return false
      const nameSize = nameSizes[bytes[at]!]!
      if (nameSize !== 0) at += nameSize
      else {
        at = this.#name(bytes, at, end)
        if (at === unusual) return false
      }
      if (at >= end) return false
      const size = fixedSizes[bytes[at]!]!
      if (size !== 0) at += size
      else {
        at = this.#skip.value(bytes, at, end)
        if (at === refused) return false
      }
      if (this.#missing === 0) return at <= end
    }
    return false
  }

  /** The place behind a field name that may be that of a join key, noted if it is. */
  #name(bytes: Uint8Array, at: number, end: number): number {
    const start = stringStart(bytes[at]!, at)
    if (start === unusual || start > end) return unusual
    const length = stringLength(bytes, at)
    const behind = start + length
    if (behind > end) return unusual
    const joinKeys = this.#joinKeys
    for (let join = 0; join < joinKeys.length; join++) {
      const joinKey = joinKeys[join]!
      if (joinKey.nameBytes !== length || !isAt(joinKey.name, length, this.#view, start)) continue
      // Decoders disagree about which of two fields of a name counts.
      if (joinKey.valueAt !== 0) return unusual
      joinKey.valueAt = behind
      this.#missing -= 1
      break
    }
    return behind
  }

  // The walk has seen that the values are whole: the writers need no bounds of the event.

  #writeString(bytes: Uint8Array, at: number, to: number): number {
    const start = stringStart(bytes[at]!, at)
    if (start === unusual) return unusual
    const length = stringLength(bytes, at)
    const target = to + 2
    if (length === 0 || target + length > keyBytesMax) return unusual
    const view = this.#view
    const keyView = this.#keyView
    keyView.setUint16(to, length, true)
    let every = 0
    let i = 0
    for (; i + 4 <= length; i += 4) {
      const word = view.getInt32(start + i)
      every |= word
      keyView.setInt32(target + i, word)
    }
    for (; i < length; i++) {
      const byte = bytes[start + i]!
      every |= byte
      this.#key[target + i] = byte
    }
    const isAscii = (every & 0x80808080) === 0
    if (!isAscii && !isPlainUtf8(this.#key.subarray(target, target + length))) return unusual
    return target + length
  }

  #writeInt(bytes: Uint8Array, at: number, to: number, narrow: boolean): number {
    const view = this.#view
    const head = bytes[at]!
    let low: number
    let high = 0
    if (head < 0x80) low = head
    else if (head >= 0xe0) low = head - 256
    else if (head === 0xcc) low = bytes[at + 1]!
    else if (head === 0xcd) low = view.getUint16(at + 1)
    else if (head === 0xce) low = view.getInt32(at + 1)
    else if (head === 0xd0) low = view.getInt8(at + 1)
    else if (head === 0xd1) low = view.getInt16(at + 1)
    else if (head === 0xd2) low = view.getInt32(at + 1)
    else if (head === 0xcf || head === 0xd3) {
      high = view.getInt32(at + 1)
      low = view.getInt32(at + 5)
    } else return unusual
    if (head >= 0xe0 || (head >= 0xd0 && head !== 0xd3)) high = low >> 31
    if (head === 0xcf && high < 0) return unusual
    if (narrow && high !== low >> 31) return unusual
    if (to + 8 > keyBytesMax) return unusual
    this.#keyView.setInt32(to, low, true)
    this.#keyView.setInt32(to + 4, high, true)
    return to + 8
  }

  #writeBool(head: number, to: number): number {
    if ((head !== 0xc2 && head !== 0xc3) || to === keyBytesMax) return unusual
    this.#key[to] = head & 1
    return to + 1
  }
}

/** Where the characters of the string at `at` start; {@link unusual} for anything but a string. */
function stringStart(head: number, at: number): number {
  if ((head & 0xe0) === 0xa0) return at + 1
  return head === 0xd9 ? at + 2 : head === 0xda ? at + 3 : unusual
}

function stringLength(bytes: Uint8Array, at: number): number {
  const head = bytes[at]!
  if (head < 0xc0) return head & 0x1f
  return head === 0xd9 ? bytes[at + 1]! : (bytes[at + 1]! << 8) | bytes[at + 2]!
}

function isAt(name: DataView, length: number, view: DataView, at: number): boolean {
  let i = 0
  for (; i + 4 <= length; i += 4) if (view.getInt32(at + i) !== name.getInt32(i)) return false
  for (; i < length; i++) if (view.getUint8(at + i) !== name.getUint8(i)) return false
  return true
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Valid, and without a byte order mark, which some decoders take for no part of the text. */
function isPlainUtf8(bytes: Uint8Array): boolean {
  return !(bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) && isUtf8(bytes)
}
