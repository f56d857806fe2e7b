/**
 * A growing run of bytes, little-endian.
 */
export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  #at = 0
  readonly #capacity: number

  /** @param capacity  Bytes that it has room for before it grows. */
  constructor(capacity: number) {
    this.#capacity = capacity
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get byteLength(): number {
    return this.#at
  }

  /** Begins again; what was written may be overwritten from now on. */
  clear(): void {
    this.#at = 0
    // One that was asked for much is not kept.
    if (this.#bytes.length > 4 * this.#capacity) this.#grow(this.#capacity)
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#at] = value
    this.#at += 1
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#view.setUint16(this.#at, value, true)
    this.#at += 2
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.#at, value, true)
    this.#at += 4
  }

  i32(value: number): void {
    this.#reserve(4)
    this.#view.setInt32(this.#at, value, true)
    this.#at += 4
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
  }

  /** Overwrites four bytes that were written before. */
  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true)
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** Writes `words[from, to)`: for a few of them, without the view that {@link bytes} wants. */
  words(words: Uint32Array, from: number, to: number): void {
    this.#reserve(4 * (to - from))
    for (let i = from; i < to; i++, this.#at += 4) this.#view.setUint32(this.#at, words[i]!, true)
  }

  /** A view of what was written since `start`; later writes may leave it behind, unchanged. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#at)
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    this.#grow(Math.max(this.#bytes.length * 2, this.#at + bytes))
  }

  #grow(capacity: number): void {
    const grown = new Uint8Array(capacity)
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}
