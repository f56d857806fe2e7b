/**
 * Reads the records of one segment file in order, in chunks, checking every CRC.
 *
 * A scan ends at the first record that is not whole. Whether that is a torn tail or damage is
 * decided with `isDurable`.
 */
import { readFully, type LogFile } from './files.ts'
import { checkRecord, peekGroupStart, recordBytes, recordHeaderBytes } from './frame.ts'
import { segmentHeaderBytes } from './segment.ts'

/** Bytes read at once, unless a record is larger. */
const chunkBytes = 1024 * 1024

export interface ScannedRecord {
  /** The checked body, a view of a chunk that is never reused. */
  readonly body: Uint8Array
  /** File offset behind the record. */
  readonly end: number
}

/**
 * Yields the records of a segment from its first.
 *
 * @param bytes  Where the segment ends, as a file offset. The scan is complete when the last
 *   record ends there.
 * @remarks Memory: one chunk, or one record where that is larger.
 */
export async function* scanRecords(
  file: LogFile,
  bytes: number,
  seed: number,
): AsyncGenerator<ScannedRecord, void> {
  let start = segmentHeaderBytes
  let wanted = chunkBytes
  while (start < bytes) {
    const asked = Math.min(wanted, bytes - start)
    const chunk = await readFully(file, start, asked)
    const view = viewOf(chunk)
    let at = 0
    let state = checkRecord(chunk, view, at, seed)
    for (; state === 'whole'; state = checkRecord(chunk, view, at, seed)) {
      const end = at + recordBytes(view, at)
      yield { body: chunk.subarray(at + recordHeaderBytes, end), end: start + end }
      at = end
    }
    const hasHeader = at + recordHeaderBytes <= chunk.length
    wanted = Math.max(chunkBytes, hasHeader ? recordBytes(view, at) : 0)
    start += at
    if (state === 'bad' || chunk.length < asked) return
    // All the rest was at hand and holds no whole record.
    if (at === 0 && asked === bytes - start) return
  }
}

/**
 * Whether the bytes at `offset`, where a scan of the last segment ended early, were once on disk.
 *
 * A group is written when the one before it is on disk, and until it is on disk itself nothing of
 * it is acknowledged. A power loss can leave any part of that last group: its end, or holes with
 * whole records behind them. So whole records behind a bad one do not tell damage from a torn
 * tail, but their group does: a record whose group starts behind the bad bytes proves that these
 * had been on disk. Without such a record, they are the remains of a group nobody relied on.
 *
 * @param start  Position of the segment's first byte.
 * @remarks Cost: one look at each remaining byte. Memory: the rest of the segment, once.
 */
export async function isDurable(
  file: LogFile,
  segment: { readonly start: number; readonly bytes: number; readonly seed: number },
  offset: number,
): Promise<boolean> {
  const rest = await readFully(file, offset, segment.bytes - offset)
  const view = viewOf(rest)
  const bad = segment.start + offset
  for (let at = 1; at < rest.length; at++) {
    const groupStart = peekGroupStart(view, at)
    if (!(groupStart > bad && groupStart <= bad + at)) continue
    if (checkRecord(rest, view, at, segment.seed) === 'whole') return true
  }
  return false
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
