/**
 * The bytes of the journal's records within their frame (`log/frame.ts`); no other file knows them.
 *
 * Little-endian. Bodies:
 *
 *   snapshot  u8 1, u16 sources, per source: text; u32 nextId, u32 epochFloor, u32 producers,
 *             per producer: u32 id, u32 epoch, f64 nextSequence, f64 lastSeenMs, text
 *   producer  u8 2, f64 groupStart, f64 arrivalMs, u32 id, u32 epoch, text
 *   batch     u8 3, f64 groupStart, f64 arrivalMs, u16 source, u32 producer, u32 epoch, u32 count,
 *             f64 sequence, payload
 *   closed    u8 4, f64 groupStart, f64 arrivalMs
 *   backfill  u8 5, then as a batch up to its sequence; u32 backfill, u32 bytes, origins,
 *             payload
 *
 * where text is `u16 bytes, UTF-8`, and origins are of `model/origins.ts`. The payload of a batch
 * whose source the catalog does not have (`0xffff`) has the name it came with before it: text,
 * payload. Changing any of this is a format change.
 */
import { crc32 } from 'node:zlib'
import type { LogFormat } from '../log/format.ts'
import {
  allocateRecord,
  closedKind,
  groupedBytes,
  readGrouped,
  readText,
  recordHeaderBytes,
  sealRecord,
  snapshotKind,
  writeGrouped,
  writeText,
  type GroupedRecord,
} from '../log/frame.ts'
import type { BackfillBatch } from '../model/contracts.ts'
import type { Producer, ProducersState } from './producers.ts'

/** The journal among the logs. */
export const journalFormat: LogFormat = {
  suffix: 'journal',
  version: 3,
  corrupt: 'JOURNAL_CORRUPT',
  writeFailed: 'JOURNAL_WRITE',
}

/** Bytes of a batch's body before its payload, and of what comes then in one of a backfill. */
const batchBodyBytes = 39
const backfillHeadBytes = 8

/** Bytes of a batch record before its payload. */
export const batchHeadBytes = recordHeaderBytes + batchBodyBytes

/** Stands for a source that the catalog does not have. */
const sourceUnknown = 0xffff

/** Names of sources that one log can hold. */
export const journalSourcesMax = sourceUnknown

/** The first record of a segment: what the numbers in the segment's other records mean. */
export interface SnapshotRecord {
  readonly kind: 'snapshot'
  /** Names of the catalog's sources, by index. */
  readonly sources: readonly string[]
  /** The producers as of the start of the segment. */
  readonly producers: ProducersState
}

/** A producer has opened a new epoch. */
export interface ProducerRecord extends GroupedRecord {
  readonly kind: 'producer'
  readonly id: number
  readonly name: string
  readonly epoch: number
}

export interface BatchRecord extends GroupedRecord {
  readonly kind: 'batch'
  /** Place in the snapshot's sources; -1 unknown. */
  readonly source: number
  /** The name of a source that is unknown; the snapshot has the others. */
  readonly stray: string | null
  readonly producer: number
  readonly epoch: number
  /** Sequence of the first event, and number of events. */
  readonly sequence: number
  readonly count: number
  readonly payload: Uint8Array
  /** Null for events of the stream. */
  readonly backfill: BackfillBatch | null
}

/** The log was closed in good order: everything before this record is on disk. */
export interface ClosedRecord extends GroupedRecord {
  readonly kind: 'closed'
}

export type JournalRecord = SnapshotRecord | ProducerRecord | BatchRecord | ClosedRecord

const kinds = {
  snapshot: snapshotKind,
  producer: 2,
  batch: 3,
  closed: closedKind,
  backfill: 5,
} as const
const producerRowBytes = 26

/** Of a source that the snapshot has, no name stands before the payload. */
const known = [null, batchBodyBytes] as const

/** What stands before the events of a batch in its record, which it is a part of. */
export interface Preface {
  readonly kind: 'batch' | 'backfill'
  readonly bytes: Uint8Array
}

/** Of a batch of the stream from a source that the catalog has. */
export const noPreface: Preface = { kind: 'batch', bytes: new Uint8Array(0) }

/** Of a batch from an unknown source: the name it came with. */
export function strayPreface(source: string): Preface {
  const name = Buffer.from(source)
  const bytes = new Uint8Array(2 + name.length)
  writeText(bytes, new DataView(bytes.buffer), 0, name)
  return { kind: 'batch', bytes }
}

/** Of a batch of a backfill: which it is, and where its events stood. */
export function backfillPreface({ id, origins }: BackfillBatch): Preface {
  const bytes = new Uint8Array(backfillHeadBytes + origins.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, id, true)
  view.setUint32(4, origins.length, true)
  bytes.set(origins, backfillHeadBytes)
  return { kind: 'backfill', bytes }
}

/**
 * Writes everything of a batch record that comes before its preface and payload to
 * `bytes[at, at + batchHeadBytes)`.
 *
 * @returns the CRC of all that comes before the payload, and the one that the record carries.
 */
export function writeBatchHead(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  batch: Omit<BatchRecord, 'kind' | 'stray' | 'backfill'>,
  preface: Preface,
  seed: number,
): { readonly crcBefore: number; readonly crc: number } {
  const { payload } = batch
  const body = at + recordHeaderBytes
  writeGrouped(view, body, kinds[preface.kind], batch)
  view.setUint16(body + 17, batch.source === -1 ? sourceUnknown : batch.source, true)
  view.setUint32(body + 19, batch.producer, true)
  view.setUint32(body + 23, batch.epoch, true)
  view.setUint32(body + 27, batch.count, true)
  view.setFloat64(body + 31, batch.sequence, true)
  const end = at + batchHeadBytes
  view.setUint32(at, end - body + preface.bytes.length + payload.length, true)
  const headCrc = crc32(bytes.subarray(body, end), seed)
  const crcBefore = preface.bytes.length === 0 ? headCrc : crc32(preface.bytes, headCrc)
  const crc = crc32(payload, crcBefore)
  view.setUint32(at + 4, crc, true)
  return { crcBefore, crc }
}

export function encodeProducer(record: Omit<ProducerRecord, 'kind'>, seed: number): Uint8Array {
  const name = Buffer.from(record.name)
  const { bytes, view, body } = allocateRecord(groupedBytes + 10 + name.length)
  writeGrouped(view, body, kinds.producer, record)
  view.setUint32(body + 17, record.id, true)
  view.setUint32(body + 21, record.epoch, true)
  writeText(bytes, view, body + 25, name)
  return sealRecord(bytes, view, seed)
}

export function encodeSnapshot(record: Omit<SnapshotRecord, 'kind'>, seed: number): Uint8Array {
  const { nextId, epochFloor, producers } = record.producers
  const sources = record.sources.map((name) => Buffer.from(name))
  let size = 1 + 2 + 4 + 4 + 4
  for (const name of sources) size += 2 + name.length
  for (const { name } of producers) size += producerRowBytes + Buffer.byteLength(name)
  const { bytes, view, body } = allocateRecord(size)
  view.setUint8(body, kinds.snapshot)
  view.setUint16(body + 1, sources.length, true)
  let at = body + 3
  for (const name of sources) at = writeText(bytes, view, at, name)
  view.setUint32(at, nextId, true)
  view.setUint32(at + 4, epochFloor, true)
  view.setUint32(at + 8, producers.length, true)
  at += 12
  for (const producer of producers) {
    view.setUint32(at, producer.id, true)
    view.setUint32(at + 4, producer.epoch, true)
    view.setFloat64(at + 8, producer.nextSequence, true)
    view.setFloat64(at + 16, producer.lastSeenMs, true)
    at = writeText(bytes, view, at + 24, Buffer.from(producer.name))
  }
  return sealRecord(bytes, view, seed)
}

/**
 * Decodes a body whose CRC is right. The payload of a batch is a view of it.
 *
 * @returns null when it is not a record of this format.
 */
export function decodeRecord(body: Uint8Array): JournalRecord | null {
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  try {
    switch (view.getUint8(0)) {
      case kinds.snapshot:
        return decodeSnapshot(body, view)
      case kinds.producer: {
        const [name, end] = readText(body, view, 25)
        if (end !== body.length) return null
        const id = view.getUint32(17, true)
        return { kind: 'producer', ...readGrouped(view), id, name, epoch: view.getUint32(21, true) }
      }
      case kinds.batch:
        return decodeBatch(body, view)
      case kinds.backfill:
        return decodeBackfill(body, view)
      case kinds.closed:
        return body.length === groupedBytes ? { kind: 'closed', ...readGrouped(view) } : null
      default:
        return null
    }
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

function decodeBatch(body: Uint8Array, view: DataView): BatchRecord {
  const source = view.getUint16(17, true)
  const isStray = source === sourceUnknown
  const [stray, at] = isStray ? readText(body, view, batchBodyBytes) : known
  return {
    kind: 'batch',
    groupStart: view.getFloat64(1, true),
    arrivalMs: view.getFloat64(9, true),
    source: isStray ? -1 : source,
    stray,
    producer: view.getUint32(19, true),
    epoch: view.getUint32(23, true),
    count: view.getUint32(27, true),
    sequence: view.getFloat64(31, true),
    payload: body.subarray(at),
    backfill: null,
  }
}

function decodeBackfill(body: Uint8Array, view: DataView): BatchRecord | null {
  const start = batchBodyBytes + backfillHeadBytes
  const end = start + view.getUint32(batchBodyBytes + 4, true)
  if (end > body.length) return null
  const backfill = { id: view.getUint32(batchBodyBytes, true), origins: body.subarray(start, end) }
  return { ...decodeBatch(body, view), payload: body.subarray(end), backfill }
}

function decodeSnapshot(body: Uint8Array, view: DataView): SnapshotRecord | null {
  const sources: string[] = []
  let at = 3
  for (let left = view.getUint16(1, true); left > 0; left--) {
    const [name, end] = readText(body, view, at)
    sources.push(name)
    at = end
  }
  const nextId = view.getUint32(at, true)
  const epochFloor = view.getUint32(at + 4, true)
  const producers: Producer[] = []
  let left = view.getUint32(at + 8, true)
  at += 12
  for (; left > 0; left--) {
    const [name, end] = readText(body, view, at + 24)
    producers.push({
      id: view.getUint32(at, true),
      name,
      epoch: view.getUint32(at + 4, true),
      nextSequence: view.getFloat64(at + 8, true),
      lastSeenMs: view.getFloat64(at + 16, true),
    })
    at = end
  }
  if (at !== body.length) return null
  return { kind: 'snapshot', sources, producers: { nextId, epochFloor, producers } }
}
