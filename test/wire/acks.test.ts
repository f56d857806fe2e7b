import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ackRejectionsMax } from '../../src/base/limits.ts'
import { AckBuffer } from '../../src/wire/acks.ts'
import { decodeServerFrame, type AckFrame } from '../../src/wire/protocol.ts'

function take(acks: AckBuffer): AckFrame[] {
  return acks.take(null).map((bytes) => decodeServerFrame(bytes) as AckFrame)
}

test('what was added is told once', () => {
  const acks = new AckBuffer()
  assert.ok(!acks.waiting)
  acks.add({ upTo: 5, duplicates: 2, rejections: [] })
  acks.add({ upTo: 3, duplicates: 1, rejections: [] })
  assert.ok(acks.waiting)
  assert.deepEqual(take(acks), [
    { kind: 'ack', upTo: 5, credits: null, duplicates: 3, rejections: [] },
  ])
  assert.ok(!acks.waiting)
  acks.add({ upTo: 6, duplicates: 0, rejections: [] })
  assert.equal(take(acks)[0]!.duplicates, 0)
})

test('what settles and is answered as a repeat in one turn is told once', () => {
  const rejections = [3, 3, 8].map((sequence, i) => ({
    sequence,
    index: 0,
    code: i === 0 ? ('EVENT_TIME' as const) : ('EVENT_TOO_LATE' as const),
    path: '',
    message: '',
  }))
  const acks = new AckBuffer()
  acks.add({ upTo: 9, duplicates: 0, rejections: rejections.slice(2) })
  // Sent again from the first on: the same objects, and older ones.
  acks.add({ upTo: 9, duplicates: 10, rejections })
  const [frame] = take(acks)
  assert.deepEqual(
    frame!.rejections.map(({ sequence, code }) => `${sequence} ${code}`),
    ['3 EVENT_TIME', '3 EVENT_TOO_LATE', '8 EVENT_TOO_LATE'],
  )
})

test('many rejections are told in several frames, none before its sequence is covered', () => {
  const acks = new AckBuffer()
  const total = ackRejectionsMax * 2 + 5
  const rejections = Array.from({ length: total }, (_, i) => ({
    sequence: i * 2,
    index: 0,
    code: 'EVENT_TIME' as const,
    path: '',
    message: '',
  }))
  acks.add({ upTo: total * 2, duplicates: 4, rejections })
  const frames = take(acks)
  assert.deepEqual(
    frames.map(({ upTo, duplicates, rejections: told }) => [upTo, duplicates, told.length]),
    [
      [ackRejectionsMax * 2 - 2, 0, ackRejectionsMax],
      [ackRejectionsMax * 4 - 2, 0, ackRejectionsMax],
      [total * 2, 4, 5],
    ],
  )
  for (const frame of frames) {
    assert.ok(frame.rejections.every(({ sequence }) => sequence <= frame.upTo))
  }
})
