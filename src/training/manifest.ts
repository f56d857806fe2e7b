/**
 * What a training set was made of, beside it: enough to tell whether another one is the same, and
 * if it is not, why.
 */
import type { ErrorCode } from '../base/errors.ts'

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
  readonly spine: FileFacts & { readonly rows: number; readonly timeColumn: string }
  readonly sources: readonly SourceFacts[]
  readonly out: FileFacts & { readonly rows: number; readonly columns: readonly string[] }
}

export interface SourceFacts {
  readonly name: string
  /** Files with their sizes, or the query. */
  readonly from: readonly { readonly file: string; readonly bytes: number }[] | string
  /** Rows that did not count, by code; of the keys of the spine. */
  readonly rejected: Readonly<Partial<Record<ErrorCode, number>>>
}

/** What has become of features in range. */
export interface RangeResult {
  readonly rows: number
}
