/**
 * One connection of an attacker: a request, or a WebSocket with frames that are almost right.
 *
 * It ends its side when it has sent what it has, so that every connection comes to an end.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { encode } from '@msgpack/msgpack'
import { systemClock } from '../../src/base/clock.ts'
import * as protocol from '../../src/wire/protocol.ts'
import { below, mutated, pick, type Random } from '../helpers/mutate.ts'
import {
  frame,
  opcodes,
  RawWebSocket,
  upgradeRequest,
  type Outcome,
} from '../helpers/raw-frames.ts'
import { openSocket, parseAnswer } from '../helpers/raw-http.ts'
import { bodySeeds } from './fuzz-bodies.ts'
import { frameSeeds, isUnderstood } from './fuzz-frames.ts'

/** What one connection sent. */
export interface Attack {
  readonly sent: Uint8Array
  readonly frames: number
  readonly events: number
  /** Asserts that it was ended as it may be. */
  readonly check: () => void
}

const closings: readonly Outcome[] = [
  ...([1000, 1002, 1003, 1005, 1007, 1008, 1009] as const),
  ...([4400, 4409, 4410, 4413, 4422, 4429] as const),
  'cut',
]

const at = systemClock.nowMs()
const order = { user_id: 1, store: 'a', at, amount: 1 }
const eventSeeds: readonly Uint8Array[] = [
  encode(order),
  encode({ ...order, at: new Date(at), amount: null }),
  encode({ ...order, store: 'é日', user_id: '12345678901' }),
]

const requestSeeds: readonly Uint8Array[] = [
  upgradeRequest(),
  'GET /v1/features/user_orders?user_id=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET /v1/ledger?limit=2&after=1&code=EVENT_DECODE HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n',
  ...bodySeeds.map(
    (body) =>
      'POST /v1/features/user_orders HTTP/1.1\r\nHost: 127.0.0.1\r\n' +
      'Content-Type: application/json\r\n' +
      `Content-Length: ${body.length}\r\n\r\n${Buffer.from(body).toString('latin1')}`,
  ),
  'POST /v1/ledger/replay HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n' +
    'Transfer-Encoding: chunked\r\n\r\nf\r\n{"dryRun":true}\r\n0\r\n\r\n',
].map((request) => Buffer.from(request, 'latin1'))

/** Sends a request; whatever is answered is of the client's doing. */
export async function attackHttp(port: number, random: Random): Promise<Attack> {
  const sent = mutated(requestSeeds, random)
  const socket = await openSocket(port)
  socket.on('error', () => {})
  socket.end(sent)
  const answer = await text(socket).catch(() => '')
  const { status } = parseAnswer(answer)
  return {
    sent,
    frames: 1,
    events: 0,
    check: () => assert.ok(Number.isNaN(status) || status < 500 || status === 503, answer),
  }
}

/** Sends frames until one is wrong, or there are twenty. */
export async function attackFrames(port: number, random: Random): Promise<Attack> {
  const peer = await RawWebSocket.open(port)
  const frames: Uint8Array[] = []
  const producer = below(random, 4) === 0 ? null : `attacker-${below(random, 8)}`
  if (below(random, 8) > 0) frames.push(protocol.encodeHello({ producer, epoch: null }))
  let events = 0
  for (let isRight = true; isRight && frames.length < 20;) {
    if (producer !== null && below(random, 2) === 0) {
      const batch = Array.from({ length: 1 + below(random, 40) }, () => mutated(eventSeeds, random))
      frames.push(protocol.encodePublish('orders', events, batch))
      events += batch.length
    } else {
      const bytes = mutated(frameSeeds, random)
      isRight = isUnderstood(bytes)
      frames.push(bytes)
    }
  }
  const sent = Buffer.concat(frames.map((bytes) => wrapped(bytes, random)))
  peer.socket.end(sent)
  const outcome = await peer.outcome
  if (!peer.socket.destroyed) {
    peer.socket.destroy()
    await once(peer.socket, 'close')
  }
  return {
    sent,
    frames: frames.length,
    events,
    check: () => assert.ok(closings.includes(outcome), `closed with ${outcome}`),
  }
}

/** A message in a WebSocket frame, which is wrong itself once in a hundred times. */
function wrapped(bytes: Uint8Array, random: Random): Buffer {
  if (below(random, 100) > 0) return frame(opcodes.binary, bytes)
  return frame(below(random, 16), bytes, {
    fin: below(random, 2) > 0,
    rsv: pick(random, [0, 0, 1, 2, 4]),
    masked: below(random, 4) > 0,
  })
}
