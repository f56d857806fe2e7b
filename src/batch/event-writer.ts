/**
 * Events as msgpack, in the form in which a producer sends a batch of them: an array of `bin`, each
 * with the map of one event. What it writes is checked like anything that a producer sends.
 *
 * Why not the client's encoder: it takes an object for each event, and there is none; the values
 * stand in columns.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { MsgpackTimestamp } from '../model/msgpack.ts'
import { scalarBytesMax, writeNumber } from '../model/scalars.ts'

/** Bytes of the head of the array, and of an event's `bin`: their longest forms, always. */
const arrayHeadBytes = 5
const binHeadBytes = 5

/** The name of a field as msgpack: big-endian words, zeros behind the end. */
export interface EncodedName {
  readonly words: Int32Array
  readonly byteLength: number
}

/** @param name  Short, and without letters beyond ASCII. */
export function encodeName(name: string): EncodedName {
  const head = name.length < 32 ? [0xa0 | name.length] : [0xd9, name.length]
  const byteLength = head.length + name.length
  const bytes = Buffer.alloc((byteLength + 3) & ~3)
  bytes.set(head)
  bytes.write(name, head.length, 'latin1')
  const words = Int32Array.from({ length: bytes.length / 4 }, (_, n) => bytes.readInt32BE(4 * n))
  return { words, byteLength }
}

export class EventWriter {
  #bytes = Buffer.allocUnsafeSlow(256 * 1024)
  #view = viewOf(this.#bytes)
  #at = 0
  #events = 0
  /** Where the event at hand begins, behind the head of its `bin`. */
  #event = 0

  /** Bytes of the batch so far. */
  get byteLength(): number {
    return this.#at
  }

  /** Begins a batch. */
  reset(): void {
    this.#at = arrayHeadBytes
    this.#events = 0
  }

  /** The batch; gone with the next {@link reset}. */
  payload(): Uint8Array {
    this.#bytes[0] = 0xdd
    this.#view.setUint32(1, this.#events)
    return this.#bytes.subarray(0, this.#at)
  }

  /** Begins an event; returns where its bytes begin. */
  begin(): number {
    this.#reserve(binHeadBytes)
    this.#at += binHeadBytes
    this.#event = this.#at
    this.#events += 1
    return this.#at
  }

  end(): void {
    const head = this.#event - binHeadBytes
    this.#bytes[head] = 0xc6
    this.#view.setUint32(head + 1, this.#at - this.#event)
  }

  /** The head of a map; its names and values follow in turn. */
  map(size: number): void {
    this.#head(size, 0x80, 0xde)
  }

  /** A name, in whole words: what is too much is written over. */
  name({ words, byteLength }: EncodedName): void {
    this.#reserve(words.length * 4)
    for (let i = 0; i < words.length; i++) this.#view.setInt32(this.#at + i * 4, words[i]!)
    this.#at += byteLength
  }

  nil(): void {
    this.#byte(0xc0)
  }

  flag(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2)
  }

  /** An integer of 64 bits: high · 2³² + the low half as it is without a sign. */
  int(low: number, high: number): void {
    if (high === low >> 31) return this.number(low)
    this.#reserve(9)
    this.#bytes[this.#at] = 0xd3
    this.#view.setInt32(this.#at + 1, high)
    this.#view.setInt32(this.#at + 5, low)
    this.#at += 9
  }

  number(value: number): void {
    this.#reserve(scalarBytesMax)
    this.#at = writeNumber(this.#bytes, this.#view, this.#at, value)
  }

  /** A number as a float, whatever it is. */
  double(value: number): void {
    this.#reserve(9)
    this.#bytes[this.#at] = 0xcb
    this.#view.setFloat64(this.#at + 1, value)
    this.#at += 9
  }

  /** A text of less than 32 bytes of UTF-8, which stand somewhere else. */
  shortText(from: Uint8Array, start: number, byteLength: number): void {
    this.#reserve(1 + byteLength)
    const bytes = this.#bytes
    const at = this.#at
    bytes[at] = 0xa0 | byteLength
    // A call of `set` costs as much as forty of these.
    for (let i = 0; i < byteLength; i++) bytes[at + 1 + i] = from[start + i]!
    this.#at = at + 1 + byteLength
  }

  text(value: string): void {
    const length = value.length
    if (length < 32 && this.#ascii(value, length)) return
    const bytes = Buffer.byteLength(value)
    this.#reserve(5 + bytes)
    this.#bytes[this.#at] = 0xdb
    this.#view.setUint32(this.#at + 1, bytes)
    this.#at += 5 + this.#bytes.write(value, this.#at + 5, bytes, 'utf8')
  }

  /**
   * A moment: whole seconds since 1970-01-01 UTC, and the nanoseconds behind them. In the form that
   * nearly all moments have: the shorter one of whole seconds is not what checks read fastest.
   */
  instant(seconds: number, ns: number): void {
    this.#reserve(scalarBytesMax)
    const bytes = this.#bytes
    const view = this.#view
    const at = this.#at
    const high = Math.floor(seconds / 0x1_0000_0000)
    if (high >= 0 && high < 4) {
      bytes[at] = 0xd7
      bytes[at + 1] = 0xff
      view.setUint32(at + 2, ns * 4 + high)
      view.setUint32(at + 6, seconds)
      this.#at = at + 10
      return
    }
    bytes[at] = 0xc7
    bytes[at + 1] = 12
    bytes[at + 2] = 0xff
    view.setUint32(at + 3, ns)
    view.setInt32(at + 7, high)
    view.setUint32(at + 11, seconds)
    this.#at = at + 15
  }

  instantNs(time: bigint): void {
    const ns = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
    this.instant(Number((time - ns) / 1_000_000_000n), Number(ns))
  }

  /** Any value, as plain data. */
  value(value: unknown): void {
    if (value === null || value === undefined) this.nil()
    else if (typeof value === 'string') this.text(value)
    else if (typeof value === 'number') this.number(value)
    else if (typeof value === 'boolean') this.flag(value)
    else if (typeof value === 'bigint') this.#bigint(value)
    else if (value instanceof MsgpackTimestamp) this.instantNs(value.ns)
    else if (Array.isArray(value)) {
      this.#head(value.length, 0x90, 0xdc)
      for (const each of value) this.value(each)
    } else this.#members(value instanceof Map ? [...value] : Object.entries(value as object))
  }

  #members(members: readonly (readonly [unknown, unknown])[]): void {
    this.map(members.length)
    for (const [name, each] of members) {
      this.value(name)
      this.value(each)
    }
  }

  /** Beyond 64 bits there is only text, which the check takes for what it is: out of range. */
  #bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) this.text(String(value))
    else this.int(Number(BigInt.asIntN(32, value)), Number(value >> 32n))
  }

  #ascii(value: string, length: number): boolean {
    this.#reserve(1 + length)
    const bytes = this.#bytes
    const at = this.#at
    bytes[at] = 0xa0 | length
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) return false
      bytes[at + 1 + i] = code
    }
    this.#at = at + 1 + length
    return true
  }

  #head(size: number, fix: number, wide: number): void {
    this.#reserve(5)
    const bytes = this.#bytes
    if (size < 16) bytes[this.#at++] = fix | size
    else {
      bytes[this.#at] = wide + 1
      this.#view.setUint32(this.#at + 1, size)
      this.#at += 5
    }
  }

  #byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#at++] = value
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + bytes))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
    this.#view = viewOf(grown)
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Calls back with the bytes of each event of a payload that an {@link EventWriter} has made. */
export function eachEvent(
  payload: Uint8Array,
  take: (start: number, end: number, index: number) => void,
): void {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  let index = 0
  for (let at = arrayHeadBytes; at < payload.length; index++) {
    const start = at + binHeadBytes
    at = start + view.getUint32(at + 1)
    take(start, at, index)
  }
}
