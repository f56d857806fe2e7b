/**
 * Single values as msgpack, written where they stand in a frame.
 *
 * Functions instead of methods: they get the bytes, and the same bytes as a `DataView`, from a
 * caller that holds both in variables, and the compiler inlines them there. Each returns the offset
 * behind what it wrote. The caller has made room for the longest form.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */

/** Bytes of the longest form of a number or a time. */
export const scalarBytesMax = 15

/** Characters of a text that is copied by a loop, which beats the call into native code. */
export const shortTextMax = 48

/** Bytes of the head of such a text. */
export const shortTextHeadBytes = 2

/**
 * Writes a text of ASCII that is at most `shortTextMax` long.
 *
 * @returns -1 for any other text; bytes behind `at` may have been written then.
 */
export function writeShortText(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length
  if (length > shortTextMax) return -1
  let end = at
  if (length < 32) bytes[end++] = 0xa0 | length
  else {
    bytes[end++] = 0xd9
    bytes[end++] = length
  }
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return -1
    bytes[end++] = code
  }
  return end
}

/** Writes a safe integer in its shortest form, any other number as a double. */
export function writeNumber(bytes: Uint8Array, view: DataView, at: number, value: number): number {
  if ((value | 0) === value) return writeInt32(bytes, view, at, value)
  if (!Number.isSafeInteger(value)) {
    bytes[at] = 0xcb
    view.setFloat64(at + 1, value)
    return at + 9
  }
  if (value > 0 && value < 0x1_0000_0000) {
    bytes[at] = 0xce
    view.setUint32(at + 1, value)
    return at + 5
  }
  bytes[at] = value < 0 ? 0xd3 : 0xcf
  view.setInt32(at + 1, Math.floor(value / 0x1_0000_0000))
  view.setUint32(at + 5, value)
  return at + 9
}

function writeInt32(bytes: Uint8Array, view: DataView, at: number, value: number): number {
  if (value >= -0x20 && value < 0x80) {
    bytes[at] = value
    return at + 1
  }
  if (value >= -0x80 && value < 0x100) {
    bytes[at] = value < 0 ? 0xd0 : 0xcc
    bytes[at + 1] = value
    return at + 2
  }
  if (value >= -0x8000 && value < 0x10000) {
    bytes[at] = value < 0 ? 0xd1 : 0xcd
    view.setInt16(at + 1, value)
    return at + 3
  }
  bytes[at] = value < 0 ? 0xd2 : 0xce
  view.setInt32(at + 1, value)
  return at + 5
}

/**
 * Writes a moment as the msgpack timestamp extension, type -1, in its shortest form.
 *
 * @param ms  Since 1970-01-01 UTC, as a `Date` that is valid has it.
 */
export function writeTime(bytes: Uint8Array, view: DataView, at: number, ms: number): number {
  const seconds = Math.floor(ms / 1000)
  const ns = (ms - seconds * 1000) * 1_000_000
  if (seconds >= 0 && seconds < 0x4_0000_0000) {
    const isShort = ns === 0 && seconds < 0x1_0000_0000
    bytes[at] = isShort ? 0xd6 : 0xd7
    bytes[at + 1] = 0xff
    if (isShort) {
      view.setUint32(at + 2, seconds)
      return at + 6
    }
    view.setUint32(at + 2, ns * 4 + Math.floor(seconds / 0x1_0000_0000))
    view.setUint32(at + 6, seconds)
    return at + 10
  }
  bytes[at] = 0xc7
  bytes[at + 1] = 12
  bytes[at + 2] = 0xff
  view.setUint32(at + 3, ns)
  view.setInt32(at + 7, Math.floor(seconds / 0x1_0000_0000))
  view.setUint32(at + 11, seconds)
  return at + 15
}
