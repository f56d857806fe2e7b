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
  /** Names of the views that it is too late for, when that is why. */
  readonly views?: readonly string[]
}

/** An event that was too late for some views of a route, and was counted by the others. */
export interface PartlyLate {
  /** Place of the event in its batch. */
  readonly index: number
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
