/**
 * What was not counted, as the intake hands it to the ledger and as the ledger gives it back.
 */

/** Why one event was not counted, or not by all. */
export interface EntryReason {
  /** An error code; one that a later version has dropped stays what it was. */
  readonly code: string
  /** JSON pointer into the event. */
  readonly path: string
  readonly message: string
  /** Views that did not count the event although others did; empty when no view has counted it. */
  readonly views: readonly string[]
}

/** An event on its way into the ledger. */
export interface NewEntry extends EntryReason {
  readonly sequence: number
  /** Id of the entry that was replayed as this event; null for an event that a producer sent. */
  readonly replayOf: number | null
  /** The event's msgpack, as it came. */
  readonly event: Uint8Array
}

/** The entries of one journalled batch: recorded together or not at all. */
export interface RecordedBatch<E extends NewEntry = NewEntry> {
  /** Journal position of the end of the batch. */
  readonly position: number
  readonly arrivalMs: number
  readonly producer: string
  readonly epoch: number
  /** The name that the events came with; no source need have it. */
  readonly source: string
  /** By sequence, ascending. */
  readonly entries: readonly E[]
  /**
   * Sequences of events that were accepted and that no view has counted again, ascending; told of
   * a source with an offline log only.
   */
  readonly duplicates: readonly number[]
}

/** An entry as it is read. */
export interface LedgerEntry extends NewEntry, Omit<RecordedBatch, 'entries' | 'duplicates'> {
  /** From 1 on, in the order of the journal; never given twice. */
  readonly id: number
  readonly isReplayed: boolean
}

/** Which entries are meant; those left out match any. */
export interface LedgerFilter {
  readonly source?: string
  readonly producer?: string
  readonly code?: string
}

export interface LedgerQuery {
  readonly filter: LedgerFilter
  /** Entries behind this id. */
  readonly after: number
  /** Entries up to this id. */
  readonly upTo: number
  /** Entries of one page, at most. */
  readonly limit: number
}

/** Entries in the order of their ids, and where to go on: null when there is nothing more. */
export interface LedgerPage {
  readonly entries: readonly LedgerEntry[]
  readonly next: number | null
}

/**
 * Begins the name of a producer that is one request with an idempotency key; no name from outside
 * has a space.
 */
export const requestPrefix = 'request '

/** Events of one producer and source with one code, since the ledger was made. */
export interface LedgerCount {
  readonly producer: string
  readonly source: string
  readonly code: string
  /** No view has counted them. */
  readonly rejected: number
  /** Some views have counted them, and others not. */
  readonly partial: number
}

export interface LedgerSummary {
  /** Entries that are kept, and the bytes of the files that hold them. */
  readonly entries: number
  readonly bytes: number
  /** Entries that went because the ledger was full or they were too old. */
  readonly dropped: number
  /** Entries that were replayed. */
  readonly replayed: number
  readonly counts: readonly LedgerCount[]
  /** What has no row of its own in `counts`, because there are too many. */
  readonly other: Pick<LedgerCount, 'rejected' | 'partial'>
}

/** What a replay is asked for; it goes on behind `after`. */
export interface ReplayRequest extends LedgerQuery {
  /** Only tells what would be replayed. */
  readonly isDryRun: boolean
}

/** What has become of the entries that a replay looked at. */
export interface ReplayOutcome {
  /** Published again, or in a dry run, would be. */
  readonly replayed: number
  /** Of those, counted, and rejected again. */
  readonly accepted: number
  readonly rejected: number
  readonly skipped: {
    /** Some views have counted the event: it would count twice. */
    readonly partial: number
    /** Replayed before. */
    readonly replayed: number
    /** Its source is no longer defined. */
    readonly sourceUnknown: number
  }
  /** Names of those sources. */
  readonly sourcesUnknown: readonly string[]
  /** Id up to which entries were meant, and where to go on: null when all have been looked at. */
  readonly upTo: number
  readonly next: number | null
}

/** Where requests look into the ledger. */
export interface LedgerPort {
  /** Sees every entry whose event was acknowledged before the call. */
  list(query: LedgerQuery): Promise<LedgerPage>
  summary(): LedgerSummary
  /** @throws MillraceError `DRAINING` */
  replay(request: ReplayRequest): Promise<ReplayOutcome>
}
