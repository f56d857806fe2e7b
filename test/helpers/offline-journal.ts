/**
 * A journal and a ledger on disk, of random events some of which are said not to have counted, and
 * the rows that an offline log of them has to have.
 */
import { join } from 'node:path'
import { encode } from '@msgpack/msgpack'
import { ManualClock } from '../../src/base/clock.ts'
import { pushSource, t } from '../../src/index.ts'
import { offlineFormat, type OfflineState } from '../../src/export/state.ts'
import type { ExportTask } from '../../src/export/run-export.ts'
import { openJournal } from '../../src/journal/journal.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { payloadOf } from '../../src/model/payload.ts'
import { newEntry, recordedBatch } from './ledgers.ts'
import { randomNumbers } from './random.ts'

const schema = { id: t.String(), at: t.Timestamp(), n: t.Int64() }
const noonMs = Date.UTC(2026, 2, 1, 12)

export const offlineFeatures = [
  pushSource({ name: 'clicks', schema, offline: true }),
  pushSource({ name: 'views', schema, offline: true }),
  pushSource({ name: 'others', schema }),
]
const sources = offlineFeatures.map(({ name }) => name)

export interface WrittenJournal {
  readonly task: ExportTask
  /** `source day id`, in order. */
  readonly rows: readonly string[]
}

/** @param seed  Which of the journals; the same one always. */
export async function writeOfflineJournal(
  dir: string,
  batches: number,
  seed: number,
): Promise<WrittenJournal> {
  const clock = new ManualClock(noonMs)
  const numbers = randomNumbers(seed)
  const random = (below: number): number => Math.floor(numbers() * below)
  const onFailure = (error: Error): never => {
    throw error
  }
  const segmentBytes = 2000
  const journal = await openJournal({
    dir: join(dir, 'journal'),
    clock,
    sources,
    segmentBytes,
    onFailure,
  })
  const kept = { ledgerBytesMax: 2 ** 20, ledgerMsMax: 2 ** 40 }
  const ledger = await openLedger({ dir: join(dir, 'ledger'), clock, ...kept, onFailure })
  const state = stateOf(journal.logId, journal.flushed, ledger.extent.segments.at(-1)!.end)
  const opened = journal.openProducer('web', null)
  if (opened.kind !== 'new') throw new Error('the producer is new')
  const { id: producer, epoch } = opened.producer
  const rows: string[] = []
  for (let n = 0, sequence = 0; n < batches; n++) {
    const source = random(sources.length)
    const count = 1 + random(8)
    const sequences = Array.from({ length: count }, (_, i) => sequence + i)
    const at = new Date(noonMs)
    const payload = payloadOf(sequences.map((n) => encode({ id: `e${n}`, at, n })))
    const facts = {
      source,
      sourceName: sources[source]!,
      producer,
      epoch,
      sequence,
      count,
      payload,
    }
    const { position, arrivalMs } = journal.append(facts)
    const fates = sequences.map(() => random(5))
    const isOffline = offlineFeatures[source]!.offline === true
    const entries = sequences.flatMap((sequence, i) => {
      if (fates[i]! > 1) return []
      return newEntry(sequence, { views: fates[i] === 0 ? [] : ['a view'] })
    })
    const duplicates = sequences.filter((_, i) => isOffline && fates[i] === 2)
    if (entries.length + duplicates.length > 0) {
      ledger.append(recordedBatch(position, entries, { duplicates }))
    }
    const day = new Date(arrivalMs).toISOString().slice(0, 10)
    for (const [i, n] of sequences.entries()) {
      if (isOffline && fates[i] !== 0 && fates[i] !== 2)
        rows.push(`${sources[source]} ${day} e${n}`)
    }
    sequence += count
    clock.advance(random(4_000_000))
  }
  await journal.whenFlushed(journal.end)
  await ledger.whenFlushed()
  const extents = { journal: journal.extent, ledger: ledger.extent }
  const upTo = journal.flushed
  await journal.close()
  await ledger.close()
  const retention = { bytesMax: 2 ** 40, ageMsMax: 2 ** 50, nowMs: clock.nowMs() }
  const task = { dir: join(dir, 'offline'), state, upTo, ...extents, retention }
  return { task, rows: rows.toSorted() }
}

function stateOf(journalId: string, exported: number, ledgerFrom: number): OfflineState {
  const since = { clicks: 0, views: 0 }
  const counts = { rows: 0, unreadable: 0, gaps: [], retiredTo: 0, files: 0 }
  return { format: offlineFormat, journalId, exported, planned: null, ledgerFrom, since, ...counts }
}
