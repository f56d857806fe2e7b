/**
 * Where the history of a view ends and its stream begins.
 *
 * A source may have a batch source that holds its history. Then each of its views has a boundary,
 * an event time: events before it count when a backfill brings them, later ones when producers push
 * them. So no event counts twice, whatever both of them hold.
 */
import type { Catalog } from './catalog.ts'

export interface ViewHistory {
  /** Event times before it are of the history, from it on of the stream; ms. */
  readonly boundaryMs: number
  /** Where the history begins, event time, ms; null for the first row of the batch source. */
  readonly fromMs: number | null
  /** The backfill that brings the history; 0 before one has begun. */
  readonly backfill: number
}

/**
 * The definitions as rows of batch sources meet them: these have the fields of the source already,
 * and no post-processor of the stream is run on them.
 */
export function catalogOfHistory(catalog: Catalog): Catalog {
  const sources = catalog.sources.map(({ input: _input, ...source }) => source)
  return { ...catalog, sources }
}
