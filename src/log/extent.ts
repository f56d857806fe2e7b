/**
 * A log for whoever reads it where it is, while another process may write to it: its segments, the
 * last one up to the end of its last whole record. Nothing is changed.
 */
import { access } from 'node:fs/promises'
import { nodeFiles, readFully, type LogFile } from './files.ts'
import { corrupt, type LogFormat } from './format.ts'
import type { LogExtent } from './log.ts'
import { listSegments } from './recover.ts'
import { isDurable, scanRecords } from './scan.ts'
import { crcSeed, decodeSegmentHeader, segmentHeaderBytes, segmentPath } from './segment.ts'

export interface ReadableLog extends LogExtent {
  /** Names the log; 32 hexadecimal digits. */
  readonly logId: string
}

/**
 * Finds the log of a directory; one that is missing has no segments.
 *
 * @throws MillraceError the format's `corrupt`, `STORE_FORMAT`; errors of the file system as they
 *   are, also for a segment that is retired in this moment.
 */
export async function readExtent(dir: string, format: LogFormat): Promise<ReadableLog> {
  const isThere = await access(dir).then(
    () => true,
    () => false,
  )
  if (!isThere) return { segments: [], seed: 0, logId: '' }
  const { segments, logId } = await listSegments({ files: nodeFiles, dir, format })
  const last = segments.pop()
  if (last !== undefined) {
    const file = await nodeFiles.open(last.path, 'read')
    try {
      const end = await wholeEnd(file, { dir, start: last.start, bytes: await file.size(), format })
      // What begins with no whole record is a segment that nothing was written to yet.
      if (end > 0) segments.push({ ...last, end: last.start + end })
    } finally {
      await file.close()
    }
  }
  return { segments, seed: crcSeed(logId), logId: Buffer.from(logId).toString('hex') }
}

/**
 * Where the last whole record of a last segment ends, as an offset; 0 before its first.
 *
 * @throws MillraceError the format's `corrupt`, when flushed bytes are damaged.
 */
export async function wholeEnd(
  file: LogFile,
  segment: {
    readonly dir: string
    readonly start: number
    readonly bytes: number
    readonly format: LogFormat
  },
): Promise<number> {
  const { dir, start, bytes, format } = segment
  const header = decodeSegmentHeader(await readFully(file, 0, segmentHeaderBytes), format)
  if (header === null) return 0
  const seed = crcSeed(header.logId)
  let end = segmentHeaderBytes
  for await (const scanned of scanRecords(file, bytes, seed)) ({ end } = scanned)
  if (end < bytes && (await isDurable(file, { start, bytes, seed }, end))) {
    throw corrupt(format, segmentPath(dir, start, format), end, 'damaged record')
  }
  return end > segmentHeaderBytes ? end : 0
}
