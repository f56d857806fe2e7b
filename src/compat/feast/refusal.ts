/**
 * Refusals as Feast's feature server tells them: `{"detail": message}`.
 */
import { errorTable, type ErrorCode } from '../../base/errors.ts'
import type { RefusalFormat } from '../../serve/http-errors.ts'

/** What cannot be carried out as it stands is 422 there, and so is a push to no source. */
const unprocessable = new Set<ErrorCode>(['SOURCE_UNKNOWN'])

export const feastRefusal: RefusalFormat = ({ code, message }) => {
  const { http } = errorTable[code]
  const isUnprocessable = http === 400 || unprocessable.has(code)
  return { status: isUnprocessable ? 422 : http, body: { detail: message } }
}
