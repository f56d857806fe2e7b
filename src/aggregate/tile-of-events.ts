/**
 * The partials of a tile, or of a part of one, from its events: what tiles spare everywhere else.
 */
import type { RowBatch } from '../model/rows.ts'
import type { Cells } from './cells.ts'
import { eventsCell, type PlacedPartial } from './row-layout.ts'
import type { ValuePool } from './value-pool.ts'

export interface TileOfEvents {
  readonly tile: number
  readonly widthMs: number
  /** Events of one key in one tile, in the order of their arrival. */
  readonly events: RowBatch
  /** Whether of events with equal times only the last counts. */
  readonly lastWriteWins: boolean
}

/** Adds events to the row of cells at `cell`, which holds none yet; 0 would be nowhere. */
export function addEvents(
  cells: Cells,
  cell: number,
  partials: readonly PlacedPartial[],
  { tile, widthMs, events, lastWriteWins }: TileOfEvents,
  pool: ValuePool,
): void {
  const { count, timeMs, timeNs, columns } = events
  const startMs = tile * widthMs
  const offsetNs = new Float64Array(count)
  for (let i = 0; i < count; i++) offsetNs[i] = (timeMs[i]! - startMs) * 1e6 + timeNs[i]!
  const cellOf = new Int32Array(count).fill(cell)
  cells.f64[cell + eventsCell] = lastWriteWins
    ? count - dropReplaced(events, offsetNs, cellOf)
    : count
  const tiled = { from: 0, to: count, cellOf, offsetNs, columns }
  for (const { partial, column, at } of partials) {
    partial.update(cells, at, tiled, columns[column]!, pool)
  }
}

/** Leaves out the rows of events that a later one has replaced; returns how many. */
function dropReplaced(
  { count, eventIndex }: RowBatch,
  offsetNs: Float64Array,
  cellOf: Int32Array,
): number {
  const last = new Map<number, number>()
  for (let i = 0; i < count; i++) last.set(offsetNs[i]!, eventIndex[i]!)
  let dropped = 0
  for (let i = 0; i < count; i++) {
    if (last.get(offsetNs[i]!) === eventIndex[i]) continue
    cellOf[i] = 0
    dropped += 1
  }
  return dropped
}
