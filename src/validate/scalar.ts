/**
 * Reads one msgpack scalar without making an object of it.
 *
 * The value is left in `scalar`, whose members mean something according to its `form`. Whatever is
 * not read here, containers, binaries, foreign extensions, long strings, text beyond ASCII, 64-bit
 * integers beyond `int64`, or bytes that end too early, gives -1: the caller takes the full path.
 */

/** What the last scalar was. */
export const form = { nil: 0, bool: 1, int: 2, float: 3, text: 4, instant: 5 } as const

export interface Scalar {
  form: (typeof form)[keyof typeof form]
  bool: boolean
  /** `int`: value = high · 2³² + low, high signed. */
  high: number
  low: number
  /** `float`: the value. */
  float: number
  /** `text`: its ASCII bytes. */
  start: number
  end: number
  /** `instant`: whole ms since the epoch, and nanoseconds within that ms. */
  ms: number
  ns: number
}

export const scalar: Scalar = {
  form: form.nil,
  bool: false,
  high: 0,
  low: 0,
  float: 0,
  start: 0,
  end: 0,
  ms: 0,
  ns: 0,
}

/** Reads the scalar at `at`; returns the offset behind it, or -1. */
export function readScalar(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  if (at >= end) return -1
  const head = bytes[at]!
  if (head < 0x80) return int(0, head, at + 1)
  if (head >= 0xe0) return int(-1, (head - 256) >>> 0, at + 1)
  if (head >= 0xa0 && head < 0xc0) return text(bytes, at + 1, at + 1 + (head & 31), end)
  const size = sizes[head]!
  if (size === 0 || at + size > end) return -1
  const body = at + 1
  switch (head) {
    case 0xc0:
      scalar.form = form.nil
      return body
    case 0xc2:
    case 0xc3:
      scalar.form = form.bool
      scalar.bool = head === 0xc3
      return body
    case 0xca:
      return float(view.getFloat32(body), at + size)
    case 0xcb:
      return float(view.getFloat64(body), at + size)
    case 0xd9:
      return text(bytes, at + 2, at + 2 + bytes[body]!, end)
    case 0xd6:
    case 0xd7:
    case 0xc7:
      return instant(bytes, view, at, at + size)
    default:
      return wideInt(view, head, body, at + size)
  }
}

/** Bytes of a scalar, head included, by head; 0 for what is not read here. */
const sizes = new Uint8Array(256)
for (const [head, size] of [
  [0xc0, 1],
  [0xc2, 1],
  [0xc3, 1],
  [0xc7, 15],
  [0xca, 5],
  [0xcb, 9],
  [0xcc, 2],
  [0xcd, 3],
  [0xce, 5],
  [0xcf, 9],
  [0xd0, 2],
  [0xd1, 3],
  [0xd2, 5],
  [0xd3, 9],
  [0xd6, 6],
  [0xd7, 10],
  [0xd9, 2],
] as const) {
  sizes[head] = size
}

function int(high: number, low: number, end: number): number {
  scalar.form = form.int
  scalar.high = high
  scalar.low = low
  return end
}

function signed(value: number, end: number): number {
  return int(value < 0 ? -1 : 0, value >>> 0, end)
}

function wideInt(view: DataView, head: number, body: number, end: number): number {
  switch (head) {
    case 0xcc:
      return int(0, view.getUint8(body), end)
    case 0xcd:
      return int(0, view.getUint16(body), end)
    case 0xce:
      return int(0, view.getUint32(body), end)
    case 0xcf: {
      const high = view.getInt32(body)
      return high < 0 ? -1 : int(high, view.getUint32(body + 4), end)
    }
    case 0xd0:
      return signed(view.getInt8(body), end)
    case 0xd1:
      return signed(view.getInt16(body), end)
    case 0xd2:
      return signed(view.getInt32(body), end)
    default:
      return int(view.getInt32(body), view.getUint32(body + 4), end)
  }
}

function float(value: number, end: number): number {
  // Not finite: some type may have its own answer.
  if (value - value !== 0) return -1
  scalar.form = form.float
  scalar.float = value
  return end
}

function text(bytes: Uint8Array, start: number, end: number, limit: number): number {
  if (end > limit) return -1
  for (let i = start; i < end; i++) if (bytes[i]! >= 0x80) return -1
  scalar.form = form.text
  scalar.start = start
  scalar.end = end
  return end
}

/** The three forms of the timestamp extension. */
function instant(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  let seconds: number
  let nanoseconds = 0
  if (bytes[at] === 0xc7) {
    if (bytes[at + 1] !== 12 || bytes[at + 2] !== 0xff) return -1
    nanoseconds = view.getUint32(at + 3)
    seconds = view.getInt32(at + 7) * 4294967296 + view.getUint32(at + 11)
  } else {
    if (bytes[at + 1] !== 0xff) return -1
    const word = view.getUint32(at + 2)
    if (bytes[at] === 0xd6) seconds = word
    else {
      nanoseconds = word >>> 2
      seconds = (word & 3) * 4294967296 + view.getUint32(at + 6)
    }
  }
  if (nanoseconds > 999_999_999) return -1
  const ms = Math.floor(nanoseconds / 1_000_000)
  scalar.form = form.instant
  scalar.ms = seconds * 1000 + ms
  scalar.ns = nanoseconds - ms * 1_000_000
  return end
}
