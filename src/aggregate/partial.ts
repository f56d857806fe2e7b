/**
 * The algebra of aggregation: what a partial aggregate is and what can be done with it.
 *
 * A partial is the summary of the values of one column over the events of one tile, small enough
 * for a few cells, and enough to answer for any union of tiles. Its laws, which
 * `test/aggregate/partials.test.ts` checks for every partial: `merge` is associative, `init` is its
 * identity, updating with several events equals merging the partials of each, in tile order.
 *
 * Null values never reach a partial's cells; `count` over the same column says how many did.
 */
import type { Column } from '../model/rows.ts'
import type { Cells } from './cells.ts'
import type { ValuePool } from './value-pool.ts'

/** Rows of a batch and the cells of the tiles they belong to. */
export interface TiledRows {
  /** The first row, and the one behind the last. */
  readonly from: number
  readonly to: number
  /** First cell of the tile of row `i`; of 0 nothing is read, and nothing is dropped. */
  readonly cellOf: Int32Array
  /** Event time of row `i`, ns after the start of its tile. */
  readonly offsetNs: Float64Array
  /** All columns of the view. */
  readonly columns: readonly Column[]
}

/** How what the pool holds for a cell is stored: plain msgpack. Part of the store's format. */
export interface PlaceCodec {
  /** What the encoder takes for what is at a place. */
  toStored(pool: ValuePool, place: number): unknown
  /** Puts back what was stored, as it was decoded; returns its place. */
  fromStored(pool: ValuePool, stored: unknown): number
  /** Gives back what the state at a place holds elsewhere in the pool, before its place goes. */
  drop?(pool: ValuePool, place: number): void
}

/** A cell that holds a place in the value pool. */
export interface ValueCell {
  /** Which of the partial's cells. */
  readonly cell: number
  readonly codec: PlaceCodec
}

export interface Partial {
  /** Number of cells. */
  readonly cells: number
  /** Those of them that hold places in the value pool; 0 is nothing. */
  readonly valueCells: readonly ValueCell[]
  /** Makes the identity: no event. */
  init(cells: Cells, at: number): void
  /** Adds row `i` to the partial at `rows.cellOf[i] + at`, for every row, nulls left out. */
  update(cells: Cells, at: number, rows: TiledRows, column: Column, pool: ValuePool): void
  /**
   * Merges the partial of a later tile into that of earlier ones, which `init` and `merge` alone
   * have made. Places in the pool are borrowed where they can be: `into` must not outlive `from`.
   */
  merge(into: Cells, at: number, from: Cells, fromAt: number, pool: ValuePool): void
  /**
   * Adds the partial of a tile to that of the wider tile which it lies in, and of which all events
   * are earlier. What it adds is for good: nothing in the pool is borrowed. Without it, the wider
   * tiles are told of every event (`folds.ts`).
   *
   * @param shiftNs  From the start of the wider tile to that of the other.
   */
  fold?(
    into: Cells,
    at: number,
    from: Cells,
    fromAt: number,
    shiftNs: number,
    pool: ValuePool,
  ): void
  /** Gives back what merging has put into the pool; to be called when the merged cells are read. */
  release?(cells: Cells, at: number, pool: ValuePool): void
}
