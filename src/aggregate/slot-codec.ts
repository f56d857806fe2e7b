/**
 * The stored form of one key's state in one view. Part of the store's format; golden-tested.
 *
 * Little-endian: `u32 format, i32 newestNs, f64 newestMs`, then per level, narrowest tiles first,
 * `u32 rows` and the rows' cells as they are in memory: those of a wider level lack what is in the
 * newest row of each narrower one that is folded into it (`folds.ts`). Then the pooled values of
 * all levels in row and cell order as one msgpack array, in the form that their partials give them,
 * absent when there is none at any place. Whoever stores the bytes checks them; here their shape is
 * taken for granted.
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
  let hasValues = false
  for (const { level, runs } of levels) {
    const { low } = runs.cells
    const rowWords = level.stride * 2
    const rows = runs.rowCount(slot)
    writer.u32(rows)
    for (let n = 0; n < rows; n++) {
      const row = runs.rowAt(slot, n)
      writer.words(low, row * rowWords, (row + 1) * rowWords)
      hasValues ||= hasValue(level, runs, row)
    }
  }
  if (hasValues) writer.bytes(encoder.encodeSharedRef(storedValues(slot, levels, pool)))
}

/** Whether a row has something in the value pool; mostly, a sum has nothing there. */
function hasValue({ valueCells, stride }: Level, { cells }: TileRuns, row: number): boolean {
  for (let i = 0; i < valueCells.length; i++) {
    if (cells.f64[row * stride + valueCells[i]!] !== 0) return true
  }
  return false
}

function storedValues(
  slot: number,
  levels: readonly LevelState[],
  pool: ValuePool,
): readonly unknown[] {
  const values: unknown[] = []
  forEachPlace(levels, slot, (f64, cell, codec) => values.push(codec.toStored(pool, f64[cell]!)))
  return values
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
  if (values !== null) placeValues(values, slot, levels, pool)
  return view.getInt32(4, true)
}

/** The pooled values of a stored slot; null without any. */
function valuesOf(bytes: Uint8Array, levels: readonly LevelState[]): readonly unknown[] | null {
  const view = viewOf(bytes)
  let at = headerBytes
  for (const { level } of levels) at += 4 + view.getUint32(at, true) * level.stride * 8
  return at < bytes.length ? (decoder.decode(bytes, at) as unknown[]) : null
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
