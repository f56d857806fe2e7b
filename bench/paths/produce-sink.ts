/**
 * The other end of the `produce` bench: a bare `ws` server, a process of its own.
 *
 * It greets, checks that sequences follow one another, acknowledges each PUBLISH and keeps one
 * event of many. It neither stores nor counts, so that the producer waits for little. What comes
 * on any other path than that of the protocol is dropped.
 */
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import {
  decodeClientFrame,
  encodeAck,
  encodeWelcome,
  streamPath,
  type ClientFrame,
  type PublishFrame,
} from '../../src/wire/protocol.ts'
import { greeting } from './produce-greeting.ts'

/** What the sink tells: first where it is, and when it is asked, what it was sent. */
export type SinkMessage = { readonly port: number } | { readonly report: SinkReport }

export interface SinkReport {
  readonly events: number
  /** Sequence and msgpack, in base64, of the events that were kept. */
  readonly kept: readonly (readonly [number, string])[]
}

/** One of so many events is kept: a prime, so that it stands everywhere in a frame. */
const keptEvery = 997

const kept: [number, string][] = []
let next = 0

function received(socket: WebSocket, frame: ClientFrame): void {
  if (frame.kind === 'hello') {
    socket.send(encodeWelcome(greeting(frame.producer)))
  } else if (frame.kind === 'publish') {
    if (frame.sequence !== next) throw new Error(`${frame.sequence} came, not ${next}`)
    keep(frame)
    next += frame.count
    socket.send(encodeAck({ upTo: next - 1, credits: null, duplicates: 0, rejections: [] }))
  }
}

function keep({ sequence, count, payload }: PublishFrame): void {
  const first = Math.ceil(sequence / keptEvery) * keptEvery
  if (first >= sequence + count) return
  let at = payload[0] === 0xdc ? 3 : 1
  for (let n = sequence; n < sequence + count; n++) {
    // Events of the bench are shorter than 256 bytes, and the frame is checked.
    const end = at + 2 + payload[at + 1]!
    if (n % keptEvery === 0) {
      kept.push([n, Buffer.from(payload.subarray(at + 2, end)).toString('base64')])
    }
    at = end
  }
}

function tell(message: SinkMessage): void {
  process.send!(message)
}

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('listening', () => tell({ port: (server.address() as AddressInfo).port }))
server.on('connection', (socket, { url }) => {
  socket.on('message', (data) => {
    if (url !== streamPath) return
    const frame = decodeClientFrame(data as Buffer)
    if (frame !== null) received(socket, frame)
  })
})
process.on('message', () => tell({ report: { events: next, kept } }))
process.on('disconnect', () => process.exit())
