/**
 * Looks through the journal without changing it: every record, and the order of every producer's
 * events.
 */
import { inspectLog, type LogInspection } from '../log/inspect.ts'
import { takeRecord } from './journal.ts'
import { ProducerTable } from './producers.ts'
import { decodeRecord, journalFormat } from './record.ts'

export interface JournalInspection extends LogInspection {
  /** Of what was read. */
  readonly batches: number
  readonly events: number
  readonly producers: number
}

/**
 * @param isWhole  Whether all records are read, or as many as by a start.
 * @throws errors of the file system as they are.
 */
export async function inspectJournal(dir: string, isWhole: boolean): Promise<JournalInspection> {
  let producers = new ProducerTable()
  let batches = 0
  let events = 0
  const take = (body: Uint8Array): string | null => {
    const record = decodeRecord(body)
    if (record?.kind === 'snapshot') {
      producers = new ProducerTable(record.producers)
      return null
    }
    const wrong = takeRecord(record, producers)
    if (wrong === null && record?.kind === 'batch') {
      batches += 1
      events += record.count
    }
    return wrong
  }
  const found = await inspectLog({ dir, format: journalFormat, take, isWhole })
  return { ...found, batches, events, producers: producers.state().producers.length }
}
