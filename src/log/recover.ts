/**
 * Finds out what is on disk when the log is opened, and makes it fit to go on from.
 *
 * All headers are read, and the last segment whole; records of earlier segments are checked when
 * they are read. What a crash can leave is repaired: a last segment that was not finished is
 * removed, the torn tail of the last group is cut off (`scan.ts` says how it is told from damage).
 * Anything else that is not as it was written is `JOURNAL_CORRUPT`, with file and offset: bytes
 * that were once acknowledged are never dropped to get going.
 *
 * Thread: main, before the log takes its first record.
 */
import { randomBytes } from 'node:crypto'
import { readFully, writeFully, type LogFile, type LogFiles } from './files.ts'
import { corrupt, type LogFormat } from './format.ts'
import { closedKind, groupedBytes, readGrouped, snapshotKind } from './frame.ts'
import { isDurable, scanRecords } from './scan.ts'
import {
  crcSeed,
  decodeSegmentHeader,
  parseSegmentName,
  segmentHeaderBytes,
  segmentPath,
  type Segment,
} from './segment.ts'

export interface Recovered {
  /** 16 bytes that name the log; new ones when there was none. */
  readonly logId: Uint8Array
  /** In order, without a gap; their records are on disk. */
  readonly segments: Segment[]
  /** Position behind the last record. */
  readonly end: number
  /** Bytes of a torn tail that were cut off. */
  readonly droppedBytes: number
  /** Arrival time of the last record, ms; -Infinity in an empty log. */
  readonly arrivalMs: number
}

export interface RecoverOptions {
  readonly files: LogFiles
  readonly dir: string
  readonly format: LogFormat
  /**
   * Takes the records of the last segment in order, the body of each: first the snapshot, then
   * those that were appended; the mark of a close is left out. Returns why one cannot stand where
   * it does, null when it can.
   */
  readonly take: (body: Uint8Array) => string | null
}

export interface ListedSegments {
  readonly segments: Segment[]
  readonly logId: Uint8Array
  readonly unfinished: string | null
}

interface Tail {
  readonly bytes: number
  readonly droppedBytes: number
  readonly arrivalMs: number
}

/** What is wrong with a record that its log cannot make sense of. */
export const notHere = 'not a record that can stand here'

/** Bytes read and written back at once. */
const rewriteBytes = 1024 * 1024

/**
 * Recovers the log of a directory, which is created when missing.
 *
 * @throws MillraceError the format's `corrupt`, `STORE_FORMAT`; errors of the file system as they
 *   are.
 */
export async function recover(options: RecoverOptions): Promise<Recovered> {
  const { files, dir, format } = options
  await files.createDirectory(dir)
  const { segments, logId, unfinished } = await listSegments(options)
  let unfinishedPath = unfinished
  // A segment is created when the one before it is on disk: that one can have no torn tail.
  let isWhole = unfinishedPath !== null
  for (;;) {
    if (unfinishedPath !== null) {
      await files.remove(unfinishedPath)
      await files.flushDirectory(dir)
    }
    const last = segments.pop()
    if (last === undefined) break
    const tail = await recoverTail(options, last, crcSeed(logId), isWhole)
    if (tail !== null) {
      const end = last.start + tail.bytes
      segments.push({ ...last, end })
      return { ...tail, logId, segments, end }
    }
    if (segments.length === 0 && last.start > 0) throw headless(format, last.path)
    unfinishedPath = last.path
    isWhole = true
  }
  return {
    logId: randomBytes(16),
    segments: [],
    end: 0,
    droppedBytes: 0,
    arrivalMs: -Infinity,
  }
}

/** The segments in order, and the path of the last one when even its header is unfinished. */
export async function listSegments({
  files,
  dir,
  format,
}: Omit<RecoverOptions, 'take'>): Promise<ListedSegments> {
  const names = await files.list(dir)
  const starts = names
    .map((name) => parseSegmentName(name, format))
    .filter((start) => start !== null)
  starts.sort((a, b) => a - b)
  const segments: Segment[] = []
  let logId: Uint8Array = new Uint8Array(16)
  for (const [index, start] of starts.entries()) {
    const path = segmentPath(dir, start, format)
    const { bytes, header } = await readHeader(files, path, format)
    const before = segments.at(-1)
    if (before !== undefined && before.end !== start) {
      throw corrupt(
        format,
        path,
        0,
        `starts at position ${start}, the one before ends at ${before.end}`,
      )
    }
    if (header === null) {
      if (index < starts.length - 1)
        throw corrupt(format, path, 0, 'unfinished, and another follows')
      if (before === undefined && start > 0) throw headless(format, path)
      return { segments, logId, unfinished: path }
    }
    if (header.start !== start) {
      throw corrupt(format, path, 16, `says it starts at ${header.start}`)
    }
    if (before === undefined) logId = header.logId
    else if (!Buffer.from(logId).equals(header.logId)) {
      throw corrupt(format, path, 32, 'of another log')
    }
    segments.push({ path, start, end: start + bytes, createdMs: header.createdMs })
  }
  return { segments, logId, unfinished: null }
}

async function readHeader(files: LogFiles, path: string, format: LogFormat) {
  return withFile(files, path, 'read', async (file) => {
    const bytes = await file.size()
    const header = decodeSegmentHeader(await readFully(file, 0, segmentHeaderBytes), format)
    if (header === null && bytes > segmentHeaderBytes) {
      throw corrupt(format, path, 0, 'damaged header')
    }
    return { bytes, header }
  })
}

/**
 * Reads the last segment, cuts off a torn tail and puts the rest on disk.
 *
 * @param isWhole  Whether it is known that every byte had been on disk.
 * @returns null when the segment's first record was never finished.
 */
function recoverTail(
  { files, format, take }: RecoverOptions,
  segment: Segment,
  seed: number,
  isWhole: boolean,
): Promise<Tail | null> {
  return withFile(files, segment.path, 'update', async (file) => {
    const bytes = segment.end - segment.start
    let end = segmentHeaderBytes
    let isClosed = false
    let arrivalMs = segment.createdMs
    for await (const scanned of scanRecords(file, bytes, seed)) {
      const { body } = scanned
      const isFirst = end === segmentHeaderBytes
      const wrong = misplaced(body, isFirst) ?? (body[0] === closedKind ? null : take(body))
      if (wrong !== null) throw corrupt(format, segment.path, end, wrong)
      if (!isFirst) ({ arrivalMs } = readGrouped(viewOf(body)))
      isClosed = body[0] === closedKind
      end = scanned.end
    }
    const isStarted = end > segmentHeaderBytes
    if (end < bytes || !isStarted) {
      if (isWhole || (await isDurable(file, { start: segment.start, bytes, seed }, end))) {
        throw corrupt(format, segment.path, end, 'damaged record')
      }
      // Closing is the last thing that is written: bytes behind it are not a torn group.
      if (isClosed) {
        throw corrupt(format, segment.path, end, 'bytes behind the end of a closed log')
      }
    }
    if (!isStarted) return null
    if (end < bytes) await file.truncate(end)
    if (!isClosed) await rewrite(file, end)
    return { bytes: end, droppedBytes: bytes - end, arrivalMs }
  })
}

/** Why a body cannot stand where it does, as far as every log knows. */
export function misplaced(body: Uint8Array, isFirst: boolean): string | null {
  const kind = body[0]
  const isInPlace =
    (kind === snapshotKind) === isFirst &&
    (isFirst || body.length >= groupedBytes) &&
    (kind !== closedKind || body.length === groupedBytes)
  return isInPlace ? null : notHere
}

/**
 * Writes a file's bytes over themselves and flushes them. After a failed flush the kernel holds
 * pages as clean that never reached the disk: they read well, and a mere flush would skip them.
 */
async function rewrite(file: LogFile, bytes: number): Promise<void> {
  for (let offset = 0; offset < bytes; offset += rewriteBytes) {
    const chunk = await readFully(file, offset, Math.min(rewriteBytes, bytes - offset))
    await writeFully(file, [chunk], offset)
  }
  await file.flush()
}

function headless(format: LogFormat, path: string) {
  return corrupt(format, path, 0, 'unfinished, and the segments before it are missing')
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

async function withFile<T>(
  files: LogFiles,
  path: string,
  mode: 'read' | 'update',
  use: (file: LogFile) => Promise<T>,
): Promise<T> {
  const file = await files.open(path, mode)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}
