/**
 * The offline log in the place of a journal whose beginning is gone: from which position on it has
 * every event of a source that counted.
 */
import type { LogPart } from '../export/list-parts.ts'
import { wholeFrom, type ReadableOfflineLog } from '../export/readable-log.ts'
import type { ReplayedBatch } from '../journal/replay.ts'
import type { Catalog, Source } from '../model/catalog.ts'
import type { EventInHand } from '../model/pulse.ts'

/** What there is of the time before the journal. */
export interface LoggedPast {
  /** The files of the offline log. */
  readonly parts: readonly LogPart[]
  /** Where the journal begins: events of later batches are read there. */
  readonly journalStart: number
  /** By place of the source: position up to which its events may be gone. */
  readonly lostTo: readonly number[]
}

/** A batch of the journal, or those of its events that the offline log has. */
export interface CountedBatch extends ReplayedBatch {
  /** Of events of the offline log, the sequence of each; null for the journal's. */
  readonly sequences: readonly number[] | null
}

/** What decides how far back events are known. */
interface PastFacts {
  readonly journalStart: number
  readonly quarantined: readonly EventInHand[]
}

/** @param logged  Null when there is no offline log. */
export function loggedPast(
  { sources }: Catalog,
  logged: ReadableOfflineLog | null,
  facts: PastFacts,
): LoggedPast {
  const { journalStart } = facts
  const lostTo = sources.map((source) =>
    logged === null ? journalStart : lostToOf(source, logged, facts),
  )
  return { parts: logged?.parts ?? [], journalStart, lostTo }
}

function lostToOf(
  { name, routes }: Source,
  logged: ReadableOfflineLog,
  { journalStart, quarantined }: PastFacts,
): number {
  const whole = wholeFrom(logged, name, journalStart) ?? journalStart
  // An event that one view skips may be there for another, and which it is, is not told there.
  const skipped = quarantined.filter(({ route, position }) => {
    return routes.includes(route) && position <= journalStart
  })
  const positions = skipped.map(({ position }) => position)
  return Math.min(journalStart, Math.max(whole, ...positions))
}
