/**
 * The events of a view that the store does not have yet, key by key, as bytes.
 *
 * A window that is exact at an edge needs the events of the tile that the edge cuts through, and an
 * event that takes the place of another needs those of its tile to count it again; those of all
 * tiles together would be every event. So events are held here only until a checkpoint brings them
 * to disk, in chunks of one key, one tile and one checkpoint, where the few that a read needs are
 * found. Between the beginning of a checkpoint and its end there are two generations: the one that
 * is being stored, which no longer changes, and the one that grows.
 *
 * Bytes of a generation are an arena of `i32 previous, i32 slot, row`, where `previous` is the
 * place of the row of the same slot before, -1 for none.
 */
import type { Column, RowBatch } from '../model/rows.ts'
import type { Field } from '../model/types.ts'
import { ByteWriter } from './byte-writer.ts'
import type { ChunkPlan } from './layout.ts'
import { readRow, rowBytes, rowTimeMs, rowTimeNs, writeRow } from './row-codec.ts'
import { TimeIndex } from './time-index.ts'
import type { TimeRange } from './window.ts'

const none = -1
const linkBytes = 8
const slotAt = 4
const arenaBytesInitial = 16 * 1024

/** Rows of one key in one tile, in the order of their arrival. */
export interface Chunk {
  readonly tile: number
  readonly bytes: Uint8Array
}

export class EventLog {
  /** Width of the tiles that chunks are of, ms. */
  readonly tileMs: number
  /** How far back events are needed, ms. */
  readonly reachMs: number
  readonly #fields: readonly Field[]
  readonly #isIndexed: boolean
  #growing: Generation
  /** Null while no checkpoint is in progress. */
  #storing: Generation | null = null
  #slots = 0

  /** @param fields  The columns of the view. */
  constructor(fields: readonly Field[], { tileMs, reachMs, isIndexed }: ChunkPlan) {
    this.#fields = fields
    this.tileMs = tileMs
    this.reachMs = reachMs
    this.#isIndexed = isIndexed
    this.#growing = new Generation(isIndexed)
  }

  /** Bytes of the events held. */
  get bytes(): number {
    return this.#growing.bytes + (this.#storing?.bytes ?? 0)
  }

  growSlots(capacity: number): void {
    this.#slots = capacity
    this.#growing.growSlots(capacity)
    this.#storing?.growSlots(capacity)
  }

  /** Adds row `i` to the events of a slot. */
  append(slot: number, rows: RowBatch, i: number, columns: readonly Column[]): void {
    const { writer, heads, index } = this.#growing
    const at = writer.byteLength
    writer.i32(heads[slot]!)
    writer.i32(slot)
    writeRow(writer, rows, i, columns, this.#fields)
    heads[slot] = at
    index?.add(slot, rows.timeMs[i]!, rows.timeNs[i]!, at)
  }

  /** Whether one of the events held of a slot has this event time; needs the index. */
  holds(slot: number, timeMs: number, timeNs: number): boolean {
    const isIn = (generation: Generation | null): boolean =>
      generation !== null && generation.index!.has(slot, timeMs, timeNs, generation)
    return isIn(this.#growing) || isIn(this.#storing)
  }

  /** Everything held is going to be stored: a checkpoint begins. */
  beginStoring(): void {
    this.#storing = this.#growing
    this.#growing = new Generation(this.#isIndexed)
    this.#growing.growSlots(this.#slots)
  }

  /** It is stored. */
  endStoring(): void {
    this.#storing = null
  }

  /** What a checkpoint has to store of a slot, by tile. */
  chunksOf(slot: number): readonly Chunk[] {
    if (this.#storing === null) return []
    const { view, places } = this.#storing.rowsOf(slot)
    const byTile = new Map<number, number[]>()
    for (const at of places) {
      const tile = Math.floor(rowTimeMs(view, at) / this.tileMs)
      const inTile = byTile.get(tile)
      if (inTile === undefined) byTile.set(tile, [at])
      else inTile.push(at)
    }
    return [...byTile].map(([tile, inTile]) => ({ tile, bytes: joined(view, inTile) }))
  }

  /** Adds the events of a slot that lie in a range, in the order of their arrival. */
  collect(slot: number, range: TimeRange, rows: RowBatch): void {
    for (const generation of [this.#storing, this.#growing]) {
      if (generation === null) continue
      const { view, places } = generation.rowsOf(slot)
      for (const at of places) {
        if (isWithin(view, at, range)) readRow(view, at, rows, this.#fields)
      }
    }
  }

  /** Whether one of the events of a stored chunk has this event time. */
  isInStored(chunk: Uint8Array, timeMs: number, timeNs: number): boolean {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    for (let at = 0; at < chunk.length; at += rowBytes(view, at)) {
      if (rowTimeMs(view, at) === timeMs && rowTimeNs(view, at) === timeNs) return true
    }
    return false
  }

  /** Adds the events of a stored chunk that lie in a range. */
  collectStored(chunk: Uint8Array, range: TimeRange, rows: RowBatch): void {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    for (let at = 0; at < chunk.length; at += rowBytes(view, at)) {
      if (isWithin(view, at, range)) readRow(view, at, rows, this.#fields)
    }
  }
}

class Generation {
  readonly writer = new ByteWriter(arenaBytesInitial)
  /** Place of the newest row of a slot. */
  heads = new Int32Array(0)
  readonly index: TimeIndex | null

  constructor(isIndexed: boolean) {
    this.index = isIndexed ? new TimeIndex() : null
  }

  get bytes(): number {
    return this.writer.byteLength + (this.index?.bytes ?? 0)
  }

  /** Whether the row at a place is of a slot and has an event time. */
  isAt(at: number, slot: number, timeMs: number, timeNs: number): boolean {
    const view = this.#view
    return (
      view.getInt32(at + slotAt, true) === slot &&
      rowTimeMs(view, at + linkBytes) === timeMs &&
      rowTimeNs(view, at + linkBytes) === timeNs
    )
  }

  growSlots(capacity: number): void {
    const heads = new Int32Array(capacity).fill(none)
    heads.set(this.heads)
    this.heads = heads
  }

  /** The rows of a slot, the first to arrive first. */
  rowsOf(slot: number): { readonly view: DataView; readonly places: readonly number[] } {
    const view = this.#view
    const places: number[] = []
    for (let at = this.heads[slot]!; at !== none; at = view.getInt32(at, true)) {
      places.push(at + linkBytes)
    }
    return { view, places: places.reverse() }
  }

  get #view(): DataView {
    const bytes = this.writer.since(0)
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}

function isWithin(view: DataView, at: number, range: TimeRange): boolean {
  const ms = rowTimeMs(view, at)
  const { fromMs, toMs } = range
  if (ms < fromMs || ms > toMs) return false
  if (ms > fromMs && ms < toMs) return true
  const ns = rowTimeNs(view, at)
  return (ms > fromMs || ns > range.fromNs) && (ms < toMs || ns <= range.toNs)
}

function joined(view: DataView, places: readonly number[]): Uint8Array {
  const lengths = places.map((at) => rowBytes(view, at))
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0))
  let to = 0
  for (const [n, at] of places.entries()) {
    bytes.set(new Uint8Array(view.buffer, view.byteOffset + at, lengths[n]!), to)
    to += lengths[n]!
  }
  return bytes
}
