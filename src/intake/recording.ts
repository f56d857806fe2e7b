/**
 * The way of what was not counted into the ledger, in the order of the journal.
 *
 * Every batch takes a place here when it is routed. One with nothing to record leaves it when it is
 * decided, and costs no more than that. One with something waits until no batch before it is open,
 * so that the ledger holds everything up to its newest record, and is settled when its record is on
 * disk. Batches are decided only when they are on disk in the journal: the ledger never knows of
 * what a crash could take back.
 *
 * Shards are told up to which journal position the ledger has on disk all that was not counted, and
 * until they are they keep what they did not count in their checkpoints (`shard/unrecorded.ts`):
 * nothing but acknowledgements waits for the ledger, so nothing can wait for it in a circle.
 *
 * Thread: main.
 */
import { printable } from '../base/errors.ts'
import { ledgerTidyMs } from '../base/limits.ts'
import type { Journal } from '../journal/journal.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { NewEntry } from '../model/ledger.ts'
import type { Recorded, ShardOpened } from '../model/message.ts'
import type { Batch } from './batch.ts'
import { originOf, originText } from '../model/origins.ts'
import { eventsAt } from '../model/payload.ts'
import type { Maintenance } from '../base/maintenance.ts'

export interface RecordingOptions {
  readonly ledger: Ledger
  /** Up to this journal position, the ledger has everything from an earlier life. */
  readonly before: number
  /** A producer's name by its id. */
  readonly producerName: (id: number) => string
  /** Lets go of old entries; a failure waits for the next turn. */
  readonly maintain: Maintenance
  readonly onFailure: (thrown: unknown) => void
}

/** The place of a batch in the order of the journal. */
export interface Place {
  /** End of the batch before it. */
  readonly before: number
  older: Place | null
  newer: Place | null
  /** The batch, once it is decided and has something to record. */
  batch: Batch | null
}

interface Written {
  readonly batch: Batch
  readonly before: number
  /** Where its record ends in the ledger. */
  readonly end: number
}

/** Publishes entries again; the name of a producer from outside has no space. */
export const replayProducer = 'ledger replay'

/** Begins where the ledger of an earlier life has ended, as far as it or a shard can tell. */
export function openRecording(options: {
  readonly ledger: Ledger
  readonly shards: readonly ShardOpened[]
  readonly journal: Journal
  readonly maintain: Maintenance
  readonly onFailure: (thrown: unknown) => void
}): Recording {
  const { ledger, shards, journal, maintain, onFailure } = options
  const told = shards.map(({ recorded }) => recorded)
  const before = Math.max(ledger.recovered.position, ...told)
  // A replay may reach back to one that is forgotten. No name has a space.
  const producerName = (id: number): string => journal.producers.get(id)?.name ?? `producer ${id}`
  return new Recording({ ledger, before, producerName, maintain, onFailure })
}

export class Recording {
  /** Up to this journal position, the ledger has everything from an earlier life. */
  readonly before: number
  readonly #options: RecordingOptions
  readonly #timer: NodeJS.Timeout
  /** Places of batches that are not decided, or wait for one that is not. */
  #oldest: Place | null = null
  #newest: Place | null = null
  /** Records on their way to the disk, in order. */
  #written: Written[] = []
  /** End of the last batch that took a place. */
  #last: number
  /** Ends of batches of which the main thread itself refused a part, and that are not recorded. */
  #refused: number[] = []
  #waiters: (() => void)[] = []

  constructor(options: RecordingOptions) {
    const { ledger, before, maintain } = options
    this.before = before
    this.#options = options
    this.#last = before
    ledger.onFlushed((flushed) => this.#flushed(flushed))
    const tidy = (): void => void maintain(() => ledger.tidy())
    this.#timer = setInterval(tidy, ledgerTidyMs).unref()
  }

  /** How far the ledger has come. */
  get recorded(): Recorded {
    const upTo = (this.#written[0] ?? this.#oldest)?.before ?? this.#last
    if (this.#refused.length > 0) this.#refused = this.#refused.filter((each) => each > upTo)
    return { upTo, refusedFrom: this.#refused[0] ?? Infinity }
  }

  /** Takes a place for the batch that ends at `position`; in journal order. */
  add(position: number): Place {
    const place: Place = { before: this.#last, older: this.#newest, newer: null, batch: null }
    if (this.#newest === null) this.#oldest = place
    else this.#newest.newer = place
    this.#newest = place
    this.#last = Math.max(this.#last, position)
    return place
  }

  /** Events of a batch were refused before any shard saw it, which no shard can tell. */
  refused(position: number): void {
    if (position <= this.before || this.#refused.at(-1) === position) return
    this.#refused.push(position)
  }

  /** A batch is decided; it is told when it is recorded, if it waits for that. */
  decided(place: Place, batch: Batch): void {
    if (batch.isToBeRecorded) place.batch = batch
    else this.#remove(place)
    while (this.#oldest !== null && this.#oldest.batch !== null) this.#write(this.#oldest)
    this.#wake()
  }

  /** Resolves when no batch is open and every record is on disk. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve)
      this.#wake()
    })
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #write(place: Place): void {
    const batch = place.batch!
    this.#remove(place)
    const { position, arrivalMs, epoch, sourceName: source, producerId } = batch.facts
    const { ledger, producerName, onFailure } = this.#options
    const producer = producerName(producerId)
    const entries = this.#entriesOf(batch, producer)
    const duplicates = batch.uncounted.map((place) => batch.sequence + place)
    try {
      const facts = { position, arrivalMs, producer, epoch, source }
      const end = ledger.append({ ...facts, entries, duplicates })
      this.#written.push({ batch, before: place.before, end })
    } catch (thrown) {
      // The batch is never settled: whether it is recorded is for the next start to find out.
      onFailure(thrown)
    }
  }

  #entriesOf(batch: Batch, producer: string): NewEntry[] {
    const { verdicts, payload, sequence: first } = batch
    const { origins } = batch.facts
    const places = verdicts.map(({ index }) => index)
    const events = eventsAt(payload, places)
    // One replay at a time: it is the last one, also when a recovery finds it.
    const { lastReplay } = this.#options.ledger
    const isReplay = producer === replayProducer && lastReplay?.epoch === batch.facts.epoch
    const replay = isReplay ? lastReplay : null
    return verdicts.map(({ index, code, path, message, views }, n) => ({
      sequence: first + index,
      ...(origins === null
        ? { code, path, message }
        : atOrigin({ code, path, message }, origins, index)),
      views,
      replayOf: replay?.ids[first + index - replay.sequence] ?? null,
      event: events[n]!,
    }))
  }

  #flushed(flushed: number): void {
    let count = 0
    while (count < this.#written.length && this.#written[count]!.end <= flushed) count += 1
    const done = this.#written.slice(0, count)
    this.#written = this.#written.slice(count)
    for (const { batch } of done) batch.recorded()
    this.#wake()
  }

  #wake(): void {
    if (this.#waiters.length === 0 || this.#written.length > 0 || this.#oldest !== null) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const resolve of waiters) resolve()
  }

  #remove({ older, newer }: Place): void {
    if (older === null) this.#oldest = newer
    else older.newer = newer
    if (newer === null) this.#newest = older
    else newer.older = older
  }
}

type Reason = Pick<NewEntry, 'code' | 'path' | 'message'>

/** Of a row of a batch source, nobody but the message says where it stands. */
function atOrigin(reason: Reason, origins: Uint8Array, index: number): Reason {
  const origin = originOf(origins, index)
  const { code, path, message } = origin.refused ?? reason
  return { code, path, message: printable(`${originText(origin)}: ${message}`) }
}
