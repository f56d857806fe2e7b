/**
 * Since when an event is known: since it happened, or since it was received.
 */
import type { PlannedRows } from '../batch/planned-rows.ts'
import { sqlName } from '../duckdb/database.ts'
import { logColumns } from '../model/offline.ts'
import type { Knowledge } from './manifest.ts'

/** When an event arrived, ns, as SQL. */
export const arrivalSql = `epoch_ns(${sqlName(logColumns.arrival)})`

/** Since when the event of a row is known, ns, as SQL. */
export function knownSql({ rows, as }: { rows: PlannedRows; as: Knowledge }): string {
  return as === 'served' ? arrivalSql : rows.time
}
