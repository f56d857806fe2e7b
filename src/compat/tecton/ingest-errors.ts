/**
 * Refusals of the Stream Ingest API: `{"requestError": {errorMessage, errorType}}`.
 *
 * Of statuses it has 400, 401, 403, 404, 429, 500 and 504. What has another one here becomes the
 * nearest of these; only a method that is not served is 405, and a server that is going away, or
 * cannot go on, says 503. A client that may
 * not ask is told in the form of the serving API, too: who has a wrong key looks there.
 */
import { errorTable, type MillraceError } from '../../base/errors.ts'
import type { RefusalFormat } from '../../serve/http-errors.ts'
import { servingRefusal } from './errors.ts'

/** By status; the platform documents the first, and says nothing of the others. */
const errorTypes: Readonly<Record<number, string>> = {
  400: 'RequestValidationError',
  401: 'AuthenticationError',
  403: 'AuthorizationError',
  404: 'NotFoundError',
  405: 'MethodNotAllowedError',
  429: 'TooManyRequestsError',
  500: 'InternalServerError',
  503: 'UnavailableError',
  504: 'TimeoutError',
}

export const ingestRefusal: RefusalFormat = (error) => {
  const status = statusOf(error)
  const body = requestError(error.message, status)
  const isUnasked = status === 401 || status === 403
  return { status, body: isUnasked ? { ...body, ...servingRefusal(error).body } : body }
}

export function requestError(errorMessage: string, status: number): object {
  return { requestError: { errorMessage, errorType: errorTypes[status] } }
}

function statusOf({ code }: MillraceError): number {
  if (code === 'OVERLOADED') return 429
  const { http } = errorTable[code]
  if (errorTypes[http] !== undefined) return http
  return http < 500 ? 400 : 500
}
