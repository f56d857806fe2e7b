/**
 * Work that only tidies up: when it fails, nothing is unknown and nothing is lost.
 *
 * Old segments that are still there cost room, and the next turn deletes them. So a failure is told
 * to the log, once for as long as it lasts, and ends nothing.
 */
import { reasonOf } from './errors.ts'

/** A logger in the manner of pino. */
interface MaintenanceLog {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Does the work; never rejects. */
export type Maintenance = (work: () => Promise<unknown>) => Promise<void>

/** @param what  The work, as the log names it. */
export function createMaintenance(log: MaintenanceLog, what: string): Maintenance {
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
