/**
 * A backfill as requests see it: what may be asked for, and how it is doing.
 */

export interface BackfillRequest {
  /** Names of views; null for all that are not complete. */
  readonly views: readonly string[] | null
  /** Where their history begins, event time, ms; null for what the definitions say. */
  readonly fromMs: number | null
  /** Event time before which it stops for now, ms; null for the boundary. */
  readonly toMs: number | null
}

/**
 * `pending`: not begun. `running`: rows are read, or wait for another backfill. `paused`: begun,
 * and going on when it is asked for again. `failed`: likewise, once the reason is gone. `complete`:
 * the views are served.
 */
export type BackfillState = 'pending' | 'running' | 'paused' | 'failed' | 'complete'

/** One backfill, or the views of one source that wait for one. */
export interface BackfillStatus {
  /** From 1 on; null before it has begun. */
  readonly id: number | null
  readonly source: string
  readonly views: readonly {
    readonly name: string
    readonly fromMs: number | null
    readonly boundaryMs: number
  }[]
  readonly state: BackfillState
  /** Rows that are counted or rejected for good. */
  readonly rows: number
  /** Rows of the batch source in the range; null before they have been counted in this life. */
  readonly rowsTotal: number | null
  /** Rows that were rejected in this life. */
  readonly rejected: number
  /** Since it was asked for last: rows, and time while it ran, ms. */
  readonly run: { readonly rows: number; readonly elapsedMs: number }
  /** Why it has failed. */
  readonly error: { readonly code: string; readonly message: string } | null
}

/** Where requests ask for backfills. */
export interface BackfillPort {
  /**
   * Begins, or goes on with, backfills of views, one after the other; does not wait for them.
   *
   * @returns those that were asked for.
   * @throws MillraceError `REQUEST_INVALID`
   */
  start(request: BackfillRequest): Promise<readonly BackfillStatus[]>
  /** Stops what runs, at the next row; resolves when all that was read is counted. */
  pause(): Promise<readonly BackfillStatus[]>
  status(): readonly BackfillStatus[]
}

/** Rows of a batch source, ordered by event time and then by where they stand. */
export interface BatchRows extends AsyncIterable<BatchRowsChunk> {
  /** Events in the range, with those that are skipped; null where nobody knows before the end. */
  readonly total: number | null
  /** Lets go of it, before its end or after. */
  close(): Promise<void>
}

/** Some consecutive rows; gone with the next. */
export interface BatchRowsChunk {
  readonly count: number
  /** A msgpack array of `bin`s, an event each. */
  readonly payload: Uint8Array
  /** Where each stood; see `model/origins.ts`. */
  readonly origins: Uint8Array
}

export interface BatchRowsRequest {
  /** Name of the source. */
  readonly source: string
  /** Event times, `[fromMs, untilMs)`; null for the first row. */
  readonly fromMs: number | null
  readonly untilMs: number
  /** Rows of the range that are left out, the first of it. */
  readonly skip: number
  /** Rows of the first chunk, and of the others but the last. */
  readonly firstRows: number
  readonly chunkRows: number
  /** Whether nothing of the history is behind the range: only then come lines that are no rows. */
  readonly isWhole: boolean
}

/** @throws MillraceError when the batch source cannot be read, or does not fit. */
export type OpenBatchRows = (request: BatchRowsRequest) => Promise<BatchRows>
