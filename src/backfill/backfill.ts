/**
 * One backfill: the rows of a batch source that are not counted yet, in their order, up to where
 * the stream of its views begins.
 *
 * Rows are numbered in the order of event time, so that a backfill that ends before its time has
 * counted the oldest. When it goes on, the last batch is published once more: the journal tells
 * whether the batch source still holds the same there.
 */
import type { Clock } from '../base/clock.ts'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { backfillBatchRows } from '../base/batch-limits.ts'
import type { BackfillState, BackfillStatus, BatchRows, OpenBatchRows } from '../model/backfill.ts'
import { BackfillProducer, type BackfillProducerOptions } from './backfill-producer.ts'

export interface BackfillOptions extends Omit<BackfillProducerOptions, 'onRejected'> {
  readonly views: BackfillStatus['views']
  readonly openRows: OpenBatchRows
  readonly clock: Clock
  /** Rows of a batch. @defaultValue `backfillBatchRows` */
  readonly batchRows?: number
  /** Writes down that every row is counted. */
  readonly onComplete: (rows: number) => Promise<void>
}

export class Backfill {
  readonly #options: BackfillOptions
  readonly #producer: BackfillProducer
  #state: BackfillState = 'paused'
  #rowsTotal: number | null = null
  #rejected = 0
  #error: BackfillStatus['error'] = null
  #isStopping = false
  /** Rows and monotonic time when it was asked for last, and how long it had run by its end. */
  #startRows = 0
  #startMs = 0
  #elapsedMs: number | null = 0

  constructor(options: BackfillOptions) {
    this.#options = options
    const onRejected = (count: number): void => {
      this.#rejected += count
    }
    this.#producer = new BackfillProducer({ ...options, onRejected })
  }

  get status(): BackfillStatus {
    const { id, source, views, clock } = this.#options
    const { rows } = this.#producer
    const elapsedMs = this.#elapsedMs ?? clock.monotonicMs() - this.#startMs
    return {
      id,
      source,
      views,
      state: this.#state,
      rows,
      rowsTotal: this.#rowsTotal,
      rejected: this.#rejected,
      run: { rows: rows - this.#startRows, elapsedMs },
      error: this.#error,
    }
  }

  /** Finds out how far it has come. */
  async open(): Promise<void> {
    await this.#producer.open()
  }

  /** It is going to run when others have ended. */
  queue(): void {
    if (this.#state === 'complete' || this.#state === 'running') return
    this.#state = 'running'
    this.#error = null
    // Of another range, perhaps.
    this.#rowsTotal = null
    this.#isStopping = false
    this.#startRows = this.#producer.rows
    this.#startMs = this.#options.clock.monotonicMs()
    this.#elapsedMs = null
  }

  /**
   * Counts rows to the end, until it is stopped, or as far as it is asked; never throws.
   *
   * @param toMs  Event time before which it ends for now, ms; null for the boundary.
   */
  async run(toMs: number | null): Promise<void> {
    try {
      const isComplete = await this.#countRows(toMs)
      await this.#producer.settled()
      if (isComplete) await this.#options.onComplete(this.#producer.rows)
      if (isComplete) this.#producer.close()
      this.#state = isComplete ? 'complete' : 'paused'
    } catch (thrown) {
      const code = thrown instanceof MillraceError ? thrown.code : 'INTERNAL'
      this.#error = { code, message: reasonOf(thrown) }
      await this.#producer.settled()
      this.#state = 'failed'
    } finally {
      this.#elapsedMs = this.#options.clock.monotonicMs() - this.#startMs
    }
  }

  /** Ends a run at the next batch. */
  stop(): void {
    this.#isStopping = true
  }

  /** @returns whether every row of the backfill is published. */
  async #countRows(toMs: number | null): Promise<boolean> {
    if (this.#isStopping) return false
    const { source, views, openRows, clock, batchRows = backfillBatchRows } = this.#options
    const boundaryMs = Math.max(...views.map((view) => view.boundaryMs))
    const starts = views.map(({ fromMs }) => fromMs ?? -Infinity)
    const fromMs = Math.min(...starts)
    // Until the boundary has come, there may be more rows before it.
    const isLast = (toMs === null || toMs >= boundaryMs) && clock.nowMs() >= boundaryMs
    const untilMs = Math.min(toMs ?? boundaryMs, boundaryMs)
    const { rows: counted } = this.#producer
    const repeated = Math.min(counted, batchRows)
    const rows = await openRows({
      source,
      fromMs: Number.isFinite(fromMs) ? fromMs : null,
      untilMs,
      skip: counted - repeated,
      firstRows: repeated === 0 ? batchRows : repeated,
      chunkRows: batchRows,
      isWhole: isLast,
    })
    try {
      this.#rowsTotal = rows.total
      const end = await this.#publishAll(rows, counted - repeated)
      if (this.#isStopping) return false
      if (end >= counted) return isLast
      // It had come further than it is asked to now; else there are fewer rows than there were.
      if (toMs !== null) return false
      throw new MillraceError('BATCH_CHANGED', { source, rows: counted })
    } finally {
      await rows.close()
    }
  }

  /** @returns the row behind the last one that was published. */
  async #publishAll(rows: BatchRows, first: number): Promise<number> {
    let row = first
    for await (const chunk of rows) {
      if (this.#isStopping) break
      await this.#producer.publish(row, chunk)
      row += chunk.count
    }
    return row
  }
}
