/**
 * PUBLISH, the one frame that is read and written by hand: `[3, source, sequence, [bin, ...]]`.
 *
 * In: the bytes of a WebSocket message. Out: who it is for, how many events it holds, and the array
 * of binaries as a view of the same bytes. After it, every element of that array is a `bin` and the
 * array fills the frame exactly, so that later stages step over events without checks of their own.
 * Nothing is decoded, copied or allocated per event. Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import { batchEventsMax, frameNameBytesMax } from '../base/limits.ts'
import { invalidFrame, type FrameCursor } from './cursor.ts'
import { frameType, type PublishFrame } from './frames.ts'

/**
 * Reads what follows the type of a PUBLISH.
 *
 * @param length  Elements of the frame's array, the type included.
 * @throws MillraceError `FRAME_INVALID`, `SEQUENCE_RANGE`, `BATCH_TOO_LARGE`.
 * @remarks
 * Cost: O(events), a few ns each.
 */
export function parsePublish(cursor: FrameCursor, length: number): PublishFrame {
  if (length !== 4) invalidFrame('PUBLISH has four elements')
  const source = cursor.text(frameNameBytesMax)
  const sequence = cursor.integer()
  if (sequence < 0 || sequence > Number.MAX_SAFE_INTEGER) {
    throw new MillraceError('SEQUENCE_RANGE', { got: sequence < 0 ? 'another value' : sequence })
  }
  const start = cursor.at
  const count = cursor.arrayLength()
  if (count > batchEventsMax) {
    throw new MillraceError('BATCH_TOO_LARGE', { count, max: batchEventsMax })
  }
  if (count === 0) invalidFrame('a batch has at least one event')
  // The sequence after the batch must be one that can be published.
  if (sequence + count > Number.MAX_SAFE_INTEGER) {
    throw new MillraceError('SEQUENCE_RANGE', { got: sequence + count })
  }
  checkBins(cursor.bytes, cursor.at, count)
  return { kind: 'publish', source, sequence, count, payload: cursor.bytes.subarray(start) }
}

/** Checks that `count` binaries fill `bytes` from `at` on. */
function checkBins(bytes: Uint8Array, start: number, count: number): void {
  const end = bytes.length
  let at = start
  for (let i = 0; i < count; i++) {
    const head = bytes[at]
    if (head === 0xc4 && at + 2 <= end) at += 2 + bytes[at + 1]!
    else if (head === 0xc5 && at + 3 <= end) at += 3 + bytes[at + 1]! * 256 + bytes[at + 2]!
    else if (head === 0xc6 && at + 5 <= end) {
      const low = (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!
      at += 5 + bytes[at + 1]! * 16_777_216 + low
    } else invalidFrame(at < end ? `event ${i} of the batch is not a whole bin` : 'truncated')
    if (at > end) invalidFrame('truncated')
  }
  if (at !== end) invalidFrame('bytes follow the events')
}

/**
 * Writes a PUBLISH frame.
 *
 * @param events  `events[1…batchEventsMax]`, the msgpack map of each event; copied.
 */
export function encodePublish(
  source: string,
  sequence: number,
  events: readonly Uint8Array[],
): Uint8Array {
  const name = utf8.encode(source)
  // The longest head of each part: frame, type, name, sequence, array.
  let size = 1 + 1 + 5 + name.length + 9 + 5
  for (const event of events) size += 5 + event.length
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  bytes[0] = 0x94
  bytes[1] = frameType.publish
  let at = writeHead(view, 2, name.length, name.length < 32 ? 0xa0 : 0, [0xd9, 0xda, 0xdb])
  bytes.set(name, at)
  at = writeInteger(view, at + name.length, sequence)
  at = writeHead(view, at, events.length, events.length < 16 ? 0x90 : 0, [0, 0xdc, 0xdd])
  for (const event of events) {
    at = writeHead(view, at, event.length, 0, [0xc4, 0xc5, 0xc6])
    bytes.set(event, at)
    at += event.length
  }
  return bytes.subarray(0, at)
}

const utf8 = new TextEncoder()

/**
 * Writes a length in its shortest form and returns the offset behind it.
 *
 * @param fixed  First byte of the form that holds the length itself; 0 where it does not fit.
 * @param heads  First bytes of the forms with 8, 16 and 32 bits; 0 where there is none.
 */
function writeHead(
  view: DataView,
  at: number,
  length: number,
  fixed: number,
  heads: readonly [number, number, number],
): number {
  if (fixed > 0) {
    view.setUint8(at, fixed | length)
    return at + 1
  }
  if (heads[0] > 0 && length < 0x100) {
    view.setUint8(at, heads[0])
    view.setUint8(at + 1, length)
    return at + 2
  }
  if (length < 0x10000) {
    view.setUint8(at, heads[1])
    view.setUint16(at + 1, length)
    return at + 3
  }
  view.setUint8(at, heads[2])
  view.setUint32(at + 1, length)
  return at + 5
}

/** Writes an integer that is not negative in its shortest form. */
function writeInteger(view: DataView, at: number, integer: number): number {
  if (integer < 0x80) {
    view.setUint8(at, integer)
    return at + 1
  }
  if (integer < 0x100000000) return writeHead(view, at, integer, 0, [0xcc, 0xcd, 0xce])
  view.setUint8(at, 0xcf)
  view.setBigUint64(at + 1, BigInt(integer))
  return at + 9
}
