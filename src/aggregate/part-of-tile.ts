/**
 * A part of a tile, for the edges of continuous windows: the same partials, from the events.
 */
import { Cells } from './cells.ts'
import type { Level } from './layout.ts'
import { eventsCell, tileCell, type WindowGroup } from './row-layout.ts'
import type { LevelState } from './slot-codec.ts'
import type { ValuePool } from './value-pool.ts'
import type { ViewState } from './view-state.ts'
import type { TimeRange } from './window.ts'

/** Whether a slot has events in the tile that a range is part of. */
export function hasTile({ level, runs }: LevelState, slot: number, { toMs }: TimeRange): boolean {
  const tile = Math.floor(toMs / level.widthMs)
  const at = runs.lowerBound(slot, tile)
  if (at === runs.rowCount(slot)) return false
  return runs.cells.f64[(runs.firstRow(slot) + at) * level.stride + tileCell] === tile
}

/** The partials of some of a tile's events, computed from the events. */
export class PartOfTile {
  readonly cells: Cells
  /** Its first cell: 0 is where nothing is added. */
  readonly cell: number
  readonly #pool: ValuePool
  readonly #group: WindowGroup

  constructor(
    state: ViewState,
    { widthMs, stride }: Level,
    group: WindowGroup,
    slot: number,
    range: TimeRange,
  ) {
    this.#pool = state.pool
    this.#group = group
    this.cell = stride
    this.cells = new Cells(2 * stride)
    for (const { partial, at } of group.partials) partial.init(this.cells, this.cell + at)
    const rows = state.eventsOf(slot, range)
    const { count, timeMs, timeNs } = rows
    const startMs = Math.floor(range.toMs / widthMs) * widthMs
    const offsetNs = new Float64Array(count)
    for (let i = 0; i < count; i++) offsetNs[i] = (timeMs[i]! - startMs) * 1e6 + timeNs[i]!
    const { columns } = rows
    const cellOf = new Int32Array(count).fill(this.cell)
    const tiled = { count, cellOf, offsetNs, columns }
    this.cells.f64[this.cell + eventsCell] = count
    for (const { partial, column, at } of group.partials) {
      partial.update(this.cells, at, tiled, rows.columns[column]!, state.pool)
    }
  }

  /** Gives back what the pool holds for it. */
  release(): void {
    for (const { partial, at } of this.#group.partials) {
      for (const { cell, codec } of partial.valueCells) {
        const place = this.cells.f64[this.cell + at + cell]!
        if (place === 0) continue
        codec.drop?.(this.#pool, place)
        this.#pool.release(place)
      }
    }
  }
}
