/**
 * Connections of the product's load generator to a peer: the same generator, another server.
 *
 * Such a server takes WebSocket messages as they are, and answers each now and then with how many
 * it has taken on this connection so far, four bytes. There is no HELLO and no FLUSH: the link says
 * itself that it is welcome, and that all is flushed when all is answered.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { MillraceError, reasonOf } from '../../src/base/errors.ts'
import { batchEventsMax, eventBytesMax, frameBytesMax } from '../../src/base/limits.ts'
import type { Connect, LinkListener } from '../../src/load/link.ts'
import type { ServerFrame } from '../../src/wire/protocol.ts'

/** A message up to here is the FLUSH at the end: an event alone is longer. */
const flushBytesMax = 24

/** @param url  Of the peer: `ws://host:port`. */
export function connectToPeer(url: string, frameEvents: number): Connect {
  return (_producer, listener) => {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    let stream: Socket | null = null
    let written = 0
    let answered = 0
    let isFlushing = false
    let isLeft = false
    const fail = (reason: string): void => {
      if (isLeft) return
      isLeft = true
      socket.terminate()
      listener.failed(new MillraceError('CLIENT_REFUSED', { reason }))
    }
    const flushed = (): void => {
      if (isFlushing && answered === written) listener.received({ kind: 'flushed', token: 0 })
    }
    socket.on('upgrade', (response: IncomingMessage) => {
      stream = response.socket
    })
    socket.on('open', () => listener.received(welcome))
    socket.on('message', (data: Buffer) => {
      if (isLeft) return
      answered = data.readUInt32BE(0)
      acknowledge(listener, answered * frameEvents - 1)
      flushed()
    })
    socket.on('error', (cause) => fail(reasonOf(cause)))
    socket.on('close', (code) => fail(`closed: ${code}`))
    return {
      write(message) {
        if (message.length > flushBytesMax) {
          written += 1
          stream!.write(message)
          return
        }
        isFlushing = true
        process.nextTick(flushed)
      },
      cork: () => stream!.cork(),
      uncork: () => stream!.uncork(),
      close() {
        isLeft = true
        socket.terminate()
      },
    }
  }
}

const welcome: ServerFrame = {
  kind: 'welcome',
  version: 1,
  server: 'peer',
  producer: null,
  epoch: null,
  isExpired: false,
  lastSequence: null,
  credits: { events: Infinity, bytes: Infinity },
  limits: {
    frameBytes: frameBytesMax,
    batchEvents: batchEventsMax,
    eventBytes: eventBytesMax,
  },
  heartbeatMs: 0,
  sources: [],
  services: [],
}

function acknowledge(listener: LinkListener, upTo: number): void {
  listener.received({ kind: 'ack', upTo, credits: null, duplicates: 0, rejections: [] })
}
