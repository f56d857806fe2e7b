/**
 * What a training set was made of, beside it: enough to tell whether another one is the same, and
 * if it is not, why.
 */
import type { ErrorCode } from '../base/errors.ts'

/** What was known at a moment: what had happened until then, or what had been received. */
export const knowledges = ['event-time', 'served'] as const
export type Knowledge = (typeof knowledges)[number]

/** A file by its content. */
export interface FileFacts {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

export interface TrainingManifest {
  /** Version of Millrace. */
  readonly millrace: string
  readonly service: string
  /** Hash of all that decides a value: views, sources, and how their pasts are read. */
  readonly definitions: string
  /** What was known at a moment; see {@link Knowledge}. */
  readonly as: Knowledge
  readonly spine: FileFacts & { readonly rows: number; readonly timeColumn: string | null }
  readonly sources: readonly SourceFacts[]
  /** Views that begin with their stream, as served: what is before came from a batch source. */
  readonly begins: readonly { readonly view: string; readonly at: string }[]
  readonly realtime: readonly RealtimeFacts[]
  readonly out: FileFacts & { readonly rows: number; readonly columns: readonly string[] }
}

export interface SourceFacts {
  readonly name: string
  /** Files with their sizes, or the query; or what a daemon had received. */
  readonly from:
    readonly { readonly file: string; readonly bytes: number }[] | string | ReceivedFacts
  /** Rows that did not count, by code; of the keys of the spine. */
  readonly rejected: Readonly<Partial<Record<ErrorCode, number>>>
  /** The first of them, of each code a few, of a batch source; by their places. */
  readonly firstRejected: readonly RejectedRowFacts[]
}

/** A row that did not count. */
export interface RejectedRowFacts {
  readonly code: ErrorCode
  /** Null for the rows of a query. */
  readonly file: string | null
  /** Number of the row in the file, or in the answer of the query, from 1. */
  readonly row: number
  /** Of the field, as a JSON pointer; `''` for the row itself. */
  readonly path: string
  readonly message: string
}

/** What has become of a realtime view. */
export interface RealtimeFacts {
  readonly view: string
  /** Rows for which its function has failed, and why for the first of them; null for none. */
  readonly failed: number
  readonly failure: string | null
}

/** What there is of a source in a data directory. */
export interface ReceivedFacts {
  /** Names the journal, 32 hexadecimal digits. */
  readonly journal: string
  readonly events: number
  /** When the newest of them arrived; null when there is none. */
  readonly newest: string | null
  /** Arrival from which on every event is there; null when none is missing. */
  readonly knownFrom: string | null
  /** Events of which no row could be made any more, such as by code that has changed. */
  readonly unreadable: number
}

/** What has become of features in range. */
export interface RangeResult {
  readonly rows: number
}
