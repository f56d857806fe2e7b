/**
 * Bad frames of the protocol, and what a session makes of each: one message, one close.
 */
import { encode } from '@msgpack/msgpack'
import type { ErrorCode } from '../../src/base/errors.ts'
import { batchEventsMax } from '../../src/base/limits.ts'
import { marker } from '../helpers/bystander.ts'
import type { Row } from './rows.ts'

export interface FrameRow extends Row {
  /** The messages of one peer, in order; those of `open` come behind HELLO and WELCOME. */
  readonly frames: readonly Uint8Array[]
  readonly from: 'greeting' | 'open'
  readonly code: ErrorCode
  readonly reason: RegExp
}

const good = encode({ store: marker })

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(' ', ''), 'hex')
}

function row(
  id: string,
  what: string,
  frame: Uint8Array,
  reason: RegExp,
  code: ErrorCode = 'FRAME_INVALID',
): FrameRow {
  return { id, what, frames: [frame], from: 'open', code, reason }
}

/** HELLO with one field that is not as it must be. */
function hello(id: string, what: string, field: object, reason: RegExp): FrameRow {
  const frame = encode([1, { v: 1, producer: 'p', epoch: null, ...field }])
  return { id, what, frames: [frame], from: 'greeting', code: 'FRAME_INVALID', reason }
}

const nested = Buffer.concat(Array.from({ length: 21_845 }, () => hex('dc0400')))
const many = Array.from({ length: batchEventsMax + 1 }, () => good)
const manyNames = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, n]))
const gap = encode([3, 'impressions', 9, [good]])

const structure: readonly FrameRow[] = [
  row('M1', 'a byte that is never used', hex('c1'), /an array is due/),
  row('M1', 'one within a frame', hex('92 07 c1'), /0xc1/),
  row('M2', 'a string that is cut', hex('92 09 a5 61'), /truncated/),
  row('M2', 'an integer that is cut', hex('92 07 ce 00'), /truncated/),
  row('M2', 'an array that is cut', hex('93 0a'), /an id, a name and keys|truncated/),
  row('M3', 'a byte behind a FLUSH', hex('92 07 01 c0'), /bytes follow/),
  row('M3', 'a byte behind a PUBLISH', hex('94 03 a1 73 00 91 c4 01 80 c0'), /bytes follow/),
  row('M4', 'an array of 30 million in 5 bytes', hex('dd 01 c9 c3 80'), /truncated/),
  row('M4', 'the same within a frame', hex('92 09 dd 01 c9 c3 80'), /longer than the bytes/),
  row('M5', 'arrays in arrays, 64 KB', Buffer.concat([hex('92 09'), nested]), /deeper than 6/),
  row('M6', '200,000 arrays', Buffer.concat([hex('92 09'), Buffer.alloc(2e5, 0x91)]), /deeper/),
  row('M7', 'a map of 4 billion', hex('92 09 df ff ff ff ff'), /longer than the bytes/),
  row('M7', 'a string of 4 billion', hex('92 09 db ff ff ff ff'), /truncated/),
  row('M7', 'a binary of 4 billion', hex('92 09 c6 ff ff ff ff'), /truncated/),
  row('M7', 'an extension of 4 billion', hex('92 09 c9 ff ff ff ff'), /0xc9/),
  row('M8', 'an extension with a long head', hex('92 09 c9 00 00 00 00 05'), /0xc9/),
  row('M15', 'a HELLO of 100,000 names', encode([1, manyNames]), /more than 1024 values/),
  row(
    'M15',
    'a key of 100,000 names',
    encode([10, 1, 'v', [manyNames]]),
    /more than 200000 values/,
  ),
  row('M15', '100,000 values', encode([9, Object.keys(manyNames)]), /more than 1024 values/),
  row('M33', 'no event', encode([3, 's', 0, []]), /at least one event/),
  row('M33', '10,001 events', encode([3, 's', 0, many]), /10001 events/, 'BATCH_TOO_LARGE'),
  row('M33', 'fewer events than it says', hex('94 03 a1 73 00 92 c4 01 80'), /truncated/),
]

const sessions: readonly FrameRow[] = [
  {
    ...row('P4', 'a gap, three times', gap, /3 times/, 'SEQUENCE_GAP_PERSISTS'),
    frames: [gap, gap, gap],
  },
  ...[-1, 1.5, 2 ** 53, 2n ** 64n - 1n, '0x10', '1e3', null].map((sequence) =>
    row(
      typeof sequence === 'string' || sequence === null ? 'H26' : 'P9',
      `the sequence ${typeof sequence} ${String(sequence)}`,
      encode([3, 's', sequence, [good]], { useBigInt64: true }),
      /2\^53/,
      'SEQUENCE_RANGE',
    ),
  ),
  row(
    'P9',
    'the last sequence but one, and two events',
    encode([3, 's', 2 ** 53 - 2, [good, good]]),
    /2\^53/,
    'SEQUENCE_RANGE',
  ),
  hello('P11', 'a producer without a name', { producer: '' }, /printable ASCII/),
  hello('P11', 'a producer of 65 characters', { producer: 'p'.repeat(65) }, /printable ASCII/),
  hello('P11', 'a producer with a line break', { producer: `${marker}\n` }, /printable ASCII/),
  hello('P11', 'a producer with an escape', { producer: '\u001b[2J' }, /printable ASCII/),
  row('P14', 'a type that is not known', encode([127, marker]), /type 127/),
  row('P15', 'a WELCOME', encode([2, {}]), /type 2 is not one that a client sends/),
  row('P15', 'an ACK', encode([4, 0, {}]), /type 4 is not one that a client sends/),
  row('W23', 'a second HELLO', encode([1, { v: 1, producer: null }]), /HELLO comes once/),
]

export const frameRows: readonly FrameRow[] = [...structure, ...sessions]
