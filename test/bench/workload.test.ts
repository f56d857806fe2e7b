import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode } from '@msgpack/msgpack'
import { createMessage, createWorkload, userId, type Workload } from '../../bench/workload.ts'
import { decodeClientFrame } from '../../src/wire/protocol.ts'

const options = { keys: 1000, zipf: 0, frameEvents: 20, seed: 3 }
const nowMs = 1_700_000_000_123

/** Unmasks a message as a WebSocket server does; the frame that it holds. */
function frameOf(workload: Workload, n: number, sequence: number): Uint8Array {
  const message = createMessage(workload.messageBytes)
  workload.write(message, n, sequence, nowMs)
  const bytes = Buffer.from(message.bytes)
  assert.equal(bytes[0], 0x82, 'final and binary')
  const form = bytes[1]! & 0x7f
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

function eventsOf(workload: Workload, n: number, sequence = 0): Record<string, unknown>[] {
  const events = (decode(frameOf(workload, n, sequence)) as unknown[])[3] as Uint8Array[]
  return events.map((bytes) => {
    assert.equal(bytes.length, 91)
    return decode(bytes) as Record<string, unknown>
  })
}

for (const frameEvents of [1, 2, 20, 1000]) {
  test(`a message of ${frameEvents} holds the events that the workload tells`, () => {
    const workload = createWorkload({ ...options, frameEvents })
    const sequence = 2 ** 32 + 5
    const frame = decodeClientFrame(frameOf(workload, 9, sequence))
    assert.ok(frame?.kind === 'publish')
    assert.deepEqual(
      [frame.source, frame.sequence, frame.count],
      ['impressions', sequence, frameEvents],
    )
    const events = eventsOf(workload, 9)
    for (const [index, event] of events.entries()) {
      assert.equal(event['user_id'], userId(workload.keyOf(9, index)))
      assert.equal(event['amount'], workload.amountOf(9, index))
      assert.equal((event['timestamp'] as Date).getTime(), nowMs)
    }
  })
}

test('the same seed gives the same events, another seed others', () => {
  const [a, b, c] = [3, 3, 4].map((seed) => eventsOf(createWorkload({ ...options, seed }), 5))
  assert.deepEqual(a, b)
  assert.notDeepEqual(a, c)
})

test('uniform keys are all drawn, about equally often', () => {
  const workload = createWorkload({ ...options, keys: 10 })
  const counts = new Array<number>(10).fill(0)
  for (let n = 0; n < 1000; n++) counts[workload.keyOf(n, 0)]! += 1
  assert.ok(
    counts.every((count) => count > 60 && count < 140),
    String(counts),
  )
})

test("Zipf's law draws the first key twice as often as the second with exponent 1", () => {
  const workload = createWorkload({ ...options, zipf: 1 })
  const counts = new Array<number>(1000).fill(0)
  for (let n = 0; n < 2000; n++) {
    for (let index = 0; index < 20; index++) counts[workload.keyOf(n, index)]! += 1
  }
  assert.ok(Math.abs(counts[0]! / counts[1]! - 2) < 0.2, `${counts[0]} ${counts[1]}`)
})
