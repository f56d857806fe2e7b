/**
 * The offline log for whoever reads it in the place of a journal whose beginning is gone.
 */
import type { LogPart } from './list-parts.ts'
import type { OfflineState } from './state.ts'

export interface ReadableOfflineLog {
  readonly state: OfflineState
  /** The files that were there when, or after, that was its state. */
  readonly parts: readonly LogPart[]
}

/**
 * Journal position from which on the files have every event of a source that counted, up to what
 * is exported.
 *
 * @param journalStart  Where the journal begins: the files are to reach up to it.
 * @returns null when they do not, or when it is not known which events they have.
 */
export function wholeFrom(
  { state, parts }: ReadableOfflineLog,
  source: string,
  journalStart: number,
): number | null {
  const { exported, since, retiredTo, files, unreadable, gaps } = state
  const begun = since[source]
  if (begun === undefined || exported < journalStart) return null
  // Of what time an event was that could not be written is not told.
  if (unreadable > 0) return null
  // Somebody may have put files elsewhere.
  const found = parts.filter(({ to }) => to > retiredTo && to <= exported).length
  if (found < files) return null
  return Math.max(begun, retiredTo, ...gaps.map(({ to }) => to))
}
