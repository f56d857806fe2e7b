/**
 * HTTP as a list of bytes: requests that no client library would send, and what comes back until
 * the server ends the connection.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

export interface RawAnswer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** The code in a body of the form of every refusal. */
  readonly code: string | null
}

/** @param signal  Destroys the socket. */
export async function openSocket(port: number, signal?: AbortSignal): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, signal })
  await once(socket, 'connect')
  return socket
}

/** Sends the bytes, ends nothing, and reads until the server does; null when it says nothing. */
export async function exchange(
  port: number,
  bytes: string | Uint8Array,
  signal?: AbortSignal,
): Promise<RawAnswer | null> {
  const socket = await openSocket(port, signal)
  // What is sent after the server has refused to read is lost, which is no fault.
  socket.on('error', () => {})
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  const answer = await text(socket).catch(() => '')
  socket.destroy()
  return answer === '' ? null : parseAnswer(answer)
}

export function parseAnswer(answer: string): RawAnswer {
  const [head, ...rest] = answer.split('\r\n\r\n')
  const [first, ...lines] = head!.split('\r\n')
  const headers = new Map(
    lines.map((line) => {
      const at = line.indexOf(':')
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()]
    }),
  )
  const body = rest.join('\r\n\r\n')
  const code = /"error":\{"code":"([A-Z_]+)"/.exec(body)?.[1] ?? null
  return { status: Number(first!.split(' ')[1]), headers, body, code }
}
