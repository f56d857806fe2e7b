/**
 * Events that take the place of earlier ones of the same key and event time.
 *
 * What a tile has counted cannot be taken out of it again, of a maximum for one. So when an event
 * comes whose time its key has had before, the tiles that hold this time are counted once more from
 * their events. The events of most streams come in the order of their times, and are found to be
 * new by that alone; for one that is not in order, the log is asked for its moment.
 *
 * Cost: nothing for events in order; one look at a second of stored events for others; the events
 * of a tile at each level when one is replaced, once for all of a section.
 */
import type { RowBatch } from '../model/rows.ts'
import type { EventLog } from './event-log.ts'
import type { LevelState } from './level-state.ts'
import { horizonOf } from './lateness.ts'
import { addEvents } from './tile-of-events.ts'
import type { ValuePool } from './value-pool.ts'
import type { TimeRange } from './window.ts'

/** The last nanosecond of a millisecond. */
const lastNs = 999_999

/** What of a view's state they are about. */
export interface ReplacedState {
  readonly levels: readonly LevelState[]
  readonly pool: ValuePool
  readonly log: EventLog
  /** The events of a slot in a range of event times, in the order of their arrival. */
  readonly eventsOf: (slot: number, range: TimeRange) => RowBatch
  /** The stored events of the tile of the log that holds a moment. */
  readonly chunksAt: (slot: number, timeMs: number) => readonly Uint8Array[]
  /** Where windows end, at the earliest. */
  readonly edgeMs: () => number
}

export class Replacements {
  readonly #state: ReplacedState
  /** Slots and times of the replaced events of a section. */
  #slots: number[] = []
  #timesMs: number[] = []

  constructor(state: ReplacedState) {
    this.#state = state
  }

  /**
   * Whether an event has this time that came before; if so, it is replaced, and counted once more.
   * To be called before the new event is in the log.
   */
  isOne(slot: number, timeMs: number, timeNs: number): boolean {
    const { log } = this.#state
    if (!log.holds(slot, timeMs, timeNs) && !this.#isStored(slot, timeMs, timeNs)) return false
    this.#slots.push(slot)
    this.#timesMs.push(timeMs)
    return true
  }

  /** Counts the tiles of the replaced events once more. */
  recount(): void {
    if (this.#slots.length === 0) return
    const { levels, edgeMs } = this.#state
    for (const level of levels) this.#recountLevel(level, edgeMs())
    this.#slots = []
    this.#timesMs = []
  }

  #isStored(slot: number, timeMs: number, timeNs: number): boolean {
    const { levels, log, chunksAt, edgeMs } = this.#state
    const hasNoTile = levels.some((state) => {
      const { level, runs } = state
      const tile = Math.floor(timeMs / level.widthMs)
      return tile >= horizonOf(level, edgeMs()) && timeMs >= level.startMs && !runs.has(slot, tile)
    })
    if (hasNoTile) return false
    return chunksAt(slot, timeMs).some((chunk) => log.isInStored(chunk, timeMs, timeNs))
  }

  #recountLevel(state: LevelState, edgeMs: number): void {
    const { widthMs, startMs } = state.level
    const horizon = horizonOf(state.level, edgeMs)
    const done = new Map<number, Set<number>>()
    for (const [n, slot] of this.#slots.entries()) {
      const timeMs = this.#timesMs[n]!
      const tile = Math.floor(timeMs / widthMs)
      if (tile < horizon || timeMs < startMs) continue
      const tiles = done.get(slot) ?? new Set()
      done.set(slot, tiles.add(tile))
    }
    for (const [slot, tiles] of done) {
      for (const tile of tiles) this.#recountTile(state, slot, tile, edgeMs)
    }
  }

  #recountTile({ level, runs }: LevelState, slot: number, tile: number, edgeMs: number): void {
    const { widthMs, stride, startMs, partials } = level
    const fromMs = Math.max(tile * widthMs, startMs) - 1
    const range = { fromMs, fromNs: lastNs, toMs: (tile + 1) * widthMs - 1, toNs: lastNs }
    const events = this.#state.eventsOf(slot, range)
    const row = runs.row(slot, tile, edgeMs)
    runs.clear(row)
    const part = { tile, widthMs, events, lastWriteWins: true }
    addEvents(runs.cells, row * stride, partials, part, this.#state.pool)
  }
}
