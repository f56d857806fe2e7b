/**
 * Reads the log's batches back, for replay and export.
 *
 * Sources are numbered by the catalog that was in force when a segment was started; its snapshot
 * has their names, by which they are given today's numbers.
 */
import type { LogFiles } from '../log/files.ts'
import { corrupt } from '../log/format.ts'
import { notHere } from '../log/recover.ts'
import { scanRecords } from '../log/scan.ts'
import type { Segment } from '../log/segment.ts'
import { decodeRecord, journalFormat, type BatchRecord } from './record.ts'

/** A batch as it was appended. */
export interface ReplayedBatch extends Omit<BatchRecord, 'groupStart' | 'stray'> {
  /** Position of the end of the record. */
  readonly position: number
  /** Place in the present catalog's sources; -1 for one that it does not have. */
  readonly source: number
  /** The source's name when the batch came. */
  readonly sourceName: string
}

export interface ReplayOptions {
  readonly files: LogFiles
  /** Names of the present catalog's sources, by index. */
  readonly sources: readonly string[]
  /** The log, oldest first, without a gap. */
  readonly segments: readonly Segment[]
  readonly seed: number
  /** Batches that end at or before this position are left out. */
  readonly from: number
  /** Filled with the names of producers, by id, as far as the log tells them. */
  readonly producers?: Map<number, string>
}

/** @throws MillraceError `JOURNAL_CORRUPT`; errors of the file system as they are. */
export async function* replay(options: ReplayOptions): AsyncGenerator<ReplayedBatch, void> {
  const { segments, from } = options
  const oldest = segments[0]!
  const newest = segments.at(-1)!
  if (from < oldest.start) {
    throw corrupt(
      journalFormat,
      oldest.path,
      0,
      `begins at position ${oldest.start}, asked for ${from}`,
    )
  }
  if (from > newest.end) {
    const reason = `the log ends before position ${from}`
    throw corrupt(journalFormat, newest.path, newest.end - newest.start, reason)
  }
  for (const segment of segments) if (segment.end > from) yield* replaySegment(segment, options)
}

async function* replaySegment(
  { path, start, end }: Segment,
  { files, sources, seed, from, producers }: ReplayOptions,
): AsyncGenerator<ReplayedBatch, void> {
  const file = await files.open(path, 'read')
  try {
    let names: readonly string[] | null = null
    let sourceNow: readonly number[] = []
    let offset = 0
    for await (const scanned of scanRecords(file, end - start, seed)) {
      const record = decodeRecord(scanned.body)
      if ((record?.kind === 'snapshot') !== (names === null) || record === null) {
        throw corrupt(journalFormat, path, offset, notHere)
      }
      offset = scanned.end
      if (record.kind === 'snapshot') {
        names = record.sources
        sourceNow = names.map((name) => sources.indexOf(name))
        for (const { id, name } of record.producers.producers) producers?.set(id, name)
      }
      if (record.kind === 'producer') producers?.set(record.id, record.name)
      if (record.kind !== 'batch' || start + offset <= from) continue
      yield {
        kind: 'batch',
        arrivalMs: record.arrivalMs,
        // A name that was unknown then may be one of today's: it stays what it was told to be.
        source: sourceNow[record.source] ?? -1,
        sourceName: record.stray ?? names![record.source]!,
        producer: record.producer,
        epoch: record.epoch,
        sequence: record.sequence,
        count: record.count,
        payload: record.payload,
        backfill: record.backfill,
        position: start + offset,
      }
    }
    if (offset !== end - start) throw corrupt(journalFormat, path, offset, 'damaged record')
  } finally {
    await file.close()
  }
}
