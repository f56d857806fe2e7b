/**
 * Backfills as JSON: for the routes of `http-backfill.ts`, and as a part of the status.
 */
import type { BackfillStatus } from '../model/backfill.ts'

export function backfillsBody(statuses: readonly BackfillStatus[]): readonly object[] {
  return statuses.map(({ views, run, ...status }) => ({
    ...status,
    views: views.map(({ name, fromMs, boundaryMs }) => ({
      name,
      from: fromMs === null ? null : new Date(fromMs).toISOString(),
      boundary: new Date(boundaryMs).toISOString(),
    })),
    run: { rows: run.rows, elapsedMs: Math.round(run.elapsedMs) },
  }))
}
