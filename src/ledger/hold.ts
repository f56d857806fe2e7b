/**
 * The ledger for whoever copies it while it is written to.
 */
import { holdLog, type HeldLog } from '../log/hold.ts'
import { ledgerFormat } from './record.ts'

export function holdLedger(dir: string): Promise<HeldLog> {
  return holdLog(dir, ledgerFormat)
}
