/**
 * The tiles of every key at one level.
 *
 * A key's tiles are a run: rows of one pool, in tile order, only those that hold events. A run lies
 * in a ring of neighbouring rows, a power of two of them: the newest tile takes the row behind the
 * one before, dropping old ones moves nothing, and only a run that fills its ring with tiles that
 * windows need moves to a larger one. So a key costs its non-empty tiles, the newest tile is found
 * at once, an older one by search, and a read walks memory in order.
 *
 * Row 0 is a sink: events that belong to no tile of the level are added there and never read, which
 * spares the update loops a test per event.
 */
import type { RowRange } from '../model/rows.ts'
import type { Cells } from './cells.ts'
import { horizonOf } from './lateness.ts'
import type { Level } from './layout.ts'
import { tileCell, type PlacedPartial } from './row-layout.ts'
import { RowRings } from './row-rings.ts'
import type { SlotRecords } from './slot-records.ts'
import type { ValuePool } from './value-pool.ts'

/** Bits of the class of a ring beside the number of its tiles, which are 2^26 at most. */
const classBits = 5
const classMask = 2 ** classBits - 1

export class TileRuns {
  readonly cells: Cells
  /**
   * Hears of a slot whose newest tile is about to be so no more, or to be dropped, and where
   * windows end at the earliest.
   */
  onPassed: ((slot: number, edgeMs: number) => void) | null = null
  readonly #level: Level
  readonly #stride: number
  readonly #pool: ValuePool
  /** The row of a tile without events. */
  readonly #empty: Float64Array
  /** Partials of which it holds integers that look like NaNs: a copy may rewrite their bits. */
  readonly #uncopied: readonly PlacedPartial[]
  /**
   * Two words of every slot's record: the row of the newest tile, 0 for none; and the number of
   * tiles with, in its lower bits, log2 of their ring.
   */
  readonly #records: SlotRecords
  readonly #recordWords: number
  readonly #recordAt: number
  readonly #rings: RowRings
  #tiles = 0
  #shifts = 0

  /** @param place  Of the level among those of the view. */
  constructor(level: Level, pool: ValuePool, records: SlotRecords, place: number) {
    this.#level = level
    this.#records = records
    this.#recordWords = records.words
    this.#recordAt = records.levelAt(place)
    this.#stride = level.stride
    this.#pool = pool
    this.#rings = new RowRings(level.stride)
    this.cells = this.#rings.cells
    // The sink is as any row is without events.
    for (const { partial, at } of level.partials) partial.init(this.cells, at)
    this.#empty = this.cells.f64.slice(0, level.stride)
    this.#uncopied = level.partials.filter(({ partial, at }) =>
      this.#empty.subarray(at, at + partial.cells).includes(NaN),
    )
  }

  /** Bytes of the rings in use. */
  get bytes(): number {
    return this.#rings.rowsUsed * this.#stride * 8
  }

  /** Tiles of all slots together. */
  get tiles(): number {
    return this.#tiles
  }

  /** Counts changes that moved rows which were there before: a row number is good until then. */
  get shifts(): number {
    return this.#shifts
  }

  /** Number of a slot's tiles. */
  rowCount(slot: number): number {
    return this.#records.i32[this.#placeOf(slot) + 1]! >>> classBits
  }

  /** The row of one of a slot's tiles, of which 0 is the oldest. */
  rowAt(slot: number, index: number): number {
    return this.#inRing(slot, this.#newestOf(slot) - (this.rowCount(slot) - 1 - index))
  }

  /** The rows of a slot as neighbours: at most twice some that follow one another. */
  segments(slot: number): readonly { readonly first: number; readonly rows: number }[] {
    const newest = this.#newestOf(slot)
    if (newest === 0) return []
    const first = this.rowAt(slot, 0)
    if (first <= newest) return [{ first, rows: newest + 1 - first }]
    const ring = this.#ringOf(slot)
    return [
      { first, rows: ring + (1 << this.#classOf(slot)) - first },
      { first: ring, rows: newest + 1 - ring },
    ]
  }

  /** Reads the rows of the newest tiles of slots; see `#readAhead` in `view-state.ts`. */
  readAhead(slots: Int32Array, from: number, to: number): number {
    const { i32 } = this.#records
    const words = this.#recordWords
    const recordAt = this.#recordAt
    const { f64 } = this.cells
    const stride = this.#stride
    let read = 0
    for (let i = from; i < to; i++) {
      const at = i32[slots[i]! * words + recordAt]! * stride
      read += f64[at]! + f64[at + stride - 1]!
    }
    return read
  }

  /**
   * The first cells of the rows of tiles, as {@link row} finds or makes them; mostly a tile is the
   * newest of its slot.
   *
   * @param tiles  By row of the batch, as `slots` and `cellOf` are. Slot 0 has cell 0, and so has
   *   NaN, a tile that no window needs; the slot's newest is dropped if none needs that, either.
   * @param edgeMs  As in {@link row}.
   * @returns whether a tile was not the newest of its slot.
   */
  cellsOf(
    slots: Int32Array,
    tiles: Float64Array,
    { from, to }: RowRange,
    edgeMs: number,
    cellOf: Int32Array,
  ): boolean {
    const { i32 } = this.#records
    const words = this.#recordWords
    const recordAt = this.#recordAt
    const stride = this.#stride
    let { f64 } = this.cells
    let isAnyOther = false
    for (let i = from; i < to; i++) {
      const slot = slots[i]!
      const tile = tiles[i]!
      const newest = i32[slot * words + recordAt]!
      const cell = newest * stride
      if (newest !== 0 && f64[cell + tileCell] === tile) cellOf[i] = cell
      else if (slot === 0) cellOf[i] = 0
      else {
        isAnyOther = true
        if (Number.isNaN(tile)) {
          // It may be later than the newest tile, which has to be passed on before it is.
          if (this.onPassed !== null) this.dropExpired(slot, edgeMs)
          cellOf[i] = 0
        } else cellOf[i] = this.row(slot, tile, edgeMs) * stride
        f64 = this.cells.f64
      }
    }
    return isAnyOther
  }

  /** The row of a slot's newest tile, 0 without any. */
  newestRow(slot: number): number {
    return this.#newestOf(slot)
  }

  /**
   * The row of a slot's tile, made if it is not there.
   *
   * @param edgeMs  Where windows end, at the earliest: what none of them needs may be dropped.
   */
  row(slot: number, tile: number, edgeMs: number): number {
    const newest = this.#newestOf(slot)
    if (newest === 0) return this.#begin(slot, tile)
    const newestTile = this.cells.f64[newest * this.#stride + tileCell]!
    if (tile === newestTile) return newest
    if (tile > newestTile) {
      this.onPassed?.(slot, edgeMs)
      return this.#append(slot, tile, edgeMs)
    }
    const index = this.lowerBound(slot, tile)
    if (this.#tileAt(slot, index) === tile) return this.rowAt(slot, index)
    return this.#insert(slot, tile, edgeMs)
  }

  /** Whether a slot has a tile. */
  has(slot: number, tile: number): boolean {
    const at = this.lowerBound(slot, tile)
    return at < this.rowCount(slot) && this.#tileAt(slot, at) === tile
  }

  /** Empties a row; its tile stays. */
  clear(row: number): void {
    this.#releaseValues(row)
    this.#init(row, this.cells.f64[row * this.#stride + tileCell]!)
  }

  /** Number of the slot's tiles before `tile`. */
  lowerBound(slot: number, tile: number): number {
    let high = this.rowCount(slot)
    let low = high - 1
    // Mostly it is one of the newest.
    for (let step = 1; low >= 0 && this.#tileAt(slot, low) >= tile; step *= 2) {
      high = low
      low -= step
    }
    low = Math.max(low, 0)
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#tileAt(slot, middle) < tile) low = middle + 1
      else high = middle
    }
    return low
  }

  /**
   * Gives neighbouring rows to a slot that has none; their cells are to be filled by the caller.
   *
   * @returns the first of them.
   */
  load(slot: number, rows: number): number {
    if (rows === 0) return 0
    return this.#settle(slot, 32 - Math.clz32(rows - 1), rows)
  }

  /** Drops the tiles that no window needs which ends at an edge or later. */
  dropExpired(slot: number, edgeMs: number): void {
    const horizon = horizonOf(this.#level, edgeMs)
    const newest = this.#newestOf(slot)
    const isLast = newest !== 0 && this.cells.f64[newest * this.#stride + tileCell]! < horizon
    if (isLast) this.onPassed?.(slot, edgeMs)
    this.#drop(slot, horizon)
  }

  #drop(slot: number, horizon: number): void {
    const length = this.rowCount(slot)
    const dropped = this.lowerBound(slot, horizon)
    // What nobody has looked at for long is not in the caches: mostly there is no need to look.
    if (this.#pool.count > 0) {
      for (let n = 0; n < dropped; n++) this.#releaseValues(this.rowAt(slot, n))
    }
    if (dropped < length) this.#setRun(slot, this.#newestOf(slot), length - dropped)
    else if (length > 0) this.#release(slot)
  }

  remove(slot: number): void {
    this.#drop(slot, Infinity)
  }

  #placeOf(slot: number): number {
    return slot * this.#recordWords + this.#recordAt
  }

  #newestOf(slot: number): number {
    return this.#records.i32[this.#placeOf(slot)]!
  }

  #classOf(slot: number): number {
    return this.#records.i32[this.#placeOf(slot) + 1]! & classMask
  }

  #setRun(slot: number, newest: number, length: number, sizeClass = this.#classOf(slot)): void {
    const at = this.#placeOf(slot)
    this.#tiles += length - this.rowCount(slot)
    this.#records.i32[at] = newest
    this.#records.i32[at + 1] = (length << classBits) | sizeClass
  }

  #begin(slot: number, tile: number): number {
    return this.#init(this.#settle(slot, 0, 1), tile)
  }

  /** Makes the row of a tile that is newer than all others. */
  #append(slot: number, tile: number, edgeMs: number): number {
    if (this.#isFull(slot)) {
      this.#makeRoom(slot, horizonOf(this.#level, edgeMs))
      if (this.rowCount(slot) === 0) return this.#begin(slot, tile)
    }
    const row = this.#inRing(slot, this.#newestOf(slot) + 1)
    this.#setRun(slot, row, this.rowCount(slot) + 1)
    return this.#init(row, tile)
  }

  /** Makes the row of a tile that is older than another. */
  #insert(slot: number, tile: number, edgeMs: number): number {
    if (this.#isFull(slot)) {
      this.#makeRoom(slot, Math.min(horizonOf(this.#level, edgeMs), tile))
    }
    const row = this.#makeGap(slot, this.lowerBound(slot, tile))
    const newest = this.#inRing(slot, this.#newestOf(slot) + 1)
    this.#setRun(slot, newest, this.rowCount(slot) + 1)
    return this.#init(row, tile)
  }

  #tileAt(slot: number, index: number): number {
    return this.cells.f64[this.rowAt(slot, index) * this.#stride + tileCell]!
  }

  #isFull(slot: number): boolean {
    return this.rowCount(slot) === 1 << this.#classOf(slot)
  }

  /** The first row of a slot's ring, which is a multiple of its size. */
  #ringOf(slot: number): number {
    return this.#newestOf(slot) & (-1 << this.#classOf(slot))
  }

  /** Where a row is that is counted on beyond an end of the ring. */
  #inRing(slot: number, row: number): number {
    const mask = (1 << this.#classOf(slot)) - 1
    return (this.#newestOf(slot) & ~mask) | (row & mask)
  }

  /** Drops the tiles before `horizon` or, when there are none, moves a run to a larger ring. */
  #makeRoom(slot: number, horizon: number): void {
    const length = this.rowCount(slot)
    this.#drop(slot, horizon)
    if (this.rowCount(slot) < length) return
    const segments = this.segments(slot)
    const ring = this.#ringOf(slot)
    const sizeClass = this.#classOf(slot)
    let to = this.#settle(slot, sizeClass + 1, length)
    for (const { first, rows } of segments) {
      this.#move(first, to, rows)
      to += rows
    }
    this.#rings.give(ring, sizeClass)
    this.#shifts += 1
  }

  /** Moves the tiles from one on by a row; returns the row that is free then. */
  #makeGap(slot: number, index: number): number {
    const from = this.rowAt(slot, index)
    const newest = this.#newestOf(slot)
    const ring = this.#ringOf(slot)
    const last = ring + (1 << this.#classOf(slot)) - 1
    if (from <= newest && newest < last) this.#move(from, from + 1, newest + 1 - from)
    else {
      if (newest < from) this.#move(ring, ring + 1, newest + 1 - ring)
      this.#move(last, ring, 1)
      this.#move(from, from + 1, last - from)
    }
    this.#shifts += 1
    return from
  }

  /** Makes a row that of a tile without events; returns the row. */
  #init(row: number, tile: number): number {
    const { f64 } = this.cells
    const empty = this.#empty
    const at = row * this.#stride
    for (let cell = 0; cell < empty.length; cell++) f64[at + cell] = empty[cell]!
    const uncopied = this.#uncopied
    for (let i = 0; i < uncopied.length; i++) {
      uncopied[i]!.partial.init(this.cells, at + uncopied[i]!.at)
    }
    f64[at + tileCell] = tile
    return row
  }

  #move(from: number, to: number, rows: number): void {
    const words = this.#stride * 2
    this.cells.low.copyWithin(to * words, from * words, (from + rows) * words)
  }

  /** Gives back what the pool holds for a row. */
  #releaseValues(row: number): void {
    const { valueCells, valueCodecs } = this.#level
    for (let i = 0; i < valueCells.length; i++) {
      const place = this.cells.f64[row * this.#stride + valueCells[i]!]!
      if (place === 0) continue
      valueCodecs[i]!.drop?.(this.#pool, place)
      this.#pool.release(place)
    }
  }

  /** Gives a slot a ring of which the first rows are in use; returns its first row. */
  #settle(slot: number, sizeClass: number, rows: number): number {
    const ring = this.#rings.take(sizeClass)
    this.#setRun(slot, ring + rows - 1, rows, sizeClass)
    return ring
  }

  #release(slot: number): void {
    this.#rings.give(this.#ringOf(slot), this.#classOf(slot))
    this.#setRun(slot, 0, 0)
  }
}
