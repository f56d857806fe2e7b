/**
 * Work that only tidies up: when it fails, nothing is unknown and nothing is lost.
 *
 * Old segments that are still there cost room, and the next turn deletes them. So a failure is told
 * to the log, once for as long as it lasts, and ends nothing.
 */
import { reasonOf } from '../base/errors.ts'
import type { MillraceLog } from './options.ts'

/** Does the work; never rejects. */
export type Maintenance = (work: () => Promise<unknown>) => Promise<void>

/** @param what  The work, as the log names it. */
export function createMaintenance(log: MillraceLog, what: string): Maintenance {
  let isFailing = false
  return async (work) => {
    try {
      await work()
    } catch (thrown) {
      if (!isFailing) log.error({ what, reason: reasonOf(thrown) }, 'maintenance fails')
      isFailing = true
      return
    }
    if (isFailing) log.info({ what }, 'maintenance succeeds again')
    isFailing = false
  }
}
