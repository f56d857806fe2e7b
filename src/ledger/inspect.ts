/**
 * Looks through the ledger without changing it: every record, and the order of its entries.
 */
import { inspectLog, type LogInspection } from '../log/inspect.ts'
import { decodeRecord, ledgerFormat } from './record.ts'
import { LedgerState } from './state.ts'

export interface LedgerInspection extends LogInspection {
  /** Journal position of the newest batch with an entry; 0 before the first. */
  readonly position: number
}

/**
 * @param isWhole  Whether all records are read, or as many as by a start.
 * @throws errors of the file system as they are.
 */
export async function inspectLedger(dir: string, isWhole: boolean): Promise<LedgerInspection> {
  const state = new LedgerState()
  const take = (body: Uint8Array): string | null => state.take(decodeRecord(body))
  const found = await inspectLog({ dir, format: ledgerFormat, take, isWhole })
  return { ...found, position: state.position }
}
