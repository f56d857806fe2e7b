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
import type { OfflineFiles } from './log-files.ts'
import { agedParts, retireParts, type OfflineRetention } from './retire-parts.ts'
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

/** @param told  Hears of every part that is done, on disk with the state. */
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
    }
    await writeOfflineState(dir, state, files)
    told(state)
  }
  const aged = await agedParts(dir, task.retention)
  if (aged.length === 0) return state
  // Before they go: nobody is to take for whole what is not.
  state = { ...state, letGo: Math.max(state.letGo, ...aged.map(({ to }) => to)) }
  await writeOfflineState(dir, state, files)
  await retireParts(aged, files)
  told(state)
  return state
}
