/**
 * The work of an export process: part after part of the journal until it has caught up, then what
 * of the log is too old or too much goes.
 *
 * It may be ended at any moment; the next one finishes what it has begun.
 */
import { exportBytesMax } from '../base/limits.ts'
import type { LogExtent } from '../log/log.ts'
import type { Catalog } from '../model/catalog.ts'
import { exportRange } from './export-range.ts'
import { listParts } from './list-parts.ts'
import type { OfflineFiles } from './log-files.ts'
import { partsToRetire, retireParts, type OfflineRetention } from './retire-parts.ts'
import { writeOfflineState, type OfflineState } from './state.ts'

export interface ExportTask {
  /** Directory of the log. */
  readonly dir: string
  readonly state: OfflineState
  /** Journal position to which the log is to come: what was not counted until there is on disk. */
  readonly upTo: number
  readonly journal: LogExtent
  readonly ledger: LogExtent
  readonly retention: OfflineRetention
}

/** @param told  Hears of every change of the state, when it is on disk. */
export async function runExport(
  catalog: Catalog,
  task: ExportTask,
  files: OfflineFiles,
  told: (state: OfflineState) => void,
): Promise<OfflineState> {
  const { dir, upTo, journal, ledger } = task
  let { state } = task
  while (state.exported < upTo) {
    const { exported: from, ledgerFrom, since } = state
    const to = state.planned ?? Math.min(upTo, from + exportBytesMax)
    if (state.planned === null) await writeOfflineState(dir, { ...state, planned: to }, files)
    const range = { journal, ledger, from, to, ledgerFrom, since }
    const written = await exportRange(catalog, dir, range, files)
    state = {
      ...state,
      exported: to,
      planned: null,
      ledgerFrom: written.ledgerTo,
      rows: state.rows + written.rows,
      unreadable: state.unreadable + written.unreadable,
      // Those that end before are not told from files of another journal.
      files: state.files + (to > state.retiredTo ? written.files : 0),
    }
    await writeOfflineState(dir, state, files)
    told(state)
  }
  const parts = await listParts(dir)
  const retired = await partsToRetire(parts, task.retention)
  if (retired.length > 0) {
    const retiredTo = Math.max(state.retiredTo, ...retired.map(({ to }) => to))
    const behind = parts.filter(({ to }) => to > state.retiredTo && to <= retiredTo).length
    // Before they go: nobody is to take for whole what is not.
    state = { ...state, retiredTo, files: state.files - behind }
    await writeOfflineState(dir, state, files)
    told(state)
    await retireParts(retired, files)
  }
  return state
}
