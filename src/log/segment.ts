/**
 * Segments: the files that the log is cut into.
 *
 * A segment is named by the log position of its first byte. Positions count every byte of every
 * file, headers included: byte `n` of a segment that starts at `s` is position `s + n`, and a
 * segment starts where the one before it ends. The header holds, little-endian: `8 bytes
 * "millrace", u16 format version, 6 bytes 0, f64 start, f64 createdMs, 16 bytes log id, u32 crc`
 * of the bytes before it; later format versions keep that. The first record is a snapshot.
 *
 * A segment is created only when everything before it is on disk, and takes records only when its
 * own header and snapshot are: so only the last segment can ever be unfinished.
 */
import { basename, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { MillraceError } from '../base/errors.ts'
import { writeFully, type LogFile, type LogFiles } from './files.ts'
import type { LogFormat } from './format.ts'

export const segmentHeaderBytes = 52

const magic = Buffer.from('millrace')
/** Digits of 2^53, so that names sort like positions. */
const nameDigits = 16

export interface SegmentHeader {
  /** Position of the segment's first byte. */
  readonly start: number
  /** Wall time of creation, ms; not before the arrival of any record in an earlier segment. */
  readonly createdMs: number
  /** 16 bytes drawn when the log was made; the same in all its segments. */
  readonly logId: Uint8Array
}

export interface Segment {
  readonly path: string
  readonly start: number
  /** Position behind the segment's last byte. */
  readonly end: number
  readonly createdMs: number
}

/** A segment to come, as it was when the first record for it was appended. */
export interface SegmentPlan {
  readonly start: number
  readonly createdMs: number
  /** The encoded snapshot record. */
  readonly snapshot: Uint8Array
}

export function segmentPath(dir: string, start: number, { suffix }: LogFormat): string {
  return join(dir, `${String(start).padStart(nameDigits, '0')}.${suffix}`)
}

/** The start in a segment's name; null when a file is none of ours. */
export function parseSegmentName(path: string, { suffix }: LogFormat): number | null {
  const match = /^(\d{16})\.(\w+)$/.exec(basename(path))
  return match?.[2] === suffix ? Number(match[1]) : null
}

/** Number that the CRCs of a log's records start from. */
export function crcSeed(logId: Uint8Array): number {
  return crc32(logId)
}

export function encodeSegmentHeader(header: SegmentHeader, { version }: LogFormat): Uint8Array {
  const bytes = new Uint8Array(segmentHeaderBytes)
  const view = new DataView(bytes.buffer)
  bytes.set(magic)
  view.setUint16(8, version, true)
  view.setFloat64(16, header.start, true)
  view.setFloat64(24, header.createdMs, true)
  bytes.set(header.logId, 32)
  view.setUint32(48, crc32(bytes.subarray(0, 48)), true)
  return bytes
}

/**
 * Decodes a header.
 *
 * @returns null when the bytes are not a whole, undamaged header.
 * @throws {@link MillraceError} `STORE_FORMAT` when it is one of another format version.
 */
export function decodeSegmentHeader(
  bytes: Uint8Array,
  { version }: LogFormat,
): SegmentHeader | null {
  if (bytes.length < segmentHeaderBytes || !magic.equals(bytes.subarray(0, 8))) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, segmentHeaderBytes)
  if (view.getUint32(48, true) !== crc32(bytes.subarray(0, 48))) return null
  const found = view.getUint16(8, true)
  if (found !== version) {
    throw new MillraceError('STORE_FORMAT', { found, expected: version })
  }
  return {
    start: view.getFloat64(16, true),
    createdMs: view.getFloat64(24, true),
    logId: bytes.slice(32, 48),
  }
}

/** Position where a planned segment's own records start. */
export function recordsStart(plan: SegmentPlan): number {
  return plan.start + segmentHeaderBytes + plan.snapshot.length
}

/**
 * Creates a segment with its header and snapshot; both, and the file's name, are on disk when this
 * resolves. Two flushes, so that a damaged header is never mistaken for an unfinished one: a file
 * longer than its header had that header on disk.
 */
export async function createSegment(
  files: LogFiles,
  dir: string,
  plan: SegmentPlan,
  { logId, format }: { readonly logId: Uint8Array; readonly format: LogFormat },
): Promise<LogFile> {
  const file = await files.open(segmentPath(dir, plan.start, format), 'create')
  try {
    await writeFully(file, [encodeSegmentHeader({ ...plan, logId }, format)], 0)
    await file.flush()
    await files.flushDirectory(dir)
    await writeFully(file, [plan.snapshot], segmentHeaderBytes)
    await file.flush()
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}
