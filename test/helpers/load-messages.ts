/**
 * What the messages of a load hold, read as a server would read them.
 */
import assert from 'node:assert/strict'
import { decode } from '@msgpack/msgpack'
import { createMessage } from '../../src/load/message.ts'
import type { Workload } from '../../src/load/workload.ts'

/** Unmasks a message as a WebSocket server does; the frame that it holds. */
export function frameIn(message: Uint8Array): Uint8Array {
  const bytes = Buffer.from(message)
  assert.equal(bytes[0], 0x82, 'final and binary')
  const form = bytes[1]! & 0x7f
  assert.equal(bytes[1]! & 0x80, 0x80, 'masked')
  const [at, length] =
    form < 126
      ? [2, form]
      : form === 126
        ? [4, bytes.readUInt16BE(2)]
        : [10, Number(bytes.readBigUInt64BE(2))]
  const mask = bytes.subarray(at, at + 4)
  const payload = bytes.subarray(at + 4)
  assert.equal(payload.length, length)
  return payload.map((byte, i) => byte ^ mask[i & 3]!)
}

/** The message with the n-th frame. */
export function messageOf(workload: Workload, n: number, sequence: number, timeMs: number) {
  const message = createMessage(workload.messageBytesMax)
  return message.bytes.subarray(0, workload.write(message, n, sequence, timeMs))
}

/** The msgpack of the events of the n-th frame. */
export function eventBytesOf(workload: Workload, n: number, timeMs: number): Uint8Array[] {
  return (decode(frameIn(messageOf(workload, n, 0, timeMs))) as unknown[])[3] as Uint8Array[]
}

export function eventsOf(workload: Workload, n: number, timeMs: number) {
  return eventBytesOf(workload, n, timeMs).map((bytes) => decode(bytes) as Record<string, unknown>)
}
