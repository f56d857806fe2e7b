/**
 * The accepted events of a part of the journal, one after the other, for the offline log.
 *
 * The journal has every event that was taken, the ledger which of them counted nowhere: those that
 * were rejected and, of these sources, duplicates. Both are in the order of the journal, so they
 * are read side by side. An event that its post-processor leaves out is no row. What a view thinks
 * of an event does not matter here: one that some views have refused is a row for the others.
 */
import { createEventReader, type EventReader } from '../validate/event-reader.ts'
import { isProblem, type DecodedEvent } from '../validate/decoder.ts'
import { replay } from '../journal/replay.ts'
import { readBatches } from '../ledger/reader.ts'
import type { LogFiles } from '../log/files.ts'
import type { LogExtent } from '../log/log.ts'
import type { Catalog, Source } from '../model/catalog.ts'
import { eventsAt } from '../model/payload.ts'

/** A part of the journal, and the ledger beside it. */
export interface JournalRange {
  readonly journal: LogExtent
  readonly ledger: LogExtent
  /** Batches that end behind `from`, up to `to`; both are on disk, and what was not counted is. */
  readonly from: number
  readonly to: number
  /** A place in the ledger before which no record is of a batch behind `from`. */
  readonly ledgerFrom: number
  /** By name of a source with an offline log: the position from which on its events are told. */
  readonly since: Readonly<Record<string, number>>
}

/** An accepted event. */
export interface LoggedEvent {
  readonly source: Source
  readonly event: DecodedEvent
  readonly arrivalMs: number
  /** Name, epoch and sequence by which its producer numbered it. */
  readonly producer: string
  readonly epoch: number
  readonly sequence: number
  /** Journal position of the end of its batch. */
  readonly position: number
}

/** What reading has come to, when all events have been taken. */
export interface EventLogEnd {
  /** Where in the ledger the records of later batches begin. */
  ledgerTo: number
  /** Accepted events of which no row could be made now, such as by code that has changed. */
  unreadable: number
}

/**
 * @param end  Filled as it goes.
 * @throws MillraceError `JOURNAL_CORRUPT`, `LEDGER_CORRUPT`; errors of the file system as they are.
 */
export async function* readEvents(
  catalog: Catalog,
  files: LogFiles,
  range: JournalRange,
  end: EventLogEnd,
): AsyncGenerator<LoggedEvent, void> {
  const { journal, from, to, since } = range
  const producers = new Map<number, string>()
  const sources = catalog.sources.map(({ name }) => name)
  const readers = new Map<Source, EventReader>()
  const uncounted = new Uncounted(files, range, end)
  try {
    for await (const batch of replay({ files, sources, ...journal, from, producers })) {
      if (batch.position > to) break
      const source = catalog.sources[batch.source]
      // Rows of a batch source are in files already.
      if (batch.backfill !== null) continue
      if (source === undefined || batch.position <= (since[source.name] ?? Infinity)) continue
      const reader = readers.get(source) ?? createEventReader(catalog, source)
      readers.set(source, reader)
      const without = await uncounted.of(batch.position)
      const { payload, count, sequence: first, arrivalMs, epoch, position } = batch
      const producer = producers.get(batch.producer)!
      const places = Array.from({ length: count }, (_, n) => n).filter(
        (n) => !without.has(first + n),
      )
      for (const [n, bytes] of eventsAt(payload, places).entries()) {
        const event = reader(bytes, 0, bytes.length)
        if (event === null) continue
        const sequence = first + places[n]!
        if (isProblem(event)) end.unreadable += 1
        else yield { source, event, arrivalMs, producer, epoch, sequence, position }
      }
    }
    await uncounted.of(to)
  } finally {
    await uncounted.close()
  }
}

const none: ReadonlySet<number> = new Set()

/** What of each batch counted nowhere, as the ledger has it; asked in the order of the journal. */
class Uncounted {
  readonly #batches: ReturnType<typeof readBatches>
  readonly #end: EventLogEnd
  /** The next record that was read, of a batch that was not asked for. */
  #next: Awaited<ReturnType<typeof this.read>> = null
  #isRead = false

  constructor(files: LogFiles, { ledger, ledgerFrom }: JournalRange, end: EventLogEnd) {
    this.#batches = readBatches({ files, seed: ledger.seed }, ledger.segments, ledgerFrom)
    this.#end = end
    end.ledgerTo = ledgerFrom
  }

  /** Sequences of the events of the batch that ends at a position. */
  async of(position: number): Promise<ReadonlySet<number>> {
    for (;;) {
      if (!this.#isRead) this.#next = await this.read()
      this.#isRead = true
      if (this.#next === null || this.#next.batch.position > position) return none
      const { batch, end } = this.#next
      this.#isRead = false
      this.#end.ledgerTo = end
      if (batch.position < position) continue
      const rejected = batch.entries.filter(({ views }) => views.length === 0)
      return new Set([...rejected.map(({ sequence }) => sequence), ...batch.duplicates])
    }
  }

  async close(): Promise<void> {
    await this.#batches.return()
  }

  private async read() {
    const next = await this.#batches.next()
    return next.done === true ? null : next.value
  }
}
