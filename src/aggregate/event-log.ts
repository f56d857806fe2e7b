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
 * Bytes of a generation are an arena of `i32 previous, row`, where `previous` is the place of the
 * row before it of the same slot and tile, -1 for none. So a read looks at the events of the tiles
 * that it is about, however many there are of others.
 */
import type { Column, RowBatch } from '../model/rows.ts'
import type { Field } from '../model/types.ts'
import { ByteWriter } from './byte-writer.ts'
import type { ChunkPlan } from './layout.ts'
import { readRow, rowBytes, rowTimeMs, rowTimeNs, writeRow } from './row-codec.ts'
import { noRow, TileChains } from './tile-chains.ts'
import type { TimeRange } from './window.ts'

const linkBytes = 4
const arenaBytesInitial = 16 * 1024

/** Tiles that are looked up one by one; of more, those that a slot has are gone through. */
const lookupsMax = 16

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
  #growing = new Generation()
  /** Null while no checkpoint is in progress. */
  #storing: Generation | null = null
  #slots = 0

  /** @param fields  The columns of the view. */
  constructor(fields: readonly Field[], { tileMs, reachMs }: ChunkPlan) {
    this.#fields = fields
    this.tileMs = tileMs
    this.reachMs = reachMs
  }

  /** Bytes of the events held. */
  get bytes(): number {
    return this.#growing.bytes + (this.#storing?.bytes ?? 0)
  }

  growSlots(capacity: number): void {
    this.#slots = capacity
    this.#growing.chains.growSlots(capacity)
    this.#storing?.chains.growSlots(capacity)
  }

  /** The tile of the log that holds a moment. */
  tileOf(timeMs: number): number {
    return Math.floor(timeMs / this.tileMs)
  }

  /** Adds row `i` to the events of a slot. */
  append(slot: number, rows: RowBatch, i: number, columns: readonly Column[]): void {
    const { writer, chains } = this.#growing
    const at = writer.byteLength
    writer.i32(chains.push(slot, this.tileOf(rows.timeMs[i]!), at))
    writeRow(writer, rows, i, columns, this.#fields)
  }

  /** Whether one of the events held of a slot has this event time. */
  holds(slot: number, timeMs: number, timeNs: number): boolean {
    const tile = this.tileOf(timeMs)
    return this.#generations.some((generation) => {
      const { view, chains } = generation
      for (let at = chains.head(slot, tile); at !== noRow; at = view.getInt32(at, true)) {
        const row = at + linkBytes
        if (rowTimeMs(view, row) === timeMs && rowTimeNs(view, row) === timeNs) return true
      }
      return false
    })
  }

  /** Everything held is going to be stored: a checkpoint begins. */
  beginStoring(): void {
    this.#storing = this.#growing
    this.#growing = new Generation()
    this.#growing.chains.growSlots(this.#slots)
  }

  /** It is stored. */
  endStoring(): void {
    this.#storing = null
  }

  /** What a checkpoint has to store of a slot, by tile. */
  chunksOf(slot: number): readonly Chunk[] {
    const storing = this.#storing
    if (storing === null) return []
    const chunks: Chunk[] = []
    const { view } = storing
    storing.chains.forEachOf(slot, (tile, newest) => {
      chunks.push({ tile, bytes: joined(view, rowsFrom(view, newest)) })
    })
    return chunks
  }

  /** Adds the events of a slot that lie in a range, those of one tile in their order of arrival. */
  collect(slot: number, range: TimeRange, rows: RowBatch): void {
    const first = this.tileOf(range.fromMs)
    const last = this.tileOf(range.toMs)
    for (const { view, chains } of this.#generations) {
      const collectTile = (newest: number): void => {
        for (const at of rowsFrom(view, newest)) {
          if (isWithin(view, at, range)) readRow(view, at, rows, this.#fields)
        }
      }
      if (last - first < lookupsMax) {
        for (let tile = first; tile <= last; tile++) collectTile(chains.head(slot, tile))
      } else {
        chains.forEachOf(slot, (tile, newest) => {
          if (tile >= first && tile <= last) collectTile(newest)
        })
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

  /** The older first. */
  get #generations(): readonly Generation[] {
    return this.#storing === null ? [this.#growing] : [this.#storing, this.#growing]
  }
}

class Generation {
  readonly writer = new ByteWriter(arenaBytesInitial)
  readonly chains = new TileChains()

  get bytes(): number {
    return this.writer.byteLength + this.chains.bytes
  }

  /** The rows so far. */
  get view(): DataView {
    const bytes = this.writer.since(0)
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}

/** The rows of a chain, the first to arrive first. */
function rowsFrom(view: DataView, newest: number): readonly number[] {
  const places: number[] = []
  for (let at = newest; at !== noRow; at = view.getInt32(at, true)) places.push(at + linkBytes)
  return places.reverse()
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
