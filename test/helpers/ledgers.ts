/**
 * Ledgers over a disk in memory, and batches to put into them.
 */
import assert from 'node:assert/strict'
import { ManualClock } from '../../src/base/clock.ts'
import type { MillraceError } from '../../src/base/errors.ts'
import { openLedger, type Ledger, type LedgerOptions } from '../../src/ledger/ledger.ts'
import type {
  LedgerEntry,
  LedgerPort,
  LedgerQuery,
  NewEntry,
  RecordedBatch,
} from '../../src/model/ledger.ts'
import { MemoryDisk } from './memory-disk.ts'

export interface OpenedLedger {
  readonly ledger: Ledger
  readonly disk: MemoryDisk
  readonly clock: ManualClock
  /** What `onFailure` was called with. */
  readonly failures: MillraceError[]
}

export async function openLedgerOn(
  disk: MemoryDisk = new MemoryDisk(),
  options: Partial<LedgerOptions> = {},
): Promise<OpenedLedger> {
  const clock = new ManualClock(1_700_000_000_000)
  const failures: MillraceError[] = []
  const ledger = await openLedger({
    dir: '/ledger',
    clock,
    ledgerBytesMax: 2 ** 30,
    ledgerMsMax: 86_400_000,
    onFailure: (error) => failures.push(error),
    files: disk,
    ...options,
  })
  return { ledger, disk, clock, failures }
}

export function newEntry(sequence: number, more: Partial<NewEntry> = {}): NewEntry {
  return {
    code: 'EVENT_FIELD_TYPE',
    path: '/amount',
    message: 'expected Int64, got a string',
    views: [],
    sequence,
    replayOf: null,
    event: Uint8Array.of(0x81, 0xa1, 0x61, sequence & 0x7f),
    ...more,
  }
}

export function recordedBatch(
  position: number,
  entries: readonly NewEntry[] = [newEntry(position)],
  more: Partial<RecordedBatch> = {},
): RecordedBatch {
  const facts = { position, arrivalMs: 5, producer: 'p', epoch: 1, source: 'orders' }
  return { ...facts, entries, duplicates: [], ...more }
}

export const everything: LedgerQuery = { filter: {}, after: 0, upTo: Infinity, limit: 1000 }

/** All entries that a query means, however many pages they take; events compare as plain bytes. */
export async function readLedger(
  ledger: Ledger,
  query: Partial<LedgerQuery> = {},
): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = []
  let after: number | null = 0
  while (after !== null) {
    const page = await ledger.read({ ...everything, after, ...query })
    entries.push(
      ...page.entries.map((entry) => ({ ...entry, event: Uint8Array.from(entry.event) })),
    )
    after = query.after === undefined ? page.next : null
  }
  return entries
}

/** A ledger for servers that are not asked for it. */
export const noLedger: LedgerPort = {
  list: () => assert.fail('nobody asks for entries'),
  summary: () => assert.fail('nobody asks for counts'),
  replay: () => assert.fail('nobody asks for a replay'),
}
