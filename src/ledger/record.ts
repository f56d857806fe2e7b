/**
 * The bytes of the ledger's records within their frame (`log/frame.ts`); no other file knows them.
 *
 * Little-endian. Bodies:
 *
 *   snapshot  u8 1, f64 nextId, f64 position, f64 replayed, f64 otherRejected, f64 otherPartial,
 *             u32 counts, per count: text producer, text source, text code, f64 rejected,
 *             f64 partial; the last replay as below
 *   batch     u8 2, f64 groupStart, f64 arrivalMs, f64 firstId, u32 entries, f64 position,
 *             f64 batchArrivalMs, f64 sequence, u32 epoch, text producer, text source,
 *             u32 reasons, per reason: text code, text path, text message, u16 views, texts;
 *             per entry: u32 offset from the sequence, u32 reason, f64 replayOf, u32 bytes, event;
 *             u32 duplicates, per duplicate: u32 offset from the sequence
 *   replay    u8 3, f64 groupStart, f64 arrivalMs, the replay
 *
 * where text is `u16 bytes, UTF-8`; a replay is `u32 epoch, f64 sequence, u32 count, ids f64`, with
 * count 0 for none; and `replayOf` is 0 for an event that a producer sent. Most events of a batch
 * are wrong for the same reason, so reasons are written once. Changing any of this is a format
 * change.
 */
import type { LogFormat } from '../log/format.ts'
import {
  allocateRecord,
  groupedBytes,
  readText,
  sealRecord,
  snapshotKind,
  writeGrouped,
  writeText,
  type GroupedRecord,
} from '../log/frame.ts'
import type {
  EntryReason,
  LedgerCount,
  LedgerEntry,
  NewEntry,
  RecordedBatch,
} from '../model/ledger.ts'

/** The ledger among the logs. */
export const ledgerFormat: LogFormat = {
  suffix: 'ledger',
  version: 2,
  corrupt: 'LEDGER_CORRUPT',
  writeFailed: 'LEDGER_WRITE',
}

/** Entries that are published again as one batch: `ids[n]` as the event `sequence + n`. */
export interface Replay {
  readonly epoch: number
  readonly sequence: number
  readonly ids: readonly number[]
}

export interface LedgerSnapshot {
  readonly nextId: number
  /** Journal position of the newest batch that is recorded; 0 before the first. */
  readonly position: number
  /** Entries replayed, those of the last replay left out. */
  readonly replayed: number
  readonly counts: readonly LedgerCount[]
  readonly other: Pick<LedgerCount, 'rejected' | 'partial'>
  readonly lastReplay: Replay | null
}

const kinds = { snapshot: snapshotKind, batch: 2, replay: 3 } as const
const batchHeadBytes = groupedBytes + 40
const entryHeadBytes = 20
const countBytes = 16

export type LedgerRecord =
  | { readonly kind: 'snapshot'; readonly snapshot: LedgerSnapshot }
  | { readonly kind: 'batch'; readonly batch: StoredBatch }
  | { readonly kind: 'replay'; readonly replay: Replay }

export type StoredBatch = RecordedBatch<Omit<LedgerEntry, 'isReplayed'>>

export function encodeSnapshot(snapshot: LedgerSnapshot, seed: number): Uint8Array {
  const { nextId, position, replayed, other } = snapshot
  const counts = snapshot.counts.map((count) => ({
    ...count,
    texts: [count.producer, count.source, count.code].map((text) => Buffer.from(text)),
  }))
  let size = 45 + replayBytes(snapshot.lastReplay)
  for (const { texts } of counts) size += countBytes + textsBytes(texts)
  const { bytes, view, body } = allocateRecord(size)
  view.setUint8(body, kinds.snapshot)
  const numbers = [nextId, position, replayed, other.rejected, other.partial]
  numbers.forEach((number, i) => view.setFloat64(body + 1 + 8 * i, number, true))
  view.setUint32(body + 41, counts.length, true)
  let at = body + 45
  for (const { texts, rejected, partial } of counts) {
    for (const text of texts) at = writeText(bytes, view, at, text)
    view.setFloat64(at, rejected, true)
    view.setFloat64(at + 8, partial, true)
    at += countBytes
  }
  writeReplay(view, at, snapshot.lastReplay)
  return sealRecord(bytes, view, seed)
}

/** @param firstId  Id of the first entry; the others follow. */
export function encodeBatch(
  batch: RecordedBatch & GroupedRecord,
  recordedMs: number,
  firstId: number,
  seed: number,
): Uint8Array {
  const { entries, duplicates, position, arrivalMs, epoch } = batch
  const names = [Buffer.from(batch.producer), Buffer.from(batch.source)]
  const { reasons, reasonOf } = reasonsOf(entries)
  let size = batchHeadBytes + textsBytes(names) + 8 + 4 * duplicates.length
  for (const { texts } of reasons) size += 2 + textsBytes(texts)
  for (const { event } of entries) size += entryHeadBytes + event.length
  const { bytes, view, body } = allocateRecord(size)
  const { groupStart } = batch
  writeGrouped(view, body, kinds.batch, { groupStart, arrivalMs: recordedMs })
  const sequence = Math.min(entries[0]?.sequence ?? Infinity, duplicates[0] ?? Infinity)
  const head = body + groupedBytes
  view.setFloat64(head, firstId, true)
  view.setUint32(head + 8, entries.length, true)
  view.setFloat64(head + 12, position, true)
  view.setFloat64(head + 20, arrivalMs, true)
  view.setFloat64(head + 28, sequence, true)
  view.setUint32(head + 36, epoch, true)
  let at = body + batchHeadBytes
  for (const name of names) at = writeText(bytes, view, at, name)
  view.setUint32(at, reasons.length, true)
  at += 4
  for (const { texts, views } of reasons) {
    for (const text of texts.slice(0, 3)) at = writeText(bytes, view, at, text)
    view.setUint16(at, views, true)
    at += 2
    for (const text of texts.slice(3)) at = writeText(bytes, view, at, text)
  }
  for (const entry of entries) {
    view.setUint32(at, entry.sequence - sequence, true)
    view.setUint32(at + 4, reasonOf.get(entry)!, true)
    view.setFloat64(at + 8, entry.replayOf ?? 0, true)
    view.setUint32(at + 16, entry.event.length, true)
    bytes.set(entry.event, at + entryHeadBytes)
    at += entryHeadBytes + entry.event.length
  }
  view.setUint32(at, duplicates.length, true)
  for (const duplicate of duplicates) view.setUint32((at += 4), duplicate - sequence, true)
  return sealRecord(bytes, view, seed)
}

export function encodeReplay(replay: Replay, grouped: GroupedRecord, seed: number): Uint8Array {
  const { bytes, view, body } = allocateRecord(groupedBytes + replayBytes(replay))
  writeGrouped(view, body, kinds.replay, grouped)
  writeReplay(view, body + groupedBytes, replay)
  return sealRecord(bytes, view, seed)
}

/** Ids of the entries in the body of a batch, without decoding it; null for another record. */
export function peekIds(
  body: Uint8Array,
): { readonly first: number; readonly last: number } | null {
  if (body[0] !== kinds.batch) return null
  const view = viewOf(body)
  const first = view.getFloat64(groupedBytes, true)
  return { first, last: first + view.getUint32(groupedBytes + 8, true) - 1 }
}

/**
 * Decodes a body whose CRC is right. Events are views of it.
 *
 * @returns null when it is not a record of this format.
 */
export function decodeRecord(body: Uint8Array): LedgerRecord | null {
  try {
    const view = viewOf(body)
    switch (body[0]) {
      case kinds.snapshot:
        return { kind: 'snapshot', snapshot: decodeSnapshot(body, view) }
      case kinds.batch:
        return { kind: 'batch', batch: decodeBatch(body, view) }
      case kinds.replay:
        return { kind: 'replay', replay: readReplay(view, groupedBytes)! }
      default:
        return null
    }
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

function decodeSnapshot(body: Uint8Array, view: DataView): LedgerSnapshot {
  const number = (n: number): number => view.getFloat64(1 + 8 * n, true)
  const counts: LedgerCount[] = []
  let at = 45
  for (let left = view.getUint32(41, true); left > 0; left--) {
    const [[producer, source, code], end] = readTexts(body, view, at, 3)
    const rejected = view.getFloat64(end, true)
    const partial = view.getFloat64(end + 8, true)
    counts.push({ producer: producer!, source: source!, code: code!, rejected, partial })
    at = end + countBytes
  }
  return {
    nextId: number(0),
    position: number(1),
    replayed: number(2),
    other: { rejected: number(3), partial: number(4) },
    counts,
    lastReplay: readReplay(view, at),
  }
}

function decodeBatch(body: Uint8Array, view: DataView): StoredBatch {
  const head = groupedBytes
  const firstId = view.getFloat64(head, true)
  const sequence = view.getFloat64(head + 28, true)
  const [[producer, source], reasonsAt] = readTexts(body, view, batchHeadBytes, 2)
  const common = {
    position: view.getFloat64(head + 12, true),
    arrivalMs: view.getFloat64(head + 20, true),
    epoch: view.getUint32(head + 36, true),
    producer: producer!,
    source: source!,
  }
  const reasons: EntryReason[] = []
  let at = reasonsAt + 4
  for (let left = view.getUint32(reasonsAt, true); left > 0; left--) {
    const [[code, path, message], viewsAt] = readTexts(body, view, at, 3)
    const [views, end] = readTexts(body, view, viewsAt + 2, view.getUint16(viewsAt, true))
    reasons.push({ code: code!, path: path!, message: message!, views })
    at = end
  }
  const entries: Omit<LedgerEntry, 'isReplayed'>[] = []
  const count = view.getUint32(head + 8, true)
  for (let n = 0; n < count; n++) {
    const start = at + entryHeadBytes
    const end = start + view.getUint32(at + 16, true)
    if (end > body.length) throw new RangeError('an event ends behind the record')
    const replayOf = view.getFloat64(at + 8, true)
    entries.push({
      id: firstId + n,
      ...common,
      ...reasons[view.getUint32(at + 4, true)]!,
      sequence: sequence + view.getUint32(at, true),
      replayOf: replayOf === 0 ? null : replayOf,
      event: body.subarray(start, end),
    })
    at = end
  }
  const duplicates = Array.from(
    { length: view.getUint32(at, true) },
    (_, n) => sequence + view.getUint32(at + 4 + 4 * n, true),
  )
  return { ...common, entries, duplicates }
}

interface EncodedReason {
  /** Code, path, message, and the views. */
  readonly texts: readonly Uint8Array[]
  readonly views: number
}

/** Every reason once, and which one each entry has. */
function reasonsOf(entries: readonly NewEntry[]) {
  const reasons: EncodedReason[] = []
  const places = new Map<string, number>()
  const reasonOf = new Map<NewEntry, number>()
  for (const entry of entries) {
    const { code, path, message, views } = entry
    const key = JSON.stringify([code, path, message, views])
    let place = places.get(key)
    if (place === undefined) {
      place = reasons.length
      places.set(key, place)
      const texts = [code, path, message, ...views].map((text) => Buffer.from(text))
      reasons.push({ texts, views: views.length })
    }
    reasonOf.set(entry, place)
  }
  return { reasons, reasonOf }
}

function replayBytes(replay: Replay | null): number {
  return 16 + 8 * (replay?.ids.length ?? 0)
}

function writeReplay(view: DataView, at: number, replay: Replay | null): void {
  const { epoch, sequence, ids } = replay ?? { epoch: 0, sequence: 0, ids: [] }
  view.setUint32(at, epoch, true)
  view.setFloat64(at + 4, sequence, true)
  view.setUint32(at + 12, ids.length, true)
  ids.forEach((id, i) => view.setFloat64(at + 16 + 8 * i, id, true))
}

function readReplay(view: DataView, at: number): Replay | null {
  const count = view.getUint32(at + 12, true)
  if (count === 0) return null
  const ids = Array.from({ length: count }, (_, i) => view.getFloat64(at + 16 + 8 * i, true))
  return { epoch: view.getUint32(at, true), sequence: view.getFloat64(at + 4, true), ids }
}

function textsBytes(texts: readonly Uint8Array[]): number {
  return texts.reduce((sum, text) => sum + 2 + text.length, 0)
}

function readTexts(
  body: Uint8Array,
  view: DataView,
  at: number,
  count: number,
): [texts: string[], end: number] {
  const texts: string[] = []
  for (let left = count; left > 0; left--) {
    const [text, end] = readText(body, view, at)
    texts.push(text)
    at = end
  }
  return [texts, at]
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
