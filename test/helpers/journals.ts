/**
 * Journals over a disk in memory, and batches to put into them.
 */
import type { MillraceError } from '../../src/base/errors.ts'
import { ManualClock } from '../../src/base/clock.ts'
import { openJournal, type Journal, type JournalOptions } from '../../src/journal/journal.ts'
import type { ReplayedBatch } from '../../src/journal/replay.ts'
import { MemoryDisk } from './memory-disk.ts'

export const journalDir = '/log'

export interface OpenedJournal {
  readonly journal: Journal
  readonly disk: MemoryDisk
  readonly clock: ManualClock
  /** What `onFailure` was called with. */
  readonly failures: MillraceError[]
}

export async function openOn(
  disk: MemoryDisk = new MemoryDisk(),
  options: Partial<JournalOptions> = {},
): Promise<OpenedJournal> {
  const clock = new ManualClock(1_700_000_000_000)
  const failures: MillraceError[] = []
  const journal = await openJournal({
    dir: journalDir,
    clock,
    sources: ['clicks', 'orders'],
    onFailure: (error) => failures.push(error),
    files: disk,
    ...options,
  })
  return { journal, disk, clock, failures }
}

/** Appends `payload` as the next events of a producer, which is opened at its first batch. */
export function appendNext(
  journal: Journal,
  payload: Uint8Array,
  { name = 'p', source = 0, count = 1 }: { name?: string; source?: number; count?: number } = {},
): ReplayedBatch {
  const state = journal.producers.state().producers.find((producer) => producer.name === name)
  const opening = journal.openProducer(name, state?.epoch ?? null)
  if (!('producer' in opening)) throw new Error('the current epoch is never refused')
  const { id: producer, epoch, nextSequence: sequence } = opening.producer
  const sourceName = source === -1 ? 'stray' : (['clicks', 'orders'][source] ?? `${source}`)
  const batch = { source, sourceName, producer, epoch, sequence, count, payload }
  return { kind: 'batch', ...batch, backfill: null, ...journal.append(batch) }
}

/** What a journal holds behind a position, with payloads that compare as plain bytes. */
export async function readAll(journal: Journal, from = journal.start): Promise<ReplayedBatch[]> {
  const batches: ReplayedBatch[] = []
  for await (const batch of journal.read(from)) batches.push(plain(batch))
  return batches
}

export function plain(batch: ReplayedBatch): ReplayedBatch {
  return { ...batch, payload: new Uint8Array(batch.payload) }
}

/** `bytes` bytes that tell one payload from another. */
export function payloadOf(bytes: number, fill = 7): Uint8Array {
  return new Uint8Array(bytes).map((_, i) => (i * 31 + fill) & 0xff)
}
