/**
 * The state of one view in one shard: its keys, their tiles, and how events change them.
 *
 * Rows of one section come in, in journal order; afterwards every tile of a key holds exactly the
 * partials of the rows whose event time lies in it. Work is done a step at a time for all rows:
 * find the slots, find the tiles, then one tight loop per partial. Time is the event time of the
 * rows and the arrival time of their batch, never a clock, so a replay decides the same.
 *
 * Shard thread, no I/O but `load`, which brings in a key that is stored and not in memory.
 */
import type { View } from '../model/catalog.ts'
import { RowBatch, type Column } from '../model/rows.ts'
import { capacitySlack, grownCapacity } from './capacity.ts'
import { KeyTable } from './key-table.ts'
import { eventsCell, planLevels } from './layout.ts'
import { ParkedRows } from './parked.ts'
import { decodeSlot, newestMsOf, type LevelState } from './slot-codec.ts'
import { SlotMarks } from './slot-marks.ts'
import { TileRuns } from './tile-runs.ts'
import { ValuePool } from './value-pool.ts'

/** Brings in the stored form of a key, null when there is none. */
export type KeyLoader = (hash: number, key: Uint8Array) => Uint8Array | null

/** What a slot costs beside its key and tiles, bytes: times, marks, three numbers per level. */
const slotBytes = 13
const slotLevelBytes = 9

export class ViewState {
  readonly view: View
  readonly keys = new KeyTable()
  readonly pool = new ValuePool()
  readonly levels: readonly LevelState[]
  readonly parked = new ParkedRows()
  readonly marks: SlotMarks
  /** Event time of the newest event of a slot. */
  newestMs = new Float64Array(0)
  newestNs = new Int32Array(0)
  /** Event time of the newest event of the view in this shard; -Infinity before the first. */
  watermarkMs = -Infinity
  watermarkNs = 0
  /** The longest window. */
  readonly reachMs: number
  readonly #load: KeyLoader
  readonly #isWallClock: boolean
  #capacity = 0
  #slots = new Int32Array(0)
  #cellOf = new Int32Array(0)
  #offsetNs = new Float64Array(0)
  readonly #admitted: RowBatch

  constructor(view: View, options: { load: KeyLoader; capture: (slot: number) => void }) {
    this.view = view
    this.levels = planLevels(view).map((level) => ({
      level,
      runs: new TileRuns(level, this.pool),
    }))
    this.reachMs = Math.max(...view.features.map((feature) => feature.windowMs))
    this.marks = new SlotMarks(options.capture)
    this.#load = options.load
    this.#isWallClock = view.leadingEdge === 'wall-clock'
    this.#admitted = new RowBatch(view.columns)
    this.#growSlots(64)
  }

  /** Bytes of state in use, with their share of what the arrays have to spare. */
  get bytes(): number {
    let bytes = this.keys.bytes
    for (const { runs } of this.levels) bytes += runs.bytes
    bytes += this.keys.count * (slotBytes + slotLevelBytes * this.levels.length)
    return Math.ceil(bytes * capacitySlack) + this.pool.bytes + this.parked.bytes
  }

  /**
   * Applies the rows of one section.
   *
   * @param arrivalMs  When their batch arrived; never less than at the call before.
   * @returns the rows, ascending, that lie before every window and so changed nothing.
   */
  apply(rows: RowBatch, columns: readonly Column[], arrivalMs: number): readonly number[] {
    if (this.#isWallClock) this.admit(arrivalMs)
    return this.#applyRows(rows, columns, arrivalMs)
  }

  /** Applies the parked rows whose time has come. */
  admit(nowMs: number): void {
    if (!this.parked.isDue(nowMs)) return
    for (const row of this.parked.take(nowMs)) {
      const rows = this.#admitted
      rows.reset(row.key, 1)
      rows.count = 1
      rows.timeMs[0] = row.timeMs
      rows.timeNs[0] = row.timeNs
      rows.keyHash[0] = row.keyHash
      rows.keyStart[0] = 0
      rows.keyEnd[0] = row.key.length
      rows.columns.forEach((column, i) => column.set(0, row.values[i]!))
      // At its own time, when it was not late, however much later somebody looks.
      this.#applyRows(rows, rows.columns, row.timeMs + (row.timeNs > 0 ? 1 : 0))
    }
  }

  /** The slot of a key, brought into memory if it is stored; 0 if the key is not known. */
  slotOf(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slot = this.keys.find(hash, bytes, start, end)
    if (slot !== 0) return slot
    const stored = this.#load(hash, bytes.subarray(start, end))
    if (stored === null) return 0
    const loaded = this.#insert(hash, bytes, start, end)
    this.newestMs[loaded] = newestMsOf(stored)
    this.newestNs[loaded] = decodeSlot(stored, loaded, this.levels, this.pool)
    return loaded
  }

  /** Forgets a slot; its key must be stored, or not be wanted any more. */
  remove(slot: number): void {
    for (const { runs } of this.levels) runs.remove(slot)
    this.keys.remove(slot)
    this.marks.clear(slot)
  }

  /** First tile of a level that a window may still need at an edge, or later. */
  horizonOf(state: LevelState, edgeMs: number): number {
    return Math.floor((edgeMs - state.level.reachMs) / state.level.widthMs)
  }

  #applyRows(rows: RowBatch, columns: readonly Column[], arrivalMs: number): readonly number[] {
    this.#growRows(rows.count)
    const late = this.#locate(rows, columns, arrivalMs)
    const edgeMs = this.#isWallClock ? arrivalMs : this.watermarkMs
    for (const state of this.levels) this.#update(state, rows, columns, edgeMs)
    return late
  }

  /** Finds the slot of every row, 0 for the rows that are not applied now. */
  #locate(rows: RowBatch, columns: readonly Column[], arrivalMs: number): readonly number[] {
    const { count, timeMs, timeNs, keyHash, keyStart, keyEnd, bytes } = rows
    const slots = this.#slots
    const late: number[] = []
    for (let i = 0; i < count; i++) {
      const time = timeMs[i]!
      const ns = timeNs[i]!
      slots[i] = 0
      if (this.#isWallClock && time >= arrivalMs && (time > arrivalMs || ns > 0)) {
        this.parked.park(rows, i, columns)
        continue
      }
      if (time > this.watermarkMs || (time === this.watermarkMs && ns > this.watermarkNs)) {
        this.watermarkMs = time
        this.watermarkNs = ns
      }
      const edgeMs = this.#isWallClock ? arrivalMs : this.watermarkMs
      if (time < edgeMs - this.reachMs && this.#isLate(time, edgeMs)) {
        late.push(i)
        continue
      }
      let slot = this.slotOf(keyHash[i]!, bytes, keyStart[i]!, keyEnd[i]!)
      if (slot === 0) {
        slot = this.#insert(keyHash[i]!, bytes, keyStart[i]!, keyEnd[i]!)
        this.newestMs[slot] = -Infinity
      }
      this.marks.touch(slot)
      const newest = this.newestMs[slot]!
      if (time > newest || (time === newest && ns > this.newestNs[slot]!)) {
        this.newestMs[slot] = time
        this.newestNs[slot] = ns
      }
      slots[i] = slot
    }
    return late
  }

  #isLate(timeMs: number, edgeMs: number): boolean {
    return this.levels.every(
      (state) => Math.floor(timeMs / state.level.widthMs) < this.horizonOf(state, edgeMs),
    )
  }

  /** Finds the tile of every row at one level and updates its partials. */
  #update(state: LevelState, rows: RowBatch, columns: readonly Column[], edgeMs: number): void {
    const { level, runs } = state
    const horizon = this.horizonOf(state, edgeMs)
    const shifts = runs.shifts
    this.#findTiles(state, rows, horizon)
    // Rows found before others moved are found again; by then every tile is there.
    if (runs.shifts !== shifts) this.#findTiles(state, rows, horizon)
    const cellOf = this.#cellOf
    const { cells } = runs
    for (let i = 0; i < rows.count; i++) cells.f64[cellOf[i]! + eventsCell]! += 1
    const tiled = { count: rows.count, cellOf, offsetNs: this.#offsetNs }
    for (const { partial, column, at } of level.partials) {
      partial.update(cells, at, tiled, columns[column]!, this.pool)
    }
  }

  #findTiles({ level, runs }: LevelState, rows: RowBatch, horizon: number): void {
    const { count, timeMs, timeNs } = rows
    const { widthMs, stride } = level
    const slots = this.#slots
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      const tile = Math.floor(timeMs[i]! / widthMs)
      const isApplied = slot !== 0 && tile >= horizon
      this.#cellOf[i] = isApplied ? runs.row(slot, tile, horizon) * stride : 0
      this.#offsetNs[i] = (timeMs[i]! - tile * widthMs) * 1e6 + timeNs[i]!
    }
  }

  #insert(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slot = this.keys.insert(hash, bytes, start, end)
    if (slot >= this.#capacity) this.#growSlots(grownCapacity(this.#capacity))
    return slot
  }

  #growSlots(capacity: number): void {
    const newestMs = new Float64Array(capacity)
    const newestNs = new Int32Array(capacity)
    newestMs.set(this.newestMs)
    newestNs.set(this.newestNs)
    this.newestMs = newestMs
    this.newestNs = newestNs
    this.marks.grow(capacity)
    for (const { runs } of this.levels) runs.growSlots(capacity)
    this.#capacity = capacity
  }

  #growRows(rows: number): void {
    if (rows <= this.#slots.length) return
    this.#slots = new Int32Array(rows * 2)
    this.#cellOf = new Int32Array(rows * 2)
    this.#offsetNs = new Float64Array(rows * 2)
  }
}
