/**
 * Rows whose slots are known → the partials of their tiles, level by level.
 *
 * For all rows of a step at a time: find the tiles, then one tight loop per partial. What is kept
 * between the two stands in arrays that are as long as the most rows there ever were.
 */
import type { Column, RowBatch, RowRange } from '../model/rows.ts'
import { horizonOf } from './lateness.ts'
import { eventsCell } from './row-layout.ts'
import type { LevelState } from './slot-codec.ts'
import type { ValuePool } from './value-pool.ts'

/** Rows with the slot of each, 0 for those that change nothing. */
export interface LocatedRows {
  readonly rows: RowBatch
  readonly columns: readonly Column[]
  readonly range: RowRange
  readonly slots: Int32Array
}

export class TileUpdates {
  readonly #pool: ValuePool
  #cellOf = new Int32Array(0)
  #offsetNs = new Float64Array(0)
  #tiles = new Float64Array(0)

  constructor(pool: ValuePool) {
    this.#pool = pool
  }

  /** Makes room for so many rows. */
  grow(rows: number): void {
    if (rows <= this.#cellOf.length) return
    this.#cellOf = new Int32Array(rows * 2)
    this.#offsetNs = new Float64Array(rows * 2)
    this.#tiles = new Float64Array(rows * 2)
  }

  /** Finds the tiles of rows at one level and updates their partials; older tiles are dropped. */
  update(state: LevelState, located: LocatedRows, earliestEdgeMs: number): void {
    const { level, runs } = state
    const { columns, range } = located
    const { from, to } = range
    const horizon = horizonOf(level, earliestEdgeMs)
    const shifts = runs.shifts
    this.#findTiles(state, located, horizon)
    // Rows found before others moved are found again; by then every tile is there.
    if (runs.shifts !== shifts) this.#findTiles(state, located, horizon)
    const cellOf = this.#cellOf
    const { cells } = runs
    for (let i = from; i < to; i++) cells.f64[cellOf[i]! + eventsCell]! += 1
    const tiled = { from, to, cellOf, offsetNs: this.#offsetNs, columns }
    for (const { partial, column, at } of level.partials) {
      partial.update(cells, at, tiled, columns[column]!, this.#pool)
    }
  }

  #findTiles({ level, runs }: LevelState, { rows, range, slots }: LocatedRows, horizon: number) {
    const { timeMs, timeNs } = rows
    const { from, to } = range
    const { widthMs, startMs } = level
    const tiles = this.#tiles
    const offsetNs = this.#offsetNs
    for (let i = from; i < to; i++) {
      const time = timeMs[i]!
      const tile = Math.floor(time / widthMs)
      tiles[i] = tile >= horizon && time >= startMs ? tile : Number.NaN
      offsetNs[i] = (time - tile * widthMs) * 1e6 + timeNs[i]!
    }
    runs.cellsOf(slots, tiles, range, horizon, this.#cellOf)
  }
}
