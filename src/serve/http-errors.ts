/**
 * Every refusal of the HTTP side as `{ "error": { code, message, retry } }`, with the status of
 * the error table; or as the clients of other products expect it, on the routes that speak theirs.
 *
 * Whatever was not raised on purpose, and whatever tells of the machine's inside, goes out as
 * `INTERNAL` and is logged here; a client learns nothing from it but that it may try again.
 */
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { errorTable, MillraceError, printable, type ErrorCode } from '../base/errors.ts'
import { httpBodyBytesMax, httpHeaderBytesMax } from '../base/http-limits.ts'

export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode
    readonly message: string
    readonly retry: 'never' | 'backoff'
  }
}

export function errorBody({ code, message }: MillraceError): ErrorBody {
  return { error: { code, message, retry: errorTable[code].retry } }
}

/** A logger in the manner of pino. */
export interface HttpLog {
  error(fields: object, message: string): void
}

/** How a refusal is told: its status, and the body that is sent as JSON. */
export interface Refusal {
  readonly status: number
  readonly body: object
}

/** The form in which clients of some routes expect refusals. */
export type RefusalFormat = (error: MillraceError) => Refusal

const ours: RefusalFormat = (error) => ({
  status: errorTable[error.code].http,
  body: errorBody(error),
})

type ErrorHandler = (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => void

/** What answers a request that failed, whatever was thrown. */
export function createErrorHandler(
  log: HttpLog | undefined,
  format: RefusalFormat = ours,
): ErrorHandler {
  return (thrown, request, reply) => {
    const raised = refusalOf(thrown, request)
    if (errorTable[raised.code].domain === 'internal') {
      log?.error({ err: thrown, url: printable(request.url) }, 'request failed')
      sendRefusal(new MillraceError('INTERNAL'), reply, format)
    } else {
      sendRefusal(raised, reply, format)
    }
  }
}

const closing = new Set<ErrorCode>(['BODY_TOO_LARGE', 'EXPECTATION_UNKNOWN'])

function sendRefusal(error: MillraceError, reply: FastifyReply, format: RefusalFormat): void {
  const { status, body } = format(error)
  if (status === 503) reply.header('retry-after', '1')
  if (error.code === 'UPGRADE_REQUIRED') reply.header('upgrade', 'websocket')
  if (error.code === 'METHOD_UNKNOWN') reply.header('allow', String(error.details['allowed']))
  // The request's body may still be on its way, and nobody is going to read it.
  if (closing.has(error.code)) reply.header('connection', 'close')
  reply.code(status).send(body)
}

/** What the framework calls its refusals, in our codes; `INTERNAL` for anything else. */
function refusalOf(thrown: unknown, { routeOptions }: FastifyRequest): MillraceError {
  if (thrown instanceof MillraceError) return thrown
  const { code, statusCode } = thrown as { code?: string; statusCode?: number }
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new MillraceError('BODY_TOO_LARGE', {
        max: routeOptions.bodyLimit ?? httpBodyBytesMax,
      })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new MillraceError('BODY_TYPE', { expected: 'application/json' })
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return requestInvalid('body', 'is empty')
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return requestInvalid('body', 'is not JSON')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return requestInvalid('body', 'is not as long as its Content-Length')
    case 'FST_ERR_BAD_URL':
      return requestInvalid('path', 'is not a valid URL path')
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return requestInvalid('path', 'has a name that is too long')
    default:
      return statusCode !== undefined && statusCode >= 400 && statusCode < 500
        ? requestInvalid('request', 'cannot be understood')
        : new MillraceError('INTERNAL', {}, { cause: thrown })
  }
}

function requestInvalid(path: string, reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path, reason })
}

/**
 * Answers bytes that are not an HTTP request, before there is a request to answer; then the socket
 * goes, whatever the peer does: what it has not said by now is of no interest.
 */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  // A peer that does not get through the TLS handshake has no way to read an answer.
  const isDeaf = error.code === 'ECONNRESET' || /^E(?:RR_SSL|RR_TLS|PROTO)/.test(error.code ?? '')
  if (isDeaf || !socket.writable) {
    socket.destroy()
    return
  }
  socket.once('finish', () => socket.destroy())
  const refusal = connectionRefusal(error.code)
  const { http } = errorTable[refusal.code]
  const body = JSON.stringify(errorBody(refusal))
  socket.end(
    `HTTP/1.1 ${http} ${refusal.code}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

function connectionRefusal(code: string | undefined): MillraceError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new MillraceError('REQUEST_TIMEOUT')
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new MillraceError('HEADERS_TOO_LARGE', { max: httpHeaderBytesMax })
  }
  return requestInvalid('request', 'is not valid HTTP/1.1')
}
