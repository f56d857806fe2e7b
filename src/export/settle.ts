/**
 * Where the offline log goes on after a start: what its state says, the journal that is there, and
 * the sources that are to be exported now.
 */
import { offlineFormat, type OfflineState } from './state.ts'

export interface SettleOffline {
  readonly journalId: string
  /** Where the journal begins and ends. */
  readonly journalStart: number
  readonly journalEnd: number
  /** The same of the ledger. */
  readonly ledgerStart: number
  readonly ledgerEnd: number
  /** Names of the sources with `offline: true`. */
  readonly sources: readonly string[]
}

/**
 * A source that was not exported before begins with the next event: of earlier ones it may not be
 * known any more which were duplicates. So does every source when the log is of another journal.
 *
 * @returns null when nothing is to be exported and nothing was.
 */
export function settleOffline(
  before: OfflineState | null,
  now: SettleOffline,
): OfflineState | null {
  const { journalId, journalEnd, ledgerEnd, sources } = now
  if (before === null && sources.length === 0) return null
  const isSame = before?.journalId === journalId && before.exported <= journalEnd
  const known = isSame ? before : null
  const since = Object.fromEntries(
    sources.map((name) => [name, known?.since[name] ?? journalEnd] as const),
  )
  const old = known !== null && Object.keys(known.since).length > 0 ? known : null
  const state: OfflineState = {
    format: offlineFormat,
    journalId,
    exported: old?.exported ?? journalEnd,
    planned: old?.planned ?? null,
    ledgerFrom: old?.ledgerFrom ?? ledgerEnd,
    since,
    rows: before?.rows ?? 0,
    unreadable: before?.unreadable ?? 0,
    gaps: before?.gaps ?? [],
    // Files of another journal are numbered by its positions.
    retiredTo: known?.retiredTo ?? Math.max(before?.retiredTo ?? 0, before?.exported ?? 0),
    files: known?.files ?? 0,
  }
  return sources.length === 0
    ? { ...state, exported: journalEnd, planned: null }
    : skipGone(state, now)
}

/** Goes on behind what is no longer there, and keeps in mind that it is missing. */
export function skipGone(
  state: OfflineState,
  now: Omit<SettleOffline, 'sources' | 'journalId'>,
): OfflineState {
  const { journalStart, journalEnd, ledgerStart, ledgerEnd } = now
  const isLedgerThere = state.ledgerFrom >= ledgerStart && state.ledgerFrom <= ledgerEnd
  if (isLedgerThere && state.exported >= journalStart) return state
  // Without the ledger it is not known which of the events were accepted.
  const to = isLedgerThere ? journalStart : journalEnd
  if (to <= state.exported) return { ...state, ledgerFrom: ledgerEnd }
  return {
    ...state,
    exported: to,
    planned: null,
    ledgerFrom: isLedgerThere ? state.ledgerFrom : ledgerEnd,
    gaps: [...state.gaps, { from: state.exported, to }],
  }
}
