/**
 * A connection to a server that takes messages as they are.
 *
 * `ws` opens it and reads from it. What is sent goes to the socket below, masked already: masking
 * it again, byte by byte, would cost more than the rest of the generator.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { MillraceError, printable, reasonOf } from '../base/errors.ts'
import {
  decodeServerFrame,
  encodeBye,
  encodeHello,
  streamPath,
  subprotocol,
  type ServerFrame,
} from '../wire/protocol.ts'
import { maskedMessage } from './message.ts'

export interface Link {
  /** Writes a whole message; its bytes must not change until the server has answered them. */
  write(message: Uint8Array): void
  /** What is written between the two goes out together. */
  cork(): void
  uncork(): void
  /** Leaves; what was written is still taken. Nothing is heard of it afterwards. */
  close(): void
}

export interface LinkListener {
  received(frame: ServerFrame): void
  /** The connection has ended, or could not be made. */
  failed(error: MillraceError): void
}

/** Opens a connection and says HELLO as a new epoch of a producer; WELCOME is the first answer. */
export type Connect = (producer: string, listener: LinkListener) => Link

/** Time for the upgrade, and for the server to close a connection that says BYE, ms. */
const openMsMax = 10_000
const closeMsMax = 2000

/**
 * @param url  Of the server: `http://host:port`.
 * @param apiKey  Null where it asks for none.
 */
export function connectTo(url: string, apiKey: string | null = null): Connect {
  return (producer, listener) => {
    const target = `${url.replace(/^http/, 'ws')}${streamPath}`
    const socket = new WebSocket(target, subprotocol, {
      perMessageDeflate: false,
      handshakeTimeout: openMsMax,
      headers: apiKey === null ? {} : { authorization: `Bearer ${apiKey}` },
    })
    let stream: Socket | null = null
    let isLeft = false
    const fail = (error: MillraceError): void => {
      if (isLeft) return
      isLeft = true
      socket.terminate()
      listener.failed(error)
    }
    socket.on('upgrade', (response: IncomingMessage) => {
      stream = response.socket
    })
    socket.on('open', () => {
      stream!.write(maskedMessage(encodeHello({ producer, epoch: null })))
    })
    socket.on('message', (data: Buffer) => {
      if (isLeft) return
      try {
        const frame = decodeServerFrame(data)
        if (frame !== null) listener.received(frame)
      } catch (thrown) {
        fail(refused(reasonOf(thrown), thrown))
      }
    })
    socket.on('unexpected-response', (_, { statusCode }) => fail(refused(`HTTP ${statusCode}`)))
    socket.on('error', (cause) => {
      const reason = reasonOf(cause)
      fail(new MillraceError('CLIENT_UNREACHABLE', { url, reason }, { cause }))
    })
    socket.on('close', (code, reason) => fail(refused(`closed: ${code} ${String(reason)}`)))
    return {
      write: (message) => stream!.write(message),
      cork: () => stream!.cork(),
      uncork: () => stream!.uncork(),
      close() {
        if (isLeft) return
        isLeft = true
        if (socket.readyState !== WebSocket.OPEN) {
          socket.terminate()
          return
        }
        stream!.write(maskedMessage(encodeBye()))
        const cut = setTimeout(() => socket.terminate(), closeMsMax)
        socket.once('close', () => clearTimeout(cut))
      },
    }
  }
}

function refused(reason: string, cause?: unknown): MillraceError {
  return new MillraceError('CLIENT_REFUSED', { reason: printable(reason) }, { cause })
}
