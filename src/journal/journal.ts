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
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { MillraceError } from '../base/errors.ts'
import { journalSegmentBytesMax } from '../base/limits.ts'
import { nodeFiles, type JournalFiles } from './files.ts'
import { GroupQueue } from './group.ts'
import type { ProducerOpening, ProducerTable } from './producers.ts'
import {
  batchHeadBytes,
  encodeClosed,
  encodeProducer,
  encodeSnapshot,
  journalSourcesMax,
  writeBatchHead,
} from './record.ts'
import { recover, type Recovered } from './recover.ts'
import { replay, type ReplayedBatch } from './replay.ts'
import { retire, type RetentionOptions } from './retention.ts'
import { crcSeed, recordsStart, type Segment, type SegmentPlan } from './segment.ts'
import { GroupWriter } from './writer.ts'

export interface JournalOptions {
  /** Directory of the segments; created when missing. */
  readonly dir: string
  readonly clock: Clock
  /** Names of the catalog's sources, by index. */
  readonly sources: readonly string[]
  /** @defaultValue `journalSegmentBytesMax` */
  readonly segmentBytes?: number
  /** Called once when a write fails: what was not flushed is then unknown, and the journal ends. */
  readonly onFailure: (error: MillraceError) => void
  /** @defaultValue the machine's file system */
  readonly files?: JournalFiles
}

/** Events as they are appended: all new, the next of their producer's current epoch. */
export interface JournalBatch {
  /** Place in the sources; -1 for one that the catalog does not have. */
  readonly source: number
  /** Id of the producer. */
  readonly producer: number
  readonly epoch: number
  /** Sequence of the first event. */
  readonly sequence: number
  readonly count: number
  /** The msgpack array of `bin` elements; must not change until it is flushed. */
  readonly payload: Uint8Array
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
  const files = options.files ?? nodeFiles
  assert(options.sources.length <= journalSourcesMax, 'sources are counted in 16 bits')
  const recovered = await recover(files, options.dir)
  const arrivalMs = Math.max(recovered.arrivalMs, options.clock.nowMs())
  const seed = crcSeed(recovered.logId)
  const { end, producers } = recovered
  const plan = planSegment({ start: end, createdMs: arrivalMs }, options.sources, producers, seed)
  const queue = new GroupQueue(recordsStart(plan))
  const { logId, segments } = recovered
  const { dir, onFailure } = options
  const flushed = queue.end
  const writer = new GroupWriter({ files, dir, logId, queue, segments, flushed, onFailure })
  await writer.startSegment(plan)
  return new Journal({ ...options, files }, recovered, queue, writer, arrivalMs)
}

export class Journal {
  /** Who has sent what, up to the last append. Only the journal changes it. */
  readonly producers: ProducerTable
  /**
   * What was found on opening: the log's end, and the bytes of a torn tail that were cut off. A
   * store that has got further than `end` has lost its journal.
   */
  readonly recovered: { readonly end: number; readonly droppedBytes: number }
  /** Names the log; another one in the same place is another log. 32 hexadecimal digits. */
  readonly logId: string

  readonly #options: JournalOptions & { readonly files: JournalFiles }
  readonly #log: Pick<Recovered, 'logId' | 'segments'>
  readonly #seed: number
  readonly #queue: GroupQueue
  readonly #writer: GroupWriter
  /** Position from which the current segment's bytes count. */
  #recordsStart: number
  #arrivalMs: number
  #closing: Promise<void> | null = null

  /** @internal Use {@link openJournal}. */
  constructor(
    options: JournalOptions & { readonly files: JournalFiles },
    recovered: Recovered,
    queue: GroupQueue,
    writer: GroupWriter,
    arrivalMs: number,
  ) {
    this.producers = recovered.producers
    this.recovered = { end: recovered.end, droppedBytes: recovered.droppedBytes }
    this.logId = Buffer.from(recovered.logId).toString('hex')
    this.#options = options
    this.#log = recovered
    this.#seed = crcSeed(recovered.logId)
    this.#queue = queue
    this.#writer = writer
    this.#recordsStart = queue.end
    this.#arrivalMs = arrivalMs
  }

  /** Position of the first byte that is still kept. */
  get start(): number {
    return this.#log.segments[0]!.start
  }

  /** Position behind the last appended record. */
  get end(): number {
    return this.#queue.end
  }

  /** Position up to which everything is on disk. */
  get flushed(): number {
    return this.#writer.flushed
  }

  /** Arrival time of the newest record, ms; no later one is before it. */
  get arrivalMs(): number {
    return this.#arrivalMs
  }

  /** The segments, oldest first; the last one, which is written to, up to what is flushed. */
  get segments(): readonly Segment[] {
    return this.#log.segments
  }

  /**
   * Appends a batch and notes it in `producers`; to be flushed within the next group.
   *
   * @throws {@link MillraceError} `JOURNAL_WRITE` once a write has failed.
   * @remarks Cost: one CRC of the payload, which is kept until it is written; no I/O.
   */
  append(batch: JournalBatch): Appended {
    const arrivalMs = this.#arrive()
    this.#roll()
    const { source, producer, epoch, sequence, count, payload } = batch
    assert(source < this.#options.sources.length, 'a source is known or -1')
    this.producers.advance(producer, epoch, sequence, count, arrivalMs)
    const queue = this.#queue
    const at = queue.reserve(batchHeadBytes)
    const head = {
      groupStart: queue.open(),
      arrivalMs,
      source,
      producer,
      epoch,
      sequence,
      count,
      payload,
    }
    writeBatchHead(queue.arena, queue.view, at, head, this.#seed)
    const position = queue.append(batchHeadBytes, payload)
    this.#writer.wake()
    return { position, arrivalMs }
  }

  /**
   * Opens a producer; a new epoch is appended, and must be flushed before the producer hears of it.
   *
   * @param epoch  Null for a new epoch, else the one to go on with.
   * @throws {@link MillraceError} `JOURNAL_WRITE` once a write has failed.
   */
  openProducer(name: string, epoch: number | null): JournalledOpening {
    const arrivalMs = this.#arrive()
    const opening = this.producers.open(name, epoch, arrivalMs)
    if (opening.kind !== 'new') return opening
    this.#roll()
    const record = { ...opening.producer, groupStart: this.#queue.open(), arrivalMs }
    const position = this.#queue.appendBytes(encodeProducer(record, this.#seed))
    this.#writer.wake()
    return { ...opening, position, arrivalMs }
  }

  /**
   * Resolves once everything up to `position` is on disk.
   *
   * @throws {@link MillraceError} `JOURNAL_WRITE` when that has become unknown.
   */
  whenFlushed(position: number): Promise<void> {
    assert(position <= this.end, 'only what was appended can be flushed')
    return this.#writer.whenFlushed(position)
  }

  /** Calls `listener` with `flushed` each time it has moved; the returned function ends that. */
  onFlushed(listener: (flushed: number) => void): () => void {
    return this.#writer.onFlushed(listener)
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
    const { files, sources } = this.#options
    const { segments } = this.#log
    return replay({ files, sources, segments: [...segments], seed: this.#seed, from })
  }

  /**
   * Deletes old segments as far as the options allow; see `journal/retention.ts`.
   *
   * @returns the deleted segments, oldest first.
   */
  retire(options: RetentionOptions): Promise<Segment[]> {
    return retire(this.#options.files, this.#log.segments, options)
  }

  /** Flushes what was appended, marks the log as closed in good order and closes its file. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.#writer.whenFlushed(this.end)
      // In a group of its own, so that it proves all that was before it.
      const record = { groupStart: this.#queue.open(), arrivalMs: this.#arrivalMs }
      const position = this.#queue.appendBytes(encodeClosed(record, this.#seed))
      this.#writer.wake()
      await this.#writer.whenFlushed(position)
    } catch (error) {
      // `onFailure` has been told; what is left to do is to let go of the file.
      if (error !== this.#writer.failure) throw error
    }
    await this.#writer.close()
  }

  /** Checks that a record can be appended; its arrival time. */
  #arrive(): number {
    if (this.#writer.failure !== null) throw this.#writer.failure
    assert(this.#closing === null, 'nothing is appended to a closed journal')
    this.#arrivalMs = Math.max(this.#arrivalMs, this.#options.clock.nowMs())
    return this.#arrivalMs
  }

  /** Goes on in a new segment when the present one is full. */
  #roll(): void {
    const { sources, segmentBytes = journalSegmentBytesMax } = this.#options
    if (this.end - this.#recordsStart < segmentBytes) return
    const place = { start: this.end, createdMs: this.#arrivalMs }
    this.#queue.openSegment(planSegment(place, sources, this.producers, this.#seed))
    this.#recordsStart = this.end
    this.#writer.wake()
  }
}

function planSegment(
  place: Omit<SegmentPlan, 'snapshot'>,
  sources: readonly string[],
  producers: ProducerTable,
  seed: number,
): SegmentPlan {
  return { ...place, snapshot: encodeSnapshot({ sources, producers: producers.state() }, seed) }
}
