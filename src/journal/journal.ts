/**
 * The journal: every event that was taken, once, in order, on disk before it is acknowledged.
 *
 * Batches pass through undecoded. An append gives a batch its position, the end of its record in
 * one endless log, and its arrival time, which every later decision about time is taken by; both
 * never decrease. When `flushed` has reached a position, everything up to it survives power loss.
 * What was appended and not flushed may or may not be there after a crash, but never with a gap
 * before it. Replay reads the same batches in the same order.
 *
 * Thread: main, the only writer. One process per directory: the caller holds the lock.
 */
import { crc32 } from 'node:zlib'
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { MillraceError } from '../base/errors.ts'
import { journalSegmentBytesMax } from '../base/limits.ts'
import type { LogFiles } from '../log/files.ts'
import { openLog, type FoundLog, type Log, type LogExtent } from '../log/log.ts'
import { notHere } from '../log/recover.ts'
import type { RetentionOptions } from '../log/retention.ts'
import type { Segment } from '../log/segment.ts'
import type { FlushListener } from '../log/writer.ts'
import type { BackfillBatch } from '../model/contracts.ts'
import { ProducerTable, type ProducerOpening } from './producers.ts'
import { RecentBatches, type RepeatedBatch } from './recent-batches.ts'
import {
  backfillPreface,
  batchHeadBytes,
  decodeRecord,
  encodeProducer,
  encodeSnapshot,
  journalFormat,
  journalSourcesMax,
  noPreface,
  strayPreface,
  writeBatchHead,
  type JournalRecord,
  type Preface,
} from './record.ts'
import { replay, type ReplayedBatch } from './replay.ts'

export interface JournalOptions {
  /** Directory of the segments; created when missing. */
  readonly dir: string
  readonly clock: Clock
  /** Names of the catalog's sources, by index. */
  readonly sources: readonly string[]
  /** Producers beyond which no name is new. @defaultValue no bound */
  readonly producersMax?: number
  /** @defaultValue `journalSegmentBytesMax` */
  readonly segmentBytes?: number
  /** Called once when a write fails: what was not flushed is then unknown, and the journal ends. */
  readonly onFailure: (error: MillraceError) => void
  /** @defaultValue the machine's file system */
  readonly files?: LogFiles
}

/** Events as they are appended: all new, the next of their producer's current epoch. */
export interface JournalBatch {
  /** Place in the sources; -1 for one that the catalog does not have. */
  readonly source: number
  /** The name that the batch came with. */
  readonly sourceName: string
  /** Id of the producer. */
  readonly producer: number
  readonly epoch: number
  /** Sequence of the first event. */
  readonly sequence: number
  readonly count: number
  /** The msgpack array of `bin` elements; copied. */
  readonly payload: Uint8Array
  /** Absent for events of the stream; else the source is one of the catalog. */
  readonly backfill?: BackfillBatch | undefined
}

export interface Appended {
  /** Position of the end of the record. */
  readonly position: number
  /** Wall time at the append, ms; never decreases along the log, whatever the clock does. */
  readonly arrivalMs: number
}

/** What opening a producer led to; a new epoch stands once `position` is flushed. */
export type JournalledOpening =
  Exclude<ProducerOpening, { kind: 'new' }> | (ProducerOpening & { kind: 'new' } & Appended)

/**
 * Opens the journal of a directory, a new one when there is none: recovers what is there and
 * starts a segment.
 *
 * @throws {@link MillraceError} `JOURNAL_CORRUPT` when acknowledged bytes are damaged or missing,
 *   `STORE_FORMAT` when another version wrote them; errors of the file system as they are.
 * @remarks Cost: reads the last segment; writes it once more unless the log was closed.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { dir, clock, sources, segmentBytes = journalSegmentBytesMax, onFailure, files } = options
  assert(sources.length <= journalSourcesMax, 'sources are counted in 16 bits')
  let producers = new ProducerTable()
  let names = sources
  const recent = new RecentBatches()
  const log = await openLog({
    dir,
    format: journalFormat,
    clock,
    segmentBytes,
    onFailure,
    files,
    take: (body) => {
      const record = decodeRecord(body)
      if (record?.kind !== 'snapshot') {
        const wrong = takeRecord(record, producers)
        if (wrong === null) remember(record, recent, names)
        return wrong
      }
      producers = new ProducerTable(record.producers)
      names = record.sources
      return null
    },
    snapshot: (seed) => encodeSnapshot({ sources, producers: producers.state() }, seed),
  })
  return new Journal(log, options, producers, recent)
}

export class Journal {
  /** Who has sent what, up to the last append. Only the journal changes it. */
  readonly producers: ProducerTable
  /** What was found on opening. A store that is further than its `end` has lost its journal. */
  readonly recovered: FoundLog
  /** Names the log; another one in the same place is another log. 32 hexadecimal digits. */
  readonly logId: string

  readonly #log: Log
  readonly #options: JournalOptions
  readonly #recent: RecentBatches

  /** @internal Use {@link openJournal}. */
  constructor(log: Log, options: JournalOptions, producers: ProducerTable, recent: RecentBatches) {
    this.producers = producers
    this.#recent = recent
    this.recovered = log.recovered
    this.logId = Buffer.from(log.logId).toString('hex')
    this.#log = log
    this.#options = options
  }

  /** Position of the first byte that is still kept. */
  get start(): number {
    return this.#log.start
  }

  /** Position behind the last appended record. */
  get end(): number {
    return this.#log.end
  }

  /** Position up to which everything is on disk. */
  get flushed(): number {
    return this.#log.flushed
  }

  /** Position from which on things are on their way to the disk; null when all is there. */
  get writingAt(): number | null {
    return this.#log.writingAt
  }

  /** Arrival time of the newest record, ms; no later one is before it. */
  get arrivalMs(): number {
    return this.#log.arrivalMs
  }

  /** Wall time, ms; never before {@link arrivalMs}. */
  get nowMs(): number {
    return Math.max(this.#log.arrivalMs, this.#options.clock.nowMs())
  }

  /** The segments, oldest first; the last one, which is written to, up to what is flushed. */
  get segments(): readonly Segment[] {
    return this.#log.segments
  }

  /** The journal for another process that reads it. */
  get extent(): LogExtent {
    return this.#log.extent
  }

  /**
   * Appends a batch and notes it in `producers`; to be flushed within the next group.
   *
   * @throws {@link MillraceError} `JOURNAL_WRITE` once a write has failed.
   * @remarks Cost: one CRC and one copy of the payload; no I/O.
   */
  append(batch: JournalBatch): Appended {
    const log = this.#log
    const arrivalMs = log.arrive()
    log.roll()
    const { source, producer, epoch, sequence, count, payload } = batch
    assert(source < this.#options.sources.length, 'a source is known or -1')
    this.producers.advance(producer, epoch, sequence, count, arrivalMs)
    const preface = prefaceOf(batch)
    const { queue } = log
    const groupStart = queue.open()
    const at = queue.reserve(batchHeadBytes)
    const head = {
      groupStart,
      arrivalMs,
      source,
      producer,
      epoch,
      sequence,
      count,
      payload,
    }
    const { crcBefore, crc } = writeBatchHead(queue.arena, queue.view, at, head, preface, log.seed)
    const isBare = preface.bytes.length === 0
    if (!isBare) queue.append(batchHeadBytes, preface.bytes)
    const position = isBare ? queue.append(batchHeadBytes, payload) : queue.appendBytes(payload)
    log.wake()
    const taken = { source: batch.sourceName, sequence, count, crcBefore, crcBehind: crc }
    this.#recent.add(producer, taken)
    return { position, arrivalMs }
  }

  /**
   * Compares events that come again with what was taken under their sequences.
   *
   * @returns first sequence of a batch that was another; null when none is known to have been.
   */
  differs(producer: number, repeat: RepeatedBatch): number | null {
    return this.#recent.differs(producer, repeat)
  }

  /**
   * Opens a producer; a new epoch is appended, and must be flushed before the producer hears of it.
   *
   * @param epoch  Null for a new epoch, else the one to go on with.
   * @throws {@link MillraceError} `JOURNAL_WRITE` once a write has failed.
   */
  openProducer(name: string, epoch: number | null): JournalledOpening {
    const log = this.#log
    const arrivalMs = log.arrive()
    const { producersMax = Infinity } = this.#options
    const opening = this.producers.open(name, epoch, { nowMs: arrivalMs, producersMax })
    if (opening.kind !== 'new') return opening
    this.#recent.forget(opening.producer.id)
    log.roll()
    const record = { ...opening.producer, groupStart: log.queue.open(), arrivalMs }
    const position = log.queue.appendBytes(encodeProducer(record, log.seed))
    log.wake()
    return { ...opening, position, arrivalMs }
  }

  /** Takes note that a producer is there, though it sends nothing. */
  seen(producer: number): void {
    this.producers.seen(producer, this.nowMs)
  }

  /**
   * Forgets producers that were not seen for so long.
   *
   * @param isHeld  Tells those that are kept all the same.
   * @returns their ids, which nobody has from here on.
   */
  forgetProducers(idleMs: number, isHeld: (id: number) => boolean): readonly number[] {
    const forgotten = this.producers.forget(this.nowMs - idleMs, isHeld)
    for (const id of forgotten) this.#recent.forget(id)
    return forgotten
  }

  /**
   * Resolves once everything up to `position` is on disk.
   *
   * @throws {@link MillraceError} `JOURNAL_WRITE` when that has become unknown.
   */
  whenFlushed(position: number): Promise<void> {
    return this.#log.whenFlushed(position)
  }

  /** Calls `listener` with `flushed` each time it has moved; the returned function ends that. */
  onFlushed(listener: FlushListener): () => void {
    return this.#log.onFlushed(listener)
  }

  /**
   * Reads the batches that end behind `from` and are flushed at the time of the call, in order.
   *
   * @param from  Any position from `start` to `flushed`.
   * @throws {@link MillraceError} `JOURNAL_CORRUPT` where bytes are damaged, or when records behind
   *   `from` are no longer or not yet there; errors of the file system as they are.
   * @remarks Memory: one chunk of about 1 MiB, which the payloads are views of and which is never
   *   reused. Segments must not be retired while they are read.
   */
  read(from: number): AsyncGenerator<ReplayedBatch, void> {
    const { files, segments, seed } = this.#log
    return replay({ files, sources: this.#options.sources, segments: [...segments], seed, from })
  }

  /**
   * Deletes old segments as far as the options allow; see `log/retention.ts`.
   *
   * @returns the deleted segments, oldest first.
   */
  retire(options: RetentionOptions): Promise<Segment[]> {
    return this.#log.retire(options)
  }

  /** Flushes what was appended, marks the log as closed in good order and closes its file. */
  close(): Promise<void> {
    return this.#log.close()
  }
}

/** Applies a record to the producers; returns why it cannot stand where it does. */
export function takeRecord(record: JournalRecord | null, producers: ProducerTable): string | null {
  if (record?.kind === 'producer') {
    producers.restore({ ...record, lastSeenMs: record.arrivalMs })
    return null
  }
  if (record?.kind !== 'batch') return notHere
  const { producer, epoch, sequence, count, arrivalMs } = record
  const { kind } = producers.check(producer, epoch, sequence, count)
  if (kind === 'fenced' || producers.get(producer)?.nextSequence !== sequence) {
    return `batch ${sequence} of producer ${producer} is out of order`
  }
  producers.advance(producer, epoch, sequence, count, arrivalMs)
  return null
}

function prefaceOf({ source, sourceName, backfill }: JournalBatch): Preface {
  if (backfill !== undefined) return backfillPreface(backfill)
  return source === -1 ? strayPreface(sourceName) : noPreface
}

/** Keeps what tells a repeat of a batch that was taken before this start. */
function remember(record: JournalRecord | null, recent: RecentBatches, names: readonly string[]) {
  if (record?.kind === 'producer') recent.forget(record.id)
  if (record?.kind !== 'batch') return
  const { producer, sequence, count, payload } = record
  const source = record.stray ?? names[record.source]!
  recent.add(producer, { source, sequence, count, crcBefore: 0, crcBehind: crc32(payload) })
}
