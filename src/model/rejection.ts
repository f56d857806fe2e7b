/**
 * Why an event was not counted, as data.
 */
import { errorMessage, printable, type ErrorCode, type ErrorDetails } from '../base/errors.ts'

export interface Rejection {
  /** Place of the event in its batch. */
  readonly index: number
  readonly code: ErrorCode
  /** JSON pointer into the event, `''` for the event itself; escaped and at most 256 characters. */
  readonly path: string
  /** A sentence, without values of the event; escaped and at most 256 characters. */
  readonly message: string
}

/** The same of an event that was pushed. */
export interface PushRejection extends Rejection {
  /** Names of the views that do not count it, when it is right in itself. */
  readonly views?: readonly string[]
}

/**
 * Why a view may leave out an event that is right in itself: by its time, or because its key is one
 * too many. In order of weight.
 */
export const missedCodes = ['EVENT_TOO_LATE', 'EVENT_BEFORE_STREAM', 'EVENT_CARDINALITY'] as const
export type MissedCode = (typeof missedCodes)[number]

/** An event that some views of a route do not count, and which the others have counted. */
export interface PartlyLate {
  /** Place of the event in its batch. */
  readonly index: number
  readonly code: MissedCode
  readonly path: string
  /** Names of the views that did not count it. */
  readonly views: readonly string[]
}

export function rejection(
  index: number,
  code: ErrorCode,
  path: string,
  details: ErrorDetails = {},
): Rejection {
  return { index, code, path: printable(path), message: printable(errorMessage(code, details)) }
}
