/**
 * Answers to upgrade requests that are not let in: ordinary HTTP responses on the raw socket, in
 * the form of every other refusal of the daemon, before a WebSocket exists.
 */
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { errorTable, MillraceError } from '../base/errors.ts'
import { admissionRefusal, type Admission } from '../model/admission.ts'
import { challenge, type Grant } from '../model/permission.ts'
import { subprotocol } from './frames.ts'

/** What the door checks of a request. */
export interface Door {
  readonly path: string
  readonly admission: Admission
  /** What whoever asks may do. */
  readonly grant: Grant
  /** Why nobody is let in at the moment; null when the door is open. */
  readonly shut: () => MillraceError | null
}

/** Why an upgrade request is refused; null when it may pass. */
export function refusalOf(request: IncomingMessage, door: Door): MillraceError | null {
  const path = (request.url ?? '').replace(/\?.*/s, '')
  const { upgrade } = request.headers
  const refusal = admissionRefusal(request, door.admission)
  if (refusal !== null) return refusal
  if (path !== door.path) return new MillraceError('ROUTE_UNKNOWN', { path })
  if (request.method !== 'GET') return new MillraceError('METHOD_UNKNOWN', { path, allowed: 'GET' })
  if (upgrade?.toLowerCase() !== 'websocket') return new MillraceError('UPGRADE_REQUIRED')
  if (!offeredProtocols(request).includes(subprotocol)) {
    return new MillraceError('SUBPROTOCOL', { expected: subprotocol })
  }
  // Whoever may publish may read, too.
  return door.grant.refusal('read-features') ?? door.shut()
}

function offeredProtocols(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
}

/** Writes the refusal and ends the socket. */
export function refuseUpgrade(socket: Duplex, { code, message, details }: MillraceError): void {
  const { http: status, retry } = errorTable[code]
  const body = JSON.stringify({ error: { code, message, retry } })
  const headers = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  if (status === 503) headers.push('Retry-After: 1')
  if (code === 'UNAUTHORIZED') headers.push(`WWW-Authenticate: ${challenge}`)
  if (code === 'UPGRADE_REQUIRED') headers.push('Upgrade: websocket')
  if (code === 'REQUEST_INVALID') headers.push('Sec-WebSocket-Version: 13, 8')
  if (code === 'METHOD_UNKNOWN') headers.push(`Allow: ${details['allowed']}`)
  socket.once('finish', () => socket.destroy())
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`)
}
