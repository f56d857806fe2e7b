/**
 * The bytes of an outbox on disk within the frame of its log (`log/frame.ts`).
 *
 * Little-endian. Bodies:
 *
 *   snapshot  u8 1, u32 run, u32 epoch, f64 acknowledged, f64 nextSequence, text incarnation,
 *             text producer
 *   mark      u8 2, f64 groupStart, f64 arrivalMs, u32 run, u32 epoch, f64 acknowledged,
 *             text incarnation
 *   batch     u8 3, f64 groupStart, f64 arrivalMs, u32 run, u32 count, f64 sequence, text source,
 *             PUBLISH frame
 *
 * where epoch 0 and an empty incarnation are none yet. Changing any of this is a format change.
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
import type { SealedBatch } from './open-batch.ts'

/** The outbox among the logs. */
export const outboxFormat: LogFormat = {
  suffix: 'outbox',
  version: 1,
  corrupt: 'OUTBOX_CORRUPT',
  writeFailed: 'OUTBOX_WRITE',
}

/** What an outbox has come to. */
export interface OutboxState {
  readonly producer: string
  /** Counts how often sequences have begun at 0. */
  readonly run: number
  /** The epoch of the run; null until the server has given it. */
  readonly epoch: number | null
  /** Which history of the server's store the epoch belongs to, where that is known. */
  readonly incarnation: string | null
  /** Highest sequence whose outcome is known; -1 before the first. */
  readonly acknowledged: number
  /** Sequence of the next new event. */
  readonly nextSequence: number
}

/** A batch as it is stored. */
export type StoredBatch = Pick<SealedBatch, 'source' | 'sequence' | 'count' | 'frame'>

export type OutboxRecord =
  | { readonly kind: 'snapshot'; readonly state: OutboxState }
  | {
      readonly kind: 'mark'
      readonly run: number
      readonly epoch: number | null
      readonly incarnation: string | null
      readonly acknowledged: number
    }
  | { readonly kind: 'batch'; readonly run: number; readonly batch: StoredBatch }

const kinds = { snapshot: snapshotKind, mark: 2, batch: 3 } as const

export function encodeSnapshot(state: OutboxState, seed: number): Uint8Array {
  const producer = Buffer.from(state.producer)
  const incarnation = Buffer.from(state.incarnation ?? '')
  const size = 1 + 4 + 4 + 8 + 8 + 2 + incarnation.length + 2 + producer.length
  const { bytes, view, body } = allocateRecord(size)
  view.setUint8(body, kinds.snapshot)
  view.setUint32(body + 1, state.run, true)
  view.setUint32(body + 5, state.epoch ?? 0, true)
  view.setFloat64(body + 9, state.acknowledged, true)
  view.setFloat64(body + 17, state.nextSequence, true)
  writeText(bytes, view, writeText(bytes, view, body + 25, incarnation), producer)
  return sealRecord(bytes, view, seed)
}

export function encodeMark(grouped: GroupedRecord, state: OutboxState, seed: number): Uint8Array {
  const incarnation = Buffer.from(state.incarnation ?? '')
  const size = groupedBytes + 4 + 4 + 8 + 2 + incarnation.length
  const { bytes, view, body } = allocateRecord(size)
  writeGrouped(view, body, kinds.mark, grouped)
  view.setUint32(body + 17, state.run, true)
  view.setUint32(body + 21, state.epoch ?? 0, true)
  view.setFloat64(body + 25, state.acknowledged, true)
  writeText(bytes, view, body + 33, incarnation)
  return sealRecord(bytes, view, seed)
}

export function encodeBatch(
  grouped: GroupedRecord,
  run: number,
  batch: StoredBatch,
  seed: number,
): Uint8Array {
  const source = Buffer.from(batch.source)
  const size = groupedBytes + 4 + 4 + 8 + 2 + source.length + batch.frame.length
  const { bytes, view, body } = allocateRecord(size)
  writeGrouped(view, body, kinds.batch, grouped)
  view.setUint32(body + 17, run, true)
  view.setUint32(body + 21, batch.count, true)
  view.setFloat64(body + 25, batch.sequence, true)
  bytes.set(batch.frame, writeText(bytes, view, body + 33, source))
  return sealRecord(bytes, view, seed)
}

/**
 * Decodes a body whose CRC is right. The frame of a batch is a view of it.
 *
 * @returns null when it is not a record of this format.
 */
export function decodeRecord(body: Uint8Array): OutboxRecord | null {
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  try {
    switch (view.getUint8(0)) {
      case kinds.snapshot: {
        const [named, at] = readText(body, view, 25)
        const [producer, end] = readText(body, view, at)
        if (end !== body.length) return null
        const [run, epoch] = [view.getUint32(1, true), epochAt(view, 5)]
        const acknowledged = view.getFloat64(9, true)
        const known = { run, epoch, incarnation: named || null, acknowledged }
        const nextSequence = view.getFloat64(17, true)
        return { kind: 'snapshot', state: { producer, ...known, nextSequence } }
      }
      case kinds.mark: {
        const [named, end] = readText(body, view, 33)
        if (end !== body.length) return null
        const [run, epoch] = [view.getUint32(17, true), epochAt(view, 21)]
        const acknowledged = view.getFloat64(25, true)
        return { kind: 'mark', run, epoch, incarnation: named || null, acknowledged }
      }
      case kinds.batch: {
        const [source, at] = readText(body, view, 33)
        const [count, sequence] = [view.getUint32(21, true), view.getFloat64(25, true)]
        const batch = { source, sequence, count, frame: body.subarray(at) }
        return { kind: 'batch', run: view.getUint32(17, true), batch }
      }
      default:
        return null
    }
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

function epochAt(view: DataView, at: number): number | null {
  return view.getUint32(at, true) || null
}
