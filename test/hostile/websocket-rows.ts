/**
 * Bad WebSocket frames, bit by bit, and how the connection ends.
 */
import { encode } from '@msgpack/msgpack'
import { frameBytesMax, frameFragmentsMax } from '../../src/base/limits.ts'
import { marker } from '../helpers/bystander.ts'
import { closing, frame, opcodes, type Outcome } from '../helpers/raw-frames.ts'
import type { Row } from './rows.ts'

export interface WebSocketRow extends Row {
  /** Sent right after the handshake, in one piece. */
  readonly frames: readonly Uint8Array[]
  readonly outcome: Outcome
}

const { continuation, text, binary, close, ping } = opcodes
const broken = Buffer.from([0xff, 0xfe])
const first = { fin: false }

/** A row of one frame. */
function one(id: string, what: string, bytes: Uint8Array, outcome: Outcome): WebSocketRow {
  return { id, what, frames: [bytes], outcome }
}

function fragments(payload: string): Uint8Array[] {
  const rest = Array.from({ length: frameFragmentsMax }, () => frame(continuation, payload, first))
  return [frame(binary, payload, first), ...rest]
}

export const websocketRows: readonly WebSocketRow[] = [
  one('W1', 'a frame without a mask', frame(binary, marker, { masked: false }), 1002),
  one('W2', 'the bit of compression', frame(binary, marker, { rsv: 4 }), 1002),
  one('W2', 'a bit that means nothing', frame(binary, marker, { rsv: 2 }), 1002),
  one('W3', 'a data frame that is not defined', frame(3, marker), 1002),
  one('W3', 'a control frame that is not defined', frame(11, marker), 1002),
  one('W4', 'a continuation of nothing', frame(continuation, marker), 1002),
  {
    id: 'W5',
    what: 'a message within a message',
    frames: [frame(binary, marker, first), frame(binary, marker)],
    outcome: 1002,
  },
  one('W6', 'a ping in fragments', frame(ping, marker, first), 1002),
  one('W6', 'a ping of 126 bytes', frame(ping, 'x'.repeat(126)), 1002),
  one('W7', 'a close of one byte', frame(close, 'x'), 1002),
  ...[999, 1005, 5000].map((code) =>
    one('W7', `a close with ${code}`, frame(close, closing(code)), 1002),
  ),
  one('W8', 'a close whose reason is not UTF-8', frame(close, closing(1000, broken)), 1007),
  one('W9', 'text that is not UTF-8', frame(text, broken), 1007),
  one('W10', 'text', frame(text, marker), 1003),
  one('W11', 'a message without a byte', frame(binary), 4400),
  ...[BigInt(frameBytesMax) + 1n, 2n ** 40n, 2n ** 53n, 2n ** 64n - 1n].map((declared) =>
    one('W12', `${declared} bytes, as the head says`, frame(binary, '', { declared }), 1009),
  ),
  {
    id: 'W13',
    what: 'fragments that are too long together',
    frames: [
      frame(binary, Buffer.alloc(frameBytesMax / 2 + 1), first),
      frame(continuation, Buffer.alloc(frameBytesMax / 2 + 1), first),
    ],
    outcome: 1009,
  },
  { id: 'W14', what: 'too many fragments', frames: fragments('x'), outcome: 1008 },
  { id: 'W14', what: 'too many empty fragments', frames: fragments(''), outcome: 1008 },
  {
    id: 'W16',
    what: '200 pings at once',
    frames: Array.from({ length: 200 }, () => frame(ping, 'x'.repeat(125))),
    outcome: 'cut',
  },
  one('W19', 'what is no compressed data', frame(binary, broken, { rsv: 4 }), 1002),
  one('W21', 'HTTP after the handshake', Buffer.from('GET /healthz HTTP/1.1\r\n\r\n'), 1002),
  {
    id: 'W23',
    what: 'PUBLISH before HELLO',
    frames: [frame(binary, encode([3, 'orders', 0, [encode({ store: marker })]]))],
    outcome: 4400,
  },
]
