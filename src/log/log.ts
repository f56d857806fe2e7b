/**
 * An append-only log in segment files, flushed in groups: what the journal and the ledger stand on.
 *
 * It knows the frame of a record and nothing of its meaning. Its owner encodes records into the
 * queue, says what a new segment's snapshot holds, and takes the last segment's records when the
 * log is opened. Positions and arrival times never decrease. When `flushed` has reached a position,
 * everything up to it survives power loss; what was appended and not flushed may or may not be
 * there after a crash, but never with a gap before it.
 *
 * Thread: main, the only writer. One process per directory: the caller holds the lock.
 */
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { MillraceError } from '../base/errors.ts'
import { logSegmentsMax } from '../base/limits.ts'
import { nodeFiles, type LogFiles } from './files.ts'
import type { LogFormat } from './format.ts'
import { encodeClosed } from './frame.ts'
import { GroupQueue } from './group.ts'
import { recover, type Recovered } from './recover.ts'
import { retire, type RetentionOptions } from './retention.ts'
import { crcSeed, recordsStart, type Segment } from './segment.ts'
import { GroupWriter, type FlushListener } from './writer.ts'

export interface LogOptions {
  /** Directory of the segments; created when missing. */
  readonly dir: string
  readonly format: LogFormat
  readonly clock: Clock
  /** Bytes of records in one segment; beyond, the next one is started. */
  readonly segmentBytes: number
  /** Called once when a write fails: what was not flushed is then unknown, and the log ends. */
  readonly onFailure: (error: MillraceError) => void
  /** @defaultValue the machine's file system */
  readonly files?: LogFiles | undefined
  /** Takes the bodies of the last segment when the log is opened; see `RecoverOptions.take`. */
  readonly take: (body: Uint8Array) => string | null
  /** The snapshot record of what the log has come to, sealed, for a segment that starts there. */
  readonly snapshot: (seed: number, start: number) => Uint8Array
}

/** The files of a log for another process that reads it: what was on disk at one moment. */
export interface LogExtent {
  /** What the CRCs of the records start from. */
  readonly seed: number
  /** Oldest first; the last one ends where the log was flushed to. */
  readonly segments: readonly Segment[]
}

/** What was in a directory when its log was opened. */
export interface FoundLog {
  readonly end: number
  /** Bytes of a torn tail that were cut off. */
  readonly droppedBytes: number
  /** Arrival time of the newest record, ms; -Infinity when there was none. */
  readonly newestMs: number
}

/**
 * Opens the log of a directory, a new one when there is none: recovers what is there and starts a
 * segment.
 *
 * @throws {@link MillraceError} the format's `corrupt` when flushed bytes are damaged or missing,
 *   `STORE_FORMAT` when another version wrote them; errors of the file system as they are.
 * @remarks Cost: reads the last segment; writes it once more unless the log was closed.
 */
export async function openLog(options: LogOptions): Promise<Log> {
  const { dir, format, clock, onFailure, files = nodeFiles } = options
  const recovered = await recover({ files, dir, format, take: options.take })
  const { end, logId, segments } = recovered
  const createdMs = Math.max(recovered.arrivalMs, clock.nowMs())
  const plan = { start: end, createdMs, snapshot: options.snapshot(crcSeed(logId), end) }
  const queue = new GroupQueue(recordsStart(plan))
  const flushed = queue.end
  const writer = new GroupWriter({
    files,
    clock,
    dir,
    format,
    logId,
    queue,
    segments,
    flushed,
    onFailure,
  })
  await writer.startSegment(plan)
  const found = { ...recovered, newestMs: recovered.arrivalMs, arrivalMs: createdMs }
  return new Log({ ...options, files }, found, queue, writer)
}

export class Log {
  /** What was found on opening. */
  readonly recovered: FoundLog
  readonly logId: Uint8Array
  /** What the CRCs of the records start from. */
  readonly seed: number
  readonly files: LogFiles
  /** Where the owner puts its records; {@link wake} has them written. */
  readonly queue: GroupQueue

  readonly #options: LogOptions
  readonly #segments: Segment[]
  readonly #writer: GroupWriter
  /** Position from which the current segment's bytes count. */
  #recordsStart: number
  #arrivalMs: number
  #closing: Promise<void> | null = null

  /** @internal Use {@link openLog}. */
  constructor(
    options: LogOptions & { readonly files: LogFiles },
    recovered: Recovered & FoundLog,
    queue: GroupQueue,
    writer: GroupWriter,
  ) {
    const { end, droppedBytes, newestMs } = recovered
    this.recovered = { end, droppedBytes, newestMs }
    this.logId = recovered.logId
    this.seed = crcSeed(recovered.logId)
    this.files = options.files
    this.queue = queue
    this.#options = options
    this.#segments = recovered.segments
    this.#writer = writer
    this.#recordsStart = queue.end
    this.#arrivalMs = recovered.arrivalMs
  }

  /** Position of the first byte that is still kept. */
  get start(): number {
    return this.#segments[0]!.start
  }

  /** Position behind the last appended record. */
  get end(): number {
    return this.queue.end
  }

  /** Position up to which everything is on disk. */
  get flushed(): number {
    return this.#writer.flushed
  }

  /** Position from which on things are on their way to the disk; null when all is there. */
  get writingAt(): number | null {
    return this.#writer.failure === null && this.end > this.flushed ? this.flushed : null
  }

  /** Arrival time of the newest record, ms; no later one is before it. */
  get arrivalMs(): number {
    return this.#arrivalMs
  }

  /** The segments, oldest first; the last one, which is written to, up to what is flushed. */
  get segments(): readonly Segment[] {
    return this.#segments
  }

  get extent(): LogExtent {
    return { seed: this.seed, segments: this.#segments.map((segment) => ({ ...segment })) }
  }

  /** Whether the current segment holds records beside its snapshot. */
  get hasRecords(): boolean {
    return this.end > this.#recordsStart
  }

  /**
   * Checks that a record can be appended; its arrival time.
   *
   * @throws {@link MillraceError} the format's `writeFailed` once a write has failed.
   */
  arrive(): number {
    if (this.#writer.failure !== null) throw this.#writer.failure
    assert(this.#closing === null, 'nothing is appended to a closed log')
    this.#arrivalMs = Math.max(this.#arrivalMs, this.#options.clock.nowMs())
    return this.#arrivalMs
  }

  /** Goes on in a new segment when the present one is full; true when it does. */
  roll(): boolean {
    if (this.end - this.#recordsStart < this.#options.segmentBytes) return false
    this.startSegment()
    return true
  }

  /** Goes on in a new segment; behind {@link arrive}. */
  startSegment(): void {
    const start = this.end
    const snapshot = this.#options.snapshot(this.seed, start)
    this.queue.openSegment({ start, createdMs: this.#arrivalMs, snapshot })
    this.#recordsStart = this.end
    this.#writer.wake()
  }

  /** Has what is in the queue written, at the end of this turn. */
  wake(): void {
    this.#writer.wake()
  }

  /**
   * Resolves once everything up to `position` is on disk.
   *
   * @throws {@link MillraceError} the format's `writeFailed` when that has become unknown.
   */
  whenFlushed(position: number): Promise<void> {
    assert(position <= this.end, 'only what was appended can be flushed')
    return this.#writer.whenFlushed(position)
  }

  /** Calls `listener` with `flushed` each time it has moved; the returned function ends that. */
  onFlushed(listener: FlushListener): () => void {
    return this.#writer.onFlushed(listener)
  }

  /**
   * Deletes old segments as far as the options allow; see `log/retention.ts`.
   *
   * @returns the deleted segments, oldest first.
   */
  retire(options: RetentionOptions): Promise<Segment[]> {
    // Twice as many as there are when every one of them is full.
    const full = Math.ceil(options.bytesMax / this.#options.segmentBytes)
    return retire(this.files, this.#segments, options, Math.max(logSegmentsMax, 2 * full))
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
      const record = { groupStart: this.queue.open(), arrivalMs: this.#arrivalMs }
      const position = this.queue.appendBytes(encodeClosed(record, this.seed))
      this.#writer.wake()
      await this.#writer.whenFlushed(position)
    } catch (error) {
      // `onFailure` has been told; what is left to do is to let go of the file.
      if (error !== this.#writer.failure) throw error
    }
    await this.#writer.close()
  }
}
