/**
 * What is asked of one view, as whoever makes a pass is told; plain data.
 */
import type { Field } from '../model/types.ts'

/** Features of one view of the route. */
export interface AskedView {
  /** Place in the catalog's views. */
  readonly view: number
  readonly features: readonly number[]
  /** The columns that hold them. */
  readonly columns: readonly Field[]
  /** The column of the spine with the newest event time of the view; null: at the clock. */
  readonly edge: string | null
  /** Events before this time do not count in the view, ms; null: each does. */
  readonly fromMs: number | null
}
