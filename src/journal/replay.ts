/**
 * Reads the log's batches back, for replay and export.
 *
 * Sources are numbered by the catalog that was in force when a segment was started; its snapshot
 * has their names, by which they are given today's numbers.
 */
import type { JournalFiles } from './files.ts'
import { decodeRecord, type BatchRecord } from './record.ts'
import { scanRecords } from './scan.ts'
import { corrupt, type Segment } from './segment.ts'

/** A batch as it was appended. */
export interface ReplayedBatch extends Omit<BatchRecord, 'groupStart'> {
  /** Position of the end of the record. */
  readonly position: number
  /** Place in the present catalog's sources; -1 for one that it does not have. */
  readonly source: number
}

export interface ReplayOptions {
  readonly files: JournalFiles
  /** Names of the present catalog's sources, by index. */
  readonly sources: readonly string[]
  /** The log, oldest first, without a gap. */
  readonly segments: readonly Segment[]
  readonly seed: number
  /** Batches that end at or before this position are left out. */
  readonly from: number
}

/** @throws MillraceError `JOURNAL_CORRUPT`; errors of the file system as they are. */
export async function* replay(options: ReplayOptions): AsyncGenerator<ReplayedBatch, void> {
  const { segments, from } = options
  const oldest = segments[0]!
  const newest = segments.at(-1)!
  if (from < oldest.start) {
    throw corrupt(oldest.path, 0, `begins at position ${oldest.start}, asked for ${from}`)
  }
  if (from > newest.end) {
    throw corrupt(newest.path, newest.end - newest.start, `the log ends before position ${from}`)
  }
  for (const segment of segments) if (segment.end > from) yield* replaySegment(segment, options)
}

async function* replaySegment(
  { path, start, end }: Segment,
  { files, sources, seed, from }: ReplayOptions,
): AsyncGenerator<ReplayedBatch, void> {
  const file = await files.open(path, 'read')
  try {
    let sourceNow: number[] | null = null
    let offset = 0
    for await (const scanned of scanRecords(file, end - start, seed)) {
      const record = decodeRecord(scanned.body)
      if ((record?.kind === 'snapshot') !== (sourceNow === null) || record === null) {
        throw corrupt(path, offset, 'not a record that can stand here')
      }
      offset = scanned.end
      if (record.kind === 'snapshot') sourceNow = record.sources.map((n) => sources.indexOf(n))
      if (record.kind !== 'batch' || start + offset <= from) continue
      const { groupStart: _, ...batch } = record
      const source = sourceNow![record.source] ?? -1
      yield { ...batch, source, position: start + offset }
    }
    if (offset !== end - start) throw corrupt(path, offset, 'damaged record')
  } finally {
    await file.close()
  }
}
