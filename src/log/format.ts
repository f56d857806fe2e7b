/**
 * What tells one kind of log from another: the journal, the ledger and a client's outbox are logs.
 */
import { MillraceError, type ErrorCode } from '../base/errors.ts'

export interface LogFormat {
  /** End of the segments' names, behind the dot. */
  readonly suffix: string
  /** Version of the records and their meaning; a log of another one is refused. */
  readonly version: number
  /** Raised when bytes are not what was written; filled with `file`, `offset` and `reason`. */
  readonly corrupt: ErrorCode
  /** Raised when a write or flush has failed; filled with `reason`. */
  readonly writeFailed: ErrorCode
}

/** The error of a log whose bytes are not what was written. */
export function corrupt(
  format: LogFormat,
  path: string,
  offset: number,
  reason: string,
): MillraceError {
  return new MillraceError(format.corrupt, { file: path, offset, reason })
}
