/**
 * The tiles of every key at one level.
 *
 * A key's tiles are a run: neighbouring rows of one pool, in tile order, only those that hold
 * events. A run has room for a power of two of rows and moves to a larger place when it is full,
 * after dropping the rows that no window needs any more. So a key costs its non-empty tiles, the
 * newest tile is found at once, an older one by binary search, and a read walks memory in order.
 *
 * Row 0 is a sink: events that belong to no tile of the level are added there and never read, which
 * spares the update loops a test per event.
 */
import { grownCapacity } from './capacity.ts'
import { Cells } from './cells.ts'
import type { Level } from './layout.ts'
import { eventsCell, tileCell } from './row-layout.ts'
import type { ValuePool } from './value-pool.ts'

const rowsInitial = 256

export class TileRuns {
  readonly cells: Cells
  readonly #level: Level
  readonly #stride: number
  readonly #pool: ValuePool
  /** Per slot: the first row of the run, its rows in use, and log2 of its room. */
  #starts = new Int32Array(0)
  #lengths = new Int32Array(0)
  #classes = new Uint8Array(0)
  #rows = rowsInitial
  /** Row 0 is the sink. */
  #rowsEnd = 1
  /** The last run freed, by log2 of its room; 0 for none. Its first cell says which was before. */
  readonly #free = new Int32Array(32)
  #rowsUsed = 0
  #shifts = 0

  constructor(level: Level, pool: ValuePool) {
    this.#level = level
    this.#stride = level.stride
    this.#pool = pool
    this.cells = new Cells(rowsInitial * level.stride)
    this.#init(0, 0)
  }

  /** Bytes of the runs in use. */
  get bytes(): number {
    return this.#rowsUsed * this.#stride * 8
  }

  /** Counts changes that moved rows which were there before: a row number is good until then. */
  get shifts(): number {
    return this.#shifts
  }

  growSlots(capacity: number): void {
    const starts = new Int32Array(capacity)
    const lengths = new Int32Array(capacity)
    const classes = new Uint8Array(capacity)
    starts.set(this.#starts)
    lengths.set(this.#lengths)
    classes.set(this.#classes)
    this.#starts = starts
    this.#lengths = lengths
    this.#classes = classes
  }

  firstRow(slot: number): number {
    return this.#starts[slot]!
  }

  rowCount(slot: number): number {
    return this.#lengths[slot]!
  }

  /** The row of a slot's tile, made if it is not there; tiles before `horizon` may be dropped. */
  row(slot: number, tile: number, horizon: number): number {
    const length = this.#lengths[slot]!
    if (length > 0) {
      const last = this.#starts[slot]! + length - 1
      const lastTile = this.cells.f64[last * this.#stride + tileCell]!
      if (lastTile === tile) return last
      if (tile < lastTile) {
        const at = this.lowerBound(slot, tile)
        const row = this.#starts[slot]! + at
        if (this.cells.f64[row * this.#stride + tileCell] === tile) return row
      }
    }
    return this.#insert(slot, tile, horizon)
  }

  /** Number of the slot's tiles before `tile`. */
  lowerBound(slot: number, tile: number): number {
    const start = this.#starts[slot]!
    const { f64 } = this.cells
    let low = 0
    let high = this.#lengths[slot]!
    while (low < high) {
      const middle = (low + high) >>> 1
      if (f64[(start + middle) * this.#stride + tileCell]! < tile) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Appends empty rows to a slot that has none; their cells are to be filled by the caller. */
  load(slot: number, rows: number): number {
    if (rows === 0) return 0
    this.#classes[slot] = 32 - Math.clz32(rows - 1)
    this.#starts[slot] = this.#take(this.#classes[slot]!)
    this.#lengths[slot] = rows
    return this.#starts[slot]!
  }

  /** Drops the tiles before `horizon`. */
  dropBefore(slot: number, horizon: number): void {
    const dropped = this.lowerBound(slot, horizon)
    if (dropped === 0) return
    const length = this.#lengths[slot]!
    const start = this.#starts[slot]!
    for (let row = start; row < start + dropped; row++) this.#releaseValues(row)
    if (dropped === length) {
      this.#release(slot)
      return
    }
    this.#move(start + dropped, start, length - dropped)
    this.#lengths[slot] = length - dropped
    this.#shifts += 1
  }

  remove(slot: number): void {
    const start = this.#starts[slot]!
    for (let row = start; row < start + this.#lengths[slot]!; row++) this.#releaseValues(row)
    if (this.#lengths[slot]! > 0) this.#release(slot)
  }

  #insert(slot: number, tile: number, horizon: number): number {
    if (this.#lengths[slot]! > 0 && this.#lengths[slot] === 1 << this.#classes[slot]!) {
      this.dropBefore(slot, Math.min(horizon, tile))
    }
    const length = this.#lengths[slot]!
    if (length === 0) {
      this.#classes[slot] = 0
      this.#starts[slot] = this.#take(0)
      this.#lengths[slot] = 1
      this.#init(this.#starts[slot]!, tile)
      return this.#starts[slot]!
    }
    if (length === 1 << this.#classes[slot]!) {
      const larger = this.#take(this.#classes[slot]! + 1)
      this.#move(this.#starts[slot]!, larger, length)
      this.#give(this.#starts[slot]!, this.#classes[slot]!)
      this.#starts[slot] = larger
      this.#classes[slot]! += 1
      this.#shifts += 1
    }
    let row = this.#starts[slot]! + length
    // Mostly it is the newest, which moves nothing.
    if (tile < this.cells.f64[(row - 1) * this.#stride + tileCell]!) {
      const at = this.lowerBound(slot, tile)
      row = this.#starts[slot]! + at
      this.#move(row, row + 1, length - at)
      this.#shifts += 1
    }
    this.#lengths[slot] = length + 1
    this.#init(row, tile)
    return row
  }

  #init(row: number, tile: number): void {
    const at = row * this.#stride
    this.cells.f64[at + tileCell] = tile
    this.cells.f64[at + eventsCell] = 0
    for (const { partial, at: cell } of this.#level.partials) partial.init(this.cells, at + cell)
  }

  #move(from: number, to: number, rows: number): void {
    const words = this.#stride * 2
    this.cells.low.copyWithin(to * words, from * words, (from + rows) * words)
  }

  #releaseValues(row: number): void {
    const { valueCells, valueCodecs } = this.#level
    for (let i = 0; i < valueCells.length; i++) {
      const place = this.cells.f64[row * this.#stride + valueCells[i]!]!
      if (place === 0) continue
      valueCodecs[i]!.drop?.(this.#pool, place)
      this.#pool.release(place)
    }
  }

  #release(slot: number): void {
    this.#give(this.#starts[slot]!, this.#classes[slot]!)
    this.#lengths[slot] = 0
  }

  #take(sizeClass: number): number {
    this.#rowsUsed += 1 << sizeClass
    const free = this.#free[sizeClass]!
    if (free !== 0) {
      this.#free[sizeClass] = this.cells.f64[free * this.#stride]!
      return free
    }
    const start = this.#rowsEnd
    this.#rowsEnd += 1 << sizeClass
    if (this.#rowsEnd > this.#rows) {
      this.#rows = Math.max(grownCapacity(this.#rows), this.#rowsEnd)
      this.cells.grow(this.#rows * this.#stride)
    }
    return start
  }

  #give(start: number, sizeClass: number): void {
    this.#rowsUsed -= 1 << sizeClass
    this.cells.f64[start * this.#stride] = this.#free[sizeClass]!
    this.#free[sizeClass] = start
  }
}
