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

export function rejection(
  index: number,
  code: ErrorCode,
  path: string,
  details: ErrorDetails = {},
): Rejection {
  return { index, code, path: printable(path), message: printable(errorMessage(code, details)) }
}
