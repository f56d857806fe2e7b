/**
 * The ledger: every event that was not counted, with its bytes and the reason, on disk, bounded.
 *
 * The entries of one journalled batch are one record, and records come in the order of the journal:
 * what the ledger holds of a batch it holds whole, and of every batch before it, too. So the
 * position of the newest one tells a replay of the journal what not to record again. The oldest
 * entries go first, a segment at a time, and are counted then; the counts by producer, source and
 * code outlive them, because every segment begins with them.
 *
 * Which entries were replayed is told by records that are written before their events are published
 * (`daemon/ledger-replay.ts`). A mark stands behind the entry that it marks, so no mark is lost
 * before its entry is. They are read when they are first asked for, not when the ledger is opened.
 *
 * Thread: main, the only writer.
 */
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { MillraceError } from '../base/errors.ts'
import { ledgerSegmentBytesMax } from '../base/limits.ts'
import type { LogFiles } from '../log/files.ts'
import { openLog, type Log, type LogExtent } from '../log/log.ts'
import type { LedgerPage, LedgerQuery, LedgerSummary, RecordedBatch } from '../model/ledger.ts'
import { ReplayMarks } from './marks.ts'
import { readFirstId, readPage, readReplays, type LedgerSegment } from './reader.ts'
import { decodeRecord, encodeBatch, encodeReplay, ledgerFormat, type Replay } from './record.ts'
import { LedgerState, wasPublished } from './state.ts'

export interface LedgerOptions {
  /** Directory of the segments; created when missing. */
  readonly dir: string
  readonly clock: Clock
  /** Size of the ledger on disk, bytes; beyond, the oldest entries go. */
  readonly ledgerBytesMax: number
  /** Entries older than this go, ms, within an eighth of it. */
  readonly ledgerMsMax: number
  /** Called once when a write fails: what was not flushed is then unknown, and the ledger ends. */
  readonly onFailure: (error: MillraceError) => void
  /** @defaultValue the machine's file system */
  readonly files?: LogFiles
}

/** Segments that the bound is cut into: what goes at once is that part of it. */
const segmentsPerLedger = 16
const segmentBytesMin = 64 * 1024

/**
 * Opens the ledger of a directory, a new one when there is none.
 *
 * @throws {@link MillraceError} `LEDGER_CORRUPT`, `STORE_FORMAT`; errors of the file system as they
 *   are.
 * @remarks Cost: reads the last segment, and the beginning of every other.
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { dir, clock, ledgerBytesMax, onFailure, files } = options
  const wanted = Math.max(segmentBytesMin, Math.floor(ledgerBytesMax / segmentsPerLedger))
  const segmentBytes = Math.min(ledgerSegmentBytesMax, wanted)
  const state = new LedgerState()
  const firstIds = new Map<number, number>()
  const log = await openLog({
    dir,
    format: ledgerFormat,
    clock,
    segmentBytes,
    onFailure,
    files,
    take: (body) => state.take(decodeRecord(body)),
    snapshot: (seed, start) => {
      firstIds.set(start, state.nextId)
      return state.encode(seed)
    },
  })
  for (const segment of log.segments) {
    if (firstIds.has(segment.start)) continue
    firstIds.set(segment.start, await readFirstId(log, segment))
  }
  return new Ledger({ ...options, segmentBytes }, log, state, firstIds)
}

export class Ledger {
  /**
   * What was found on opening: the position of the newest batch that is recorded, 0 when there is
   * none, and the bytes of a torn tail that were cut off.
   */
  readonly recovered: { readonly position: number; readonly droppedBytes: number }
  readonly #options: LedgerOptions & { readonly segmentBytes: number }
  readonly #log: Log
  readonly #state: LedgerState
  /** By the start of a segment: the id of the first entry behind it. */
  readonly #firstIds: Map<number, number>
  readonly #marks = new ReplayMarks()
  #isMarked: Promise<void> | null = null
  /** Whether the last replay has been published. */
  #isLastPublished = false
  #segmentMs: number
  #isClosing = false
  /** Records behind this place in the ledger stay, whatever the bounds say. */
  #keepFrom = Infinity
  /** Reads and deletions take turns: no segment goes while it is read. */
  #turn: Promise<unknown> = Promise.resolve()

  /** @internal Use {@link openLedger}. */
  constructor(
    options: LedgerOptions & { readonly segmentBytes: number },
    log: Log,
    state: LedgerState,
    firstIds: Map<number, number>,
  ) {
    const { droppedBytes } = log.recovered
    this.recovered = { position: state.position, droppedBytes }
    this.#options = options
    this.#log = log
    this.#state = state
    this.#firstIds = firstIds
    this.#segmentMs = log.arrivalMs
  }

  /** Id of the newest entry; 0 before the first. */
  get lastId(): number {
    return this.#state.nextId - 1
  }

  /** The ledger for another process that reads it. */
  get extent(): LogExtent {
    return this.#log.extent
  }

  /** Where in the ledger things are on their way to the disk; null when all is there. */
  get writingAt(): number | null {
    return this.#log.writingAt
  }

  /** The newest replay that is recorded, whether or not it came to pass. */
  get lastReplay(): Replay | null {
    return this.#state.lastReplay
  }

  /**
   * Appends the entries of a batch, which is behind every batch that was appended.
   *
   * @returns where in the ledger they end: they are on disk when that is flushed.
   * @throws {@link MillraceError} `LEDGER_WRITE` once a write has failed.
   * @remarks Cost: one copy and CRC of the events; no I/O.
   */
  append(batch: RecordedBatch): number {
    const { position, entries, duplicates } = batch
    const count = entries.length + duplicates.length
    assert(position > this.#state.position && count > 0, 'entries come in journal order')
    const recordedMs = this.#arrive()
    const log = this.#log
    const groupStart = log.queue.open()
    const record = encodeBatch({ ...batch, groupStart }, recordedMs, this.#state.nextId, log.seed)
    const end = log.queue.appendBytes(record)
    log.wake()
    this.#state.record(batch)
    return end
  }

  /** Writes down which entries are about to be published again; on disk when it resolves. */
  async beginReplay(replay: Replay): Promise<void> {
    const arrivalMs = this.#arrive()
    const log = this.#log
    const record = encodeReplay(replay, { groupStart: log.queue.open(), arrivalMs }, log.seed)
    const end = log.queue.appendBytes(record)
    log.wake()
    this.#state.replay(replay)
    this.#isLastPublished = false
    await log.whenFlushed(end)
  }

  /** The last replay has been published: its entries are never published again. */
  publishedReplay(): void {
    this.#isLastPublished = true
    this.#marks.add(this.#state.lastReplay?.ids ?? [])
  }

  /** Resolves once everything up to `end` is on disk. @throws MillraceError `LEDGER_WRITE`. */
  whenFlushed(end = this.#log.end): Promise<void> {
    return this.#log.whenFlushed(end)
  }

  /** Calls `listener` with how far the ledger is on disk, each time that has moved. */
  onFlushed(listener: (flushed: number) => void): () => void {
    return this.#log.onFlushed(listener)
  }

  /** The entries that a query means and that are on disk now, as far as one page goes. */
  read(query: LedgerQuery): Promise<LedgerPage> {
    return this.#inTurn(async () => {
      await this.#readMarks()
      return readPage(this.#log, this.#segments(), query, (id) => this.#marks.has(id))
    })
  }

  summary(): LedgerSummary {
    const { counts, nextId } = this.#state
    const first = this.#firstIds.get(this.#log.start)!
    return {
      entries: nextId - first,
      bytes: this.#log.end - this.#log.start,
      dropped: first - 1,
      replayed: this.#state.replayed(this.#isLastPublished),
      counts: counts.rows,
      other: counts.other,
    }
  }

  /** Keeps what is behind a place in the ledger from now on, whatever the bounds say. */
  keepBehind(end: number): void {
    this.#keepFrom = end
  }

  /** Lets go of entries that are too many or too old. */
  async tidy(): Promise<void> {
    if (this.#isClosing) return
    const { ledgerMsMax: ageMsMax, ledgerBytesMax, segmentBytes, clock } = this.#options
    const log = this.#log
    const nowMs = clock.nowMs()
    // A segment is as old as the next one: without a next one its entries would stay for ever.
    if (log.hasRecords && nowMs - this.#segmentMs > ageMsMax / 8) {
      log.arrive()
      log.startSegment()
      this.#segmentMs = nowMs
    }
    await this.#inTurn(async () => {
      // The segment that is written to grows by as much until the next look, and is begun before.
      const bounds = {
        bytesMax: ledgerBytesMax - 2 * segmentBytes,
        ageMsMax,
        keepFrom: this.#keepFrom,
      }
      for (const { start } of await log.retire({ ...bounds, nowMs })) this.#firstIds.delete(start)
      this.#marks.dropBefore(this.#firstIds.get(log.start)!)
    })
  }

  /** Flushes what was appended and closes the files. */
  async close(): Promise<void> {
    this.#isClosing = true
    await this.#turn
    await this.#log.close()
  }

  /** Makes room for a record; its arrival time. */
  #arrive(): number {
    const arrivalMs = this.#log.arrive()
    if (this.#log.roll()) {
      this.#segmentMs = arrivalMs
      // When it is known how large the others have become. A write that fails is told elsewhere,
      // and what cannot be deleted by whoever tidies in turns.
      const tidied = this.#log.whenFlushed(this.#log.end).then(() => this.tidy())
      tidied.catch(() => undefined)
    }
    return arrivalMs
  }

  #segments(): LedgerSegment[] {
    return this.#log.segments.map((segment) => ({
      ...segment,
      firstId: this.#firstIds.get(segment.start)!,
    }))
  }

  #readMarks(): Promise<void> {
    this.#isMarked ??= (async () => {
      let last: Replay | null = null
      for await (const replay of readReplays(this.#log, [...this.#log.segments])) {
        if (last !== null && wasPublished(last, replay)) this.#marks.add(last.ids)
        last = replay
      }
      if (last !== null && this.#isLastPublished) this.#marks.add(last.ids)
    })()
    return this.#isMarked
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }
}
