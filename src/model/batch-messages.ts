/**
 * What the main thread and a thread that reads a batch source say to each other.
 */
import type { ErrorCode, ErrorDetails } from '../base/errors.ts'
import type { BatchRowsChunk, BatchRowsRequest } from './backfill.ts'

/** How such a thread starts. */
export interface BatchStart {
  /** Module that exports the definitions, as a `file:` URL; or null with plain definitions. */
  readonly definitionsUrl: string | null
  readonly definitions: readonly unknown[] | null
  readonly request: BatchRowsRequest
}

export type ToBatchThread =
  /** A batch was read to its end: there is room for one more. */
  { readonly kind: 'more' } | { readonly kind: 'stop' }

export type FromBatchThread =
  | { readonly kind: 'opened'; readonly total: number | null }
  | ({ readonly kind: 'chunk' } & BatchRowsChunk)
  | { readonly kind: 'ended' }
  /** `code` and `details` where the error is one of ours. */
  | {
      readonly kind: 'failed'
      readonly reason: string
      readonly error: { readonly code: ErrorCode; readonly details: ErrorDetails } | null
    }
