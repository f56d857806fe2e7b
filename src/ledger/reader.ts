/**
 * Reads the ledger's segments back: one page of entries, the marks of a replay, where ids begin.
 *
 * Whole records are skipped by their ids, and a request ends after so many bytes however few
 * entries it has found, so that one that finds nothing does not read the whole ledger at once.
 *
 * Thread: main, in chunks with other work between them.
 */
import { ledgerPageBytesMax, ledgerScanBytesMax } from '../base/limits.ts'
import type { LogFiles } from '../log/files.ts'
import { corrupt } from '../log/format.ts'
import { notHere } from '../log/recover.ts'
import { scanRecords } from '../log/scan.ts'
import type { Segment } from '../log/segment.ts'
import type { LedgerEntry, LedgerPage, LedgerQuery } from '../model/ledger.ts'
import { decodeRecord, ledgerFormat, peekIds, type Replay, type StoredBatch } from './record.ts'

export interface LedgerFilesOf {
  readonly files: LogFiles
  readonly seed: number
}

/** A segment, and the id of the first entry that it can hold. */
export interface LedgerSegment extends Segment {
  readonly firstId: number
}

/** The id that the next entry would have had when the segment was started. */
export async function readFirstId(log: LedgerFilesOf, segment: Segment): Promise<number> {
  for await (const { body } of bodiesOf(log, segment)) {
    const record = decodeRecord(body)
    if (record?.kind === 'snapshot') return record.snapshot.nextId
    break
  }
  throw corrupt(ledgerFormat, segment.path, 0, notHere)
}

/** Every replay that the segments tell of, in order. */
export async function* readReplays(
  log: LedgerFilesOf,
  segments: readonly Segment[],
): AsyncGenerator<Replay, void> {
  for (const segment of segments) {
    for await (const { body } of bodiesOf(log, segment)) {
      if (peekIds(body) !== null) continue
      const record = decodeRecord(body)
      if (record?.kind === 'replay') yield record.replay
    }
  }
}

/** The batches whose records end behind a place in the ledger, with where each ends. */
export async function* readBatches(
  log: LedgerFilesOf,
  segments: readonly Segment[],
  from: number,
): AsyncGenerator<{ readonly batch: StoredBatch; readonly end: number }, void> {
  for (const segment of segments) {
    if (segment.end <= from) continue
    for await (const { body, end } of bodiesOf(log, segment)) {
      if (end <= from || peekIds(body) === null) continue
      const record = decodeRecord(body)
      if (record?.kind === 'batch') yield { batch: record.batch, end }
    }
  }
}

/** The entries that a query means, until a bound is met. */
export async function readPage(
  log: LedgerFilesOf,
  segments: readonly LedgerSegment[],
  query: LedgerQuery,
  isReplayed: (id: number) => boolean,
): Promise<LedgerPage> {
  const entries: LedgerEntry[] = []
  let bytes = 0
  let scannedBytes = 0
  for await (const { body, last } of batchesOf(log, segments, query)) {
    for (const entry of matching(body, query)) {
      if (entries.length === query.limit || bytes > ledgerPageBytesMax) {
        return { entries, next: entries.at(-1)!.id }
      }
      bytes += entry.event.length
      entries.push({ ...entry, isReplayed: isReplayed(entry.id) })
    }
    scannedBytes += body.length
    if (scannedBytes > ledgerScanBytesMax) return { entries, next: last }
  }
  return { entries, next: null }
}

/** The bodies of batches that may hold entries of a query, with the id of the last in each. */
async function* batchesOf(
  log: LedgerFilesOf,
  segments: readonly LedgerSegment[],
  { after, upTo }: LedgerQuery,
): AsyncGenerator<{ readonly body: Uint8Array; readonly last: number }, void> {
  for (const [i, segment] of segments.entries()) {
    const behind = segments[i + 1]?.firstId ?? Infinity
    if (behind <= after + 1 || segment.firstId > upTo) continue
    for await (const { body } of bodiesOf(log, segment)) {
      const ids = peekIds(body)
      if (ids === null || ids.last <= after) continue
      if (ids.first > upTo) return
      yield { body, last: ids.last }
    }
  }
}

function matching(body: Uint8Array, { filter, after, upTo }: LedgerQuery): StoredBatch['entries'] {
  const record = decodeRecord(body)
  if (record?.kind !== 'batch') return []
  const { producer, source, entries } = record.batch
  if ((filter.producer ?? producer) !== producer || (filter.source ?? source) !== source) return []
  return entries.filter(
    ({ id, code }) => id > after && id <= upTo && (filter.code ?? code) === code,
  )
}

async function* bodiesOf(
  { files, seed }: LedgerFilesOf,
  { path, start, end }: Segment,
): AsyncGenerator<{ readonly body: Uint8Array; readonly end: number }, void> {
  const file = await files.open(path, 'read')
  try {
    let offset = 0
    for await (const scanned of scanRecords(file, end - start, seed)) {
      offset = scanned.end
      yield { body: scanned.body, end: start + offset }
    }
    if (offset !== end - start) throw corrupt(ledgerFormat, path, offset, 'damaged record')
  } finally {
    await file.close()
  }
}
