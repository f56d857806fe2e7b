/**
 * Backfills of tests.
 */
import type { BackfillPort } from '../../src/model/backfill.ts'

/** Of a daemon whose sources have no past. */
export const noBackfills: BackfillPort = {
  start: () => Promise.resolve([]),
  pause: () => Promise.resolve([]),
  status: () => [],
}
