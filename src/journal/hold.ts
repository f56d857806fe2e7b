/**
 * The journal for whoever copies it while it is written to.
 */
import { holdLog, type HeldLog } from '../log/hold.ts'
import { journalFormat } from './record.ts'

export function holdJournal(dir: string): Promise<HeldLog> {
  return holdLog(dir, journalFormat)
}
