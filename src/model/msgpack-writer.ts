/**
 * Writes msgpack value by value, without an object of what is written: for text that is turned into
 * events on its way in.
 *
 * Every value has its shortest form, which is what the fast ways of a shard are made for. The size
 * of a container is known when it ends; room for its head is left, and made larger if it has to be.
 */

const bytesMin = 256

export class MsgpackWriter {
  #bytes: Buffer
  #at = 0

  constructor(bytesExpected: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(bytesMin, bytesExpected))
  }

  /** Bytes written. */
  get length(): number {
    return this.#at
  }

  /** What was written so far; a view, valid until more is written. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  nil(): void {
    this.#byte(0xc0)
  }

  bool(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2)
  }

  float(value: number): void {
    const at = this.#room(9)
    this.#bytes[at] = 0xcb
    this.#bytes.writeDoubleBE(value, at + 1)
  }

  /** @param value  A safe integer. */
  integer(value: number): void {
    if (value >= 0) this.#natural(value)
    else this.#negative(value)
  }

  /** @param value  An integer of 64 bits, with a sign or without. */
  wideInteger(value: bigint): void {
    const at = this.#room(9)
    this.#bytes[at] = value < 0n ? 0xd3 : 0xcf
    this.#bytes.writeBigUInt64BE(BigInt.asUintN(64, value), at + 1)
  }

  /** The string whose UTF-8 is `bytes[start, end)`. */
  string(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start
    if (size < 32) this.#byte(0xa0 | size)
    else this.#head(0xd9, size)
    const at = this.#room(size)
    // A call for so few bytes would cost more than they do.
    if (size < 32) for (let i = 0; i < size; i++) this.#bytes[at + i] = bytes[start + i]!
    else this.#bytes.set(bytes.subarray(start, end), at)
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length)
    this.#bytes.set(bytes, at)
  }

  /** The head of a map whose size is known. */
  map(size: number): void {
    if (size < 16) this.#byte(0x80 | size)
    else this.#head(0xdd, size)
  }

  /** Begins an array or a map; returns its place. */
  open(): number {
    return this.#room(1)
  }

  closeArray(place: number, size: number): void {
    this.#close(place, size, 0x90, 0xdc)
  }

  closeMap(place: number, size: number): void {
    this.#close(place, size, 0x80, 0xde)
  }

  /** Begins a value whose head has four bytes of length: a `bin`, or an array of them. */
  openLong(head: number): number {
    const place = this.#room(5)
    this.#bytes[place] = head
    return place
  }

  /** @param size  Of a `bin`, its bytes: all that came since. */
  closeLong(place: number, size = this.#at - place - 5): void {
    this.#bytes.writeUInt32BE(size, place + 1)
  }

  /** The text of the short or long string at a place. */
  textAt(place: number): string {
    const head = this.#bytes[place]!
    const lengthBytes = head < 0xc0 ? 0 : 1 << (head - 0xd9)
    const size = lengthBytes === 0 ? head & 0x1f : this.#bytes.readUIntBE(place + 1, lengthBytes)
    const start = place + 1 + lengthBytes
    return this.#bytes.toString('utf8', start, start + size)
  }

  #natural(value: number): void {
    if (value < 0x80) this.#byte(value)
    else if (value < 0x100) this.#fixed(0xcc, 1, value)
    else if (value < 0x10000) this.#fixed(0xcd, 2, value)
    else if (value < 0x100000000) this.#fixed(0xce, 4, value)
    else this.#halves(0xcf, value)
  }

  #negative(value: number): void {
    if (value >= -0x20) this.#byte(value + 0x100)
    else if (value >= -0x80) this.#fixed(0xd0, 1, value + 0x100)
    else if (value >= -0x8000) this.#fixed(0xd1, 2, value + 0x10000)
    else if (value >= -0x80000000) this.#fixed(0xd2, 4, value + 0x100000000)
    else this.#halves(0xd3, value)
  }

  #halves(head: number, value: number): void {
    const at = this.#room(9)
    this.#bytes[at] = head
    this.#bytes.writeInt32BE(Math.floor(value / 0x100000000) | 0, at + 1)
    this.#bytes.writeUInt32BE(value >>> 0, at + 5)
  }

  /** @param head  Of the form with one byte of length; those with two and four come next. */
  #head(head: number, size: number): void {
    if (size < 0x100 && head !== 0xdd) this.#fixed(head, 1, size)
    else if (size < 0x10000) this.#fixed(head + 1, 2, size)
    else this.#fixed(head + 2, 4, size)
  }

  #fixed(head: number, bytes: number, value: number): void {
    const at = this.#room(1 + bytes)
    this.#bytes[at] = head
    this.#bytes.writeUIntBE(value, at + 1, bytes)
  }

  #close(place: number, size: number, fixed: number, head: number): void {
    if (size < 16) {
      this.#bytes[place] = fixed | size
      return
    }
    const lengthBytes = size < 0x10000 ? 2 : 4
    const end = this.#at
    this.#room(lengthBytes)
    this.#bytes.copyWithin(place + 1 + lengthBytes, place + 1, end)
    this.#bytes[place] = lengthBytes === 2 ? head : head + 1
    this.#bytes.writeUIntBE(size, place + 1, lengthBytes)
  }

  #byte(byte: number): void {
    const at = this.#room(1)
    this.#bytes[at] = byte
  }

  /** Takes the next bytes; returns where they begin. */
  #room(bytes: number): number {
    const at = this.#at
    const end = at + bytes
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.#bytes.length * 2))
      this.#bytes.copy(grown, 0, 0, at)
      this.#bytes = grown
    }
    this.#at = end
    return at
  }
}
