/**
 * Rows whose slots are known → the partials of their tiles, level by level.
 *
 * For all rows of a step at a time: find the tiles, then one tight loop per partial. What is kept
 * between the two stands in arrays that are as long as the most rows there ever were.
 */
import type { Column, RowBatch, RowRange } from '../model/rows.ts'
import { horizonOf } from './lateness.ts'
import { eventsCell } from './row-layout.ts'
import type { LevelState } from './level-state.ts'
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
  /** Slots of the rows that the next level is told of. */
  #passed = new Int32Array(0)

  constructor(pool: ValuePool) {
    this.#pool = pool
  }

  /** Makes room for so many rows. */
  grow(rows: number): void {
    if (rows <= this.#cellOf.length) return
    this.#cellOf = new Int32Array(rows * 2)
    this.#offsetNs = new Float64Array(rows * 2)
    this.#tiles = new Float64Array(rows * 2)
    this.#passed = new Int32Array(rows * 2)
  }

  /** Finds the tiles of rows at each level and updates their partials; older tiles are dropped. */
  update(levels: readonly LevelState[], located: LocatedRows, earliestEdgeMs: number): void {
    let isAnyPassed = false
    for (const state of levels) {
      const isTold = state.below.length === 0
      if (!isTold && !isAnyPassed) continue
      const rows = isTold ? located : { ...located, slots: this.#passed }
      const isAnyOther = this.#updateLevel(state, rows, earliestEdgeMs)
      isAnyPassed = isAnyOther && state.runs.onPassed !== null && this.#findPassed(state, rows)
    }
  }

  /** Finds the rows that are not of the newest tiles of their slots: the next level is told. */
  #findPassed({ level, runs }: LevelState, { range: { from, to }, slots }: LocatedRows): boolean {
    const passed = this.#passed
    let isAny = false
    for (let i = from; i < to; i++) {
      const slot = slots[i]!
      const cell = this.#cellOf[i]!
      // The sink is nobody's newest tile.
      const isPassed = slot !== 0 && (cell === 0 || cell !== runs.newestRow(slot) * level.stride)
      passed[i] = isPassed ? slot : 0
      isAny ||= isPassed
    }
    return isAny
  }

  /** @returns whether one of the rows may not be of the newest tile of its slot. */
  #updateLevel(state: LevelState, located: LocatedRows, earliestEdgeMs: number): boolean {
    const { level, runs } = state
    const { columns, range } = located
    const { from, to } = range
    const shifts = runs.shifts
    const isAnyOther = this.#findTiles(state, located, earliestEdgeMs)
    // Rows found before others moved are found again; by then every tile is there.
    if (runs.shifts !== shifts) this.#findTiles(state, located, earliestEdgeMs)
    const cellOf = this.#cellOf
    const { cells } = runs
    for (let i = from; i < to; i++) cells.f64[cellOf[i]! + eventsCell]! += 1
    const tiled = { from, to, cellOf, offsetNs: this.#offsetNs, columns }
    for (const { partial, column, at } of level.partials) {
      partial.update(cells, at, tiled, columns[column]!, this.#pool)
    }
    return isAnyOther
  }

  #findTiles(
    { level, runs }: LevelState,
    { rows, range, slots }: LocatedRows,
    edgeMs: number,
  ): boolean {
    const horizon = horizonOf(level, edgeMs)
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
    return runs.cellsOf(slots, tiles, range, edgeMs, this.#cellOf)
  }
}
