/**
 * The stored form of one key's state in one view. Part of the store's format; golden-tested.
 *
 * Little-endian: `u32 format, i32 newestNs, f64 newestMs`, then per level, narrowest tiles first,
 * `u32 rows` and the rows' cells as they are in memory, then the pooled values of all levels in
 * row and cell order as one msgpack array, in the form that their partials give them, absent when
 * no level has any. Whoever stores the bytes checks them; here their shape is taken for granted.
 */
import { MillraceError } from '../base/errors.ts'
import { createDecoder, createEncoder } from '../model/msgpack.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { Level } from './layout.ts'
import type { LevelState } from './level-state.ts'
import type { PlaceCodec } from './partial.ts'
import type { TileRuns } from './tile-runs.ts'
import type { ValuePool } from './value-pool.ts'

/** Format of a stored slot; raise it with any change of the bytes, cells included. */
export const slotFormat = 4

const headerBytes = 16
const encoder = createEncoder()
const decoder = createDecoder({ bytesMax: 2 ** 31, nodesMax: 2 ** 31 - 1, depthMax: 32 })

export function encodeSlot(
  writer: ByteWriter,
  slot: number,
  newestMs: number,
  newestNs: number,
  levels: readonly LevelState[],
  pool: ValuePool,
): void {
  writer.u32(slotFormat)
  writer.i32(newestNs)
  writer.f64(newestMs)
  const values: unknown[] = []
  for (const { level, runs } of levels) {
    const { f64, low } = runs.cells
    const rowWords = level.stride * 2
    const rows = runs.rowCount(slot)
    writer.u32(rows)
    for (let n = 0; n < rows; n++) {
      const at = runs.rowAt(slot, n) * rowWords
      writer.words(low, at, at + rowWords)
    }
    forEachValueCell(level, runs, slot, (cell, codec) => {
      values.push(codec.toStored(pool, f64[cell]!))
    })
  }
  if (values.length > 0) writer.bytes(encoder.encodeSharedRef(values))
}

/** Event time of a stored slot's newest event, without loading it. */
export function newestMsOf(bytes: Uint8Array): number {
  return viewOf(bytes).getFloat64(8, true)
}

/**
 * Fills an empty slot from its stored form; returns the nanoseconds of its newest event. When it
 * throws, what it has put into the slot can be removed.
 *
 * @throws MillraceError `STORE_FORMAT` for bytes of another format.
 */
export function decodeSlot(
  bytes: Uint8Array,
  slot: number,
  levels: readonly LevelState[],
  pool: ValuePool,
): number {
  const view = viewOf(bytes)
  const found = view.getUint32(0, true)
  if (found !== slotFormat) throw new MillraceError('STORE_FORMAT', { found, expected: slotFormat })
  const values = valuesOf(bytes, levels)
  let at = headerBytes
  for (const { level, runs } of levels) {
    const rows = view.getUint32(at, true)
    const rowBytes = level.stride * 8
    const start = at + 4
    at = start + rows * rowBytes
    const first = runs.load(slot, rows)
    new Uint8Array(runs.cells.low.buffer).set(bytes.subarray(start, at), first * rowBytes)
  }
  placeValues(values, slot, levels, pool)
  return view.getInt32(4, true)
}

/** The pooled values of a stored slot. */
function valuesOf(bytes: Uint8Array, levels: readonly LevelState[]): readonly unknown[] {
  const view = viewOf(bytes)
  let at = headerBytes
  let hasValues = false
  for (const { level } of levels) {
    const rows = view.getUint32(at, true)
    at += 4 + rows * level.stride * 8
    hasValues ||= rows > 0 && level.valueCells.length > 0
  }
  return hasValues ? (decoder.decode(bytes, at) as unknown[]) : []
}

/** Gives the values of a loaded slot their places in this pool. */
function placeValues(
  values: readonly unknown[],
  slot: number,
  levels: readonly LevelState[],
  pool: ValuePool,
): void {
  let placed = 0
  try {
    forEachPlace(levels, slot, (f64, cell, codec) => {
      f64[cell] = codec.fromStored(pool, values[placed])
      placed += 1
    })
  } catch (thrown) {
    // The rest are places of another process: nothing here is theirs.
    let n = 0
    forEachPlace(levels, slot, (f64, cell) => {
      if (n++ >= placed) f64[cell] = 0
    })
    throw thrown
  }
}

function forEachPlace(
  levels: readonly LevelState[],
  slot: number,
  visit: (f64: Float64Array, cell: number, codec: PlaceCodec) => void,
): void {
  for (const { level, runs } of levels) {
    const { f64 } = runs.cells
    forEachValueCell(level, runs, slot, (cell, codec) => visit(f64, cell, codec))
  }
}

function forEachValueCell(
  { valueCells, valueCodecs, stride }: Level,
  runs: TileRuns,
  slot: number,
  visit: (cell: number, codec: PlaceCodec) => void,
): void {
  if (valueCells.length === 0) return
  for (let n = 0; n < runs.rowCount(slot); n++) {
    const cell = runs.rowAt(slot, n) * stride
    for (let i = 0; i < valueCells.length; i++) visit(cell + valueCells[i]!, valueCodecs[i]!)
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
