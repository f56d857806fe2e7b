/**
 * The frame of a log's records, whatever they mean.
 *
 * Little-endian. A record is `u32 bodyBytes, u32 crc, body`, never empty. The CRC-32 of the body
 * starts from a number of the log's own, so that bytes of an event cannot pass for a record. A body
 * begins with `u8 kind`. Kind 1 is a snapshot, the first record of a segment and nowhere else. All
 * others go on with `f64 groupStart, f64 arrivalMs`; kind 4 is nothing more, and says that the log
 * was closed in good order. Kinds 2, 3 and 5 are for each log to fill.
 *
 * `groupStart` is the position where the record's group starts: everything before it was on disk
 * before the first byte of this record was written. It is what tells a torn tail from damage when
 * the log is opened. Changing any of this is a format change.
 */
import { crc32 } from 'node:zlib'

/** Bytes before a record's body. */
export const recordHeaderBytes = 8

/** Bytes of kind, group start and arrival, with which bodies begin. */
export const groupedBytes = 17

export const snapshotKind = 1
export const closedKind = 4
const kindMax = 5

const utf8 = new TextDecoder()

/** What every record but a snapshot says. */
export interface GroupedRecord {
  /** Position where the record's group starts. */
  readonly groupStart: number
  /** Wall time of the append, ms; never decreases along the log. */
  readonly arrivalMs: number
}

/** The whole record at `at`, or where its reading ends: `short` bytes are missing, or it is bad. */
export function checkRecord(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  seed: number,
): 'whole' | 'short' | 'bad' {
  if (at + recordHeaderBytes > bytes.length) return 'short'
  const bodyBytes = view.getUint32(at, true)
  // Zeros that a crash left behind would otherwise pass for an empty record with its CRC.
  if (bodyBytes === 0) return 'bad'
  const body = at + recordHeaderBytes
  if (body + bodyBytes > bytes.length) return 'short'
  const crc = crc32(bytes.subarray(body, body + bodyBytes), seed)
  return crc === view.getUint32(at + 4, true) ? 'whole' : 'bad'
}

/** Bytes of the record at `at`, its header included. */
export function recordBytes(view: DataView, at: number): number {
  return recordHeaderBytes + view.getUint32(at, true)
}

/** `groupStart` of what may be a record at `at`; NaN where it cannot be one that has it. */
export function peekGroupStart(view: DataView, at: number): number {
  if (at + recordHeaderBytes + groupedBytes > view.byteLength) return Number.NaN
  const kind = view.getUint8(at + recordHeaderBytes)
  if (kind <= snapshotKind || kind > kindMax) return Number.NaN
  return view.getFloat64(at + recordHeaderBytes + 1, true)
}

/** Room for a record; the body is to be written from `body` on, then sealed. */
export function allocateRecord(bodyBytes: number): {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly body: number
} {
  const bytes = new Uint8Array(recordHeaderBytes + bodyBytes)
  return { bytes, view: new DataView(bytes.buffer), body: recordHeaderBytes }
}

/** Writes the header of a record whose body is complete. */
export function sealRecord(bytes: Uint8Array, view: DataView, seed: number): Uint8Array {
  view.setUint32(0, bytes.length - recordHeaderBytes, true)
  view.setUint32(4, crc32(bytes.subarray(recordHeaderBytes), seed), true)
  return bytes
}

export function writeGrouped(
  view: DataView,
  at: number,
  kind: number,
  record: GroupedRecord,
): void {
  view.setUint8(at, kind)
  view.setFloat64(at + 1, record.groupStart, true)
  view.setFloat64(at + 9, record.arrivalMs, true)
}

export function readGrouped(view: DataView): GroupedRecord {
  return { groupStart: view.getFloat64(1, true), arrivalMs: view.getFloat64(9, true) }
}

export function encodeClosed(record: GroupedRecord, seed: number): Uint8Array {
  const { bytes, view, body } = allocateRecord(groupedBytes)
  writeGrouped(view, body, closedKind, record)
  return sealRecord(bytes, view, seed)
}

/** Writes `u16 bytes, UTF-8`; returns the offset behind it. */
export function writeText(bytes: Uint8Array, view: DataView, at: number, text: Uint8Array): number {
  view.setUint16(at, text.length, true)
  bytes.set(text, at + 2)
  return at + 2 + text.length
}

/** @throws RangeError where the text ends behind the record. */
export function readText(
  body: Uint8Array,
  view: DataView,
  at: number,
): [text: string, end: number] {
  const end = at + 2 + view.getUint16(at, true)
  if (end > body.length) throw new RangeError('text ends behind the record')
  return [utf8.decode(body.subarray(at + 2, end)), end]
}
