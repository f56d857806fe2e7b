/**
 * The heads of msgpack values, read from the bytes of a frame without decoding it.
 *
 * In: bytes from a socket. Out: lengths, integers and short strings; anything else, and anything
 * that ends early, is `FRAME_INVALID`. Thread: any.
 *
 * @see the msgpack specification, github.com/msgpack/msgpack/blob/master/spec.md
 */
import { MillraceError } from '../base/errors.ts'

/** Raises `FRAME_INVALID`. */
export function invalidFrame(reason: string, cause?: unknown): never {
  throw new MillraceError('FRAME_INVALID', { reason }, cause === undefined ? {} : { cause })
}

/** Reads the msgpack heads that a frame begins with, one after the other. */
export class FrameCursor {
  readonly bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** An array's head; the number of its elements. */
  arrayLength(): number {
    const head = this.#byte()
    if (head >= 0x90 && head < 0xa0) return head & 0x0f
    if (head === 0xdc) return this.#unsigned(2)
    if (head === 0xdd) return this.#unsigned(4)
    return invalidFrame('an array is due')
  }

  /** An integer that is not negative, in any of its encodings; -1 for any other value. */
  integer(): number {
    const head = this.#byte()
    if (head < 0x80) return head
    if (head >= 0xcc && head <= 0xcf) return this.#unsigned(1 << (head - 0xcc))
    if (head >= 0xd0 && head <= 0xd3) {
      const size = 1 << (head - 0xd0)
      const value = this.#unsigned(size)
      return value < 2 ** (size * 8 - 1) ? value : -1
    }
    return -1
  }

  /** A string of at most `bytesMax` bytes. */
  text(bytesMax: number): string {
    const head = this.#byte()
    let size = head & 0x1f
    if (head >= 0xd9 && head <= 0xdb) size = this.#unsigned(1 << (head - 0xd9))
    else if (head < 0xa0 || head >= 0xc0) return invalidFrame('a string is due')
    if (size > bytesMax) return invalidFrame(`a name is longer than ${bytesMax} bytes`)
    if (size > this.bytes.length - this.at) return invalidFrame('truncated')
    const start = this.at
    this.at += size
    return textOf(this.bytes, start, this.at)
  }

  #byte(): number {
    if (this.at >= this.bytes.length) return invalidFrame('truncated')
    return this.bytes[this.at++]!
  }

  /** Big-endian; exact below 2^53, and at least 2^53 from there on. */
  #unsigned(size: number): number {
    if (size > this.bytes.length - this.at) return invalidFrame('truncated')
    let value = 0
    for (let i = 0; i < size; i++) value = value * 256 + this.bytes[this.at++]!
    return value
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes: Uint8Array, start: number, end: number): string {
  // Names are short and mostly ASCII: a loop is faster than a call into the runtime.
  let text = ''
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte >= 0x80) {
      try {
        return strictUtf8.decode(bytes.subarray(start, end))
      } catch (thrown) {
        return invalidFrame('a string is not well-formed UTF-8', thrown)
      }
    }
    text += String.fromCharCode(byte)
  }
  return text
}
