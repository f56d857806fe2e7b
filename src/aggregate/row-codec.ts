/**
 * Rows of a view as bytes: what is kept of an event where a window's edge may cut through a tile.
 *
 * Little-endian: `f64 timeMs, i32 timeNs, u32 bytes`, the length of the whole row, then a bit per
 * column that says whether it is null, then the columns that are not: `float` as f64, `int` as
 * `i32 high, u32 low`, anything else as `u32 bytes` and msgpack (`stored-value.ts`). The upper bit
 * of `bytes` says that the row is of the same event as the one before it, which a transform has
 * made several of. Part of the store's format; golden-tested.
 */
import { createDecoder, createEncoder } from '../model/msgpack.ts'
import type { Column, RowBatch } from '../model/rows.ts'
import type { Field } from '../model/types.ts'
import type { ByteWriter } from './byte-writer.ts'
import { fromStored, toStored } from './stored-value.ts'

const encoder = createEncoder()
const decoder = createDecoder({ bytesMax: 2 ** 31, nodesMax: 2 ** 31 - 1, depthMax: 32 })

const nsAt = 8
const lengthAt = 12
const headBytes = 16
const sameEvent = 0x8000_0000

/** Appends row `i`; `columns` are those of `fields`. */
export function writeRow(
  writer: ByteWriter,
  rows: RowBatch,
  i: number,
  columns: readonly Column[],
  fields: readonly Field[],
): void {
  const start = writer.byteLength
  writer.f64(rows.timeMs[i]!)
  writer.i32(rows.timeNs[i]!)
  writer.u32(0)
  for (let first = 0; first < columns.length; first += 8) {
    let bits = 0
    for (let c = first; c < Math.min(first + 8, columns.length); c++) {
      bits |= columns[c]!.isNull[i]! << (c - first)
    }
    writer.u8(bits)
  }
  for (let c = 0; c < columns.length; c++) {
    const column = columns[c]!
    if (column.isNull[i] === 1) continue
    switch (column.kind) {
      case 'float':
        writer.f64(column.floats[i]!)
        break
      case 'int':
        writer.i32(column.high[i]!)
        writer.u32(column.low[i]!)
        break
      case 'value': {
        const bytes = encoder.encodeSharedRef(toStored(fields[c]!.type, column.values[i]!))
        writer.u32(bytes.length)
        writer.bytes(bytes)
      }
    }
  }
  const length = writer.byteLength - start
  writer.patchU32(start + lengthAt, isOfSameEvent(rows, i) ? length + sameEvent : length)
}

/** Whether row `i` is of the same event as the row before it. */
export function isOfSameEvent({ eventIndex, spans }: RowBatch, i: number): boolean {
  if (i === 0 || eventIndex[i] !== eventIndex[i - 1]) return false
  // Events of two sections may have the same place, each in its own batch.
  return !spans.some(({ end }) => end === i)
}

export function rowBytes(view: DataView, at: number): number {
  return view.getUint32(at + lengthAt, true) & ~sameEvent
}

export function rowTimeMs(view: DataView, at: number): number {
  return view.getFloat64(at, true)
}

export function rowTimeNs(view: DataView, at: number): number {
  return view.getInt32(at + nsAt, true)
}

/** Whether the row at `at` is of the same event as the one before it. */
export function isRowOfSameEvent(view: DataView, at: number): boolean {
  return view.getUint32(at + lengthAt, true) >= sameEvent
}

/**
 * Adds the row at `at` to a batch of the columns that it was written from, but for its key. Its
 * event is known by the place of the event's first row in the batch.
 */
export function readRow(
  view: DataView,
  at: number,
  rows: RowBatch,
  fields: readonly Field[],
): void {
  const i = rows.count
  rows.reserve(i + 1)
  rows.timeMs[i] = rowTimeMs(view, at)
  rows.timeNs[i] = rowTimeNs(view, at)
  rows.eventIndex[i] = isRowOfSameEvent(view, at) ? rows.eventIndex[i - 1]! : i
  const { columns } = rows
  const bitsAt = at + headBytes
  let next = bitsAt + Math.ceil(columns.length / 8)
  for (let c = 0; c < columns.length; c++) {
    const column = columns[c]!
    if (((view.getUint8(bitsAt + (c >> 3)) >> (c & 7)) & 1) === 1) {
      column.set(i, null)
      continue
    }
    column.isNull[i] = 0
    switch (column.kind) {
      case 'float':
        column.floats[i] = view.getFloat64(next, true)
        next += 8
        break
      case 'int':
        column.high[i] = view.getInt32(next, true)
        column.low[i] = view.getUint32(next + 4, true)
        next += 8
        break
      case 'value': {
        const length = view.getUint32(next, true)
        next += 4 + length
        const bytes = new Uint8Array(view.buffer, view.byteOffset + next - length, length)
        column.values[i] = fromStored(fields[c]!.type, decoder.decode(bytes))
      }
    }
  }
  rows.count = i + 1
}
