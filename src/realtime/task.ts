/**
 * What a thread of realtime views does: computes the rows that it is given, one after the other.
 *
 * A thread does nothing else and owns nothing, so it can be ended at any moment: the next one
 * begins where this one did. Thread: of realtime views.
 */
import type { Catalog } from '../model/catalog.ts'
import type { RealtimeOutcome } from '../model/contracts.ts'
import type { Value } from '../model/types.ts'
import { createRealtimeFunction } from '../validate/realtime-function.ts'

/** What is posted to a thread. */
export interface RealtimeTask {
  /** Module that exports the definitions, as a `file:` URL. */
  readonly definitionsUrl: string
  /** Place in `Catalog.realtimeViews`. */
  readonly view: number
  /** As `RealtimeRunner` has them; none only loads the definitions. */
  readonly rows: readonly (readonly Value[])[]
}

/** Computes the rows of a view. */
export type RealtimeComputer = (
  view: number,
  rows: RealtimeTask['rows'],
) => readonly RealtimeOutcome[]

export function createRealtimeComputer(catalog: Catalog): RealtimeComputer {
  const functions = catalog.realtimeViews.map((view) => createRealtimeFunction(catalog, view))
  return (view, rows) => rows.map((values) => functions[view]!(values))
}
