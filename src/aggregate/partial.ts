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

/** The rows of a batch and the cells of the tiles they belong to. */
export interface TiledRows {
  readonly count: number
  /** First cell of the tile of row `i`. */
  readonly cellOf: Int32Array
  /** Event time of row `i`, ns after the start of its tile. */
  readonly offsetNs: Float64Array
}

export interface Partial {
  /** Number of cells. */
  readonly cells: number
  /** Those of them that hold places in the value pool. */
  readonly valueCells: readonly number[]
  /** Makes the identity: no event. */
  init(cells: Cells, at: number): void
  /** Adds row `i` to the partial at `rows.cellOf[i] + at`, for every row, nulls left out. */
  update(cells: Cells, at: number, rows: TiledRows, column: Column, pool: ValuePool): void
  /**
   * Merges the partial of a later tile into that of earlier ones. Places in the pool are borrowed,
   * not copied: `into` must not outlive `from`.
   */
  merge(into: Cells, at: number, from: Cells, fromAt: number, pool: ValuePool): void
}
