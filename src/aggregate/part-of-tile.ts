/**
 * A part of a tile, for the edges of continuous windows: the same partials, from the events.
 */
import { Cells } from './cells.ts'
import type { Level } from './layout.ts'
import type { WindowGroup } from './row-layout.ts'
import type { LevelState } from './level-state.ts'
import { addEvents } from './tile-of-events.ts'
import type { ValuePool } from './value-pool.ts'
import type { ViewState } from './view-state.ts'
import type { TimeRange } from './window.ts'

/** Whether a slot has events in the tile that a range is part of. */
export function hasTile({ level, runs }: LevelState, slot: number, { toMs }: TimeRange): boolean {
  return runs.has(slot, Math.floor(toMs / level.widthMs))
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
    const tile = Math.floor(range.toMs / widthMs)
    const events = state.eventsOf(slot, range)
    const { lastWriteWins } = state.view
    const part = { tile, widthMs, events, lastWriteWins }
    addEvents(this.cells, this.cell, group.partials, part, state.pool)
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
