/**
 * Refusals in the platform's form: `{"error": message, "code": gRPC code, "message": message}`.
 *
 * Clients decide by the status and show the message; some messages are the platform's own, to the
 * letter.
 */
import { errorTable, type ErrorCode } from '../../base/errors.ts'
import type { RefusalFormat } from '../../serve/http-errors.ts'

/** Where the platform's status is not the one of our table. */
const statuses: Partial<Record<ErrorCode, number>> = {
  OVERLOADED: 429,
  ANSWER_TOO_LARGE: 400,
  TOO_MANY_KEYS: 400,
  TOO_MANY_ROWS: 400,
}

/** gRPC codes by HTTP status; any other is `UNKNOWN`, 2. */
const grpcCodes: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  405: 12,
  408: 4,
  413: 8,
  415: 3,
  421: 3,
  429: 8,
  431: 8,
  500: 13,
  503: 14,
  504: 4,
  507: 14,
}

const messages: Readonly<Record<number, string>> = {
  429: 'GetFeatures exceeded the concurrent request limit, please retry later',
  503: '503 Service Temporarily Unavailable',
  504: 'Timed out',
}

/** What the platform says of keys, whatever is wrong with them. */
const keyMessages: Partial<Record<ErrorCode, string>> = {
  UNAUTHORIZED:
    "invalid 'Tecton-key' authorization header. Note that newly created credentials may take up " +
    'to 60 seconds to be usable.',
  FORBIDDEN: 'Not Authorized. Note that access control changes may take up to 60 seconds to apply.',
}

export const servingRefusal: RefusalFormat = (error) => {
  const status = statuses[error.code] ?? errorTable[error.code].http
  const message = keyMessages[error.code] ?? messages[status] ?? error.message
  return { status, body: { error: message, code: grpcCodes[status] ?? 2, message } }
}
