/**
 * Deletes old segments, whole ones from the oldest on.
 *
 * A segment goes when nobody needs it any more and the log is larger, or the segment older, than
 * asked; or when there are too many, as each start begins one. The last segment always stays: its
 * snapshot holds what the log has come to.
 *
 * Thread: main, beside the writer, which only adds segments at the other end.
 */
import { dirname } from 'node:path'
import type { LogFiles } from './files.ts'
import type { Segment } from './segment.ts'

export interface RetentionOptions {
  /** Keep every record behind this position. */
  readonly keepFrom: number
  /** Delete while the log is larger than this; what is to be kept may hold it above. */
  readonly bytesMax: number
  /** Delete segments whose records are all older than this. */
  readonly ageMsMax: number
  readonly nowMs: number
}

/** The segments, oldest first, that may be deleted; beyond `segmentsMax`, whatever is asked. */
export function expiredSegments(
  segments: readonly Segment[],
  { keepFrom, bytesMax, ageMsMax, nowMs }: RetentionOptions,
  segmentsMax: number,
): Segment[] {
  const expired: Segment[] = []
  const logEnd = segments.at(-1)?.end ?? 0
  for (let i = 0; i + 1 < segments.length; i++) {
    const segment = segments[i]!
    const next = segments[i + 1]!
    // Nothing in a segment is younger than the next one, which was created at its end.
    const isOld = nowMs - next.createdMs > ageMsMax
    const isTooMuch = logEnd - segment.start > bytesMax
    const areTooMany = segments.length - i > segmentsMax
    if (segment.end > keepFrom || !(isOld || isTooMuch || areTooMany)) break
    expired.push(segment)
  }
  return expired
}

/**
 * Deletes the expired segments and takes them out of `segments`. One call at a time; one that fails
 * may be made again.
 *
 * @returns what was deleted; its files are gone from the disk.
 */
export async function retire(
  files: LogFiles,
  segments: Segment[],
  options: RetentionOptions,
  segmentsMax: number,
): Promise<Segment[]> {
  const expired = expiredSegments(segments, options, segmentsMax)
  if (expired.length === 0) return expired
  const dir = dirname(expired[0]!.path)
  for (const segment of expired) {
    // One at a time: a crash must not leave a younger one deleted and an older one there, which may
    // have been removed by a call that then failed.
    await files.flushDirectory(dir)
    await files.remove(segment.path)
    segments.splice(segments.indexOf(segment), 1)
  }
  await files.flushDirectory(dir)
  return expired
}
