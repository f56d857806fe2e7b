/**
 * The session's state machine while it is open: HELLO, batches, acknowledgements, reads.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { MillraceError } from '../../src/base/errors.ts'
import {
  readKeysMax,
  sequenceGapsMax,
  sessionReadsMax,
  storageRetryMs,
} from '../../src/base/limits.ts'
import type { DataType } from '../../src/model/types.ts'
import * as protocol from '../../src/wire/protocol.ts'
import { createGate } from '../helpers/fake-ports.ts'
import { event, setUp, setUpOpen, settled } from '../helpers/session-harness.ts'

test('HELLO opens a new epoch and is answered by WELCOME', async () => {
  const { session, frames, ingest, connection, scheduler } = setUp()
  session.received(protocol.encodeHello({ producer: 'p', epoch: null, sdk: 'x/1' }))
  assert.equal(session.state, 'opening')
  assert.ok(connection.paused)
  await settled()
  assert.deepEqual(frames(), [
    {
      kind: 'welcome',
      version: 1,
      server: 'millrace/test',
      incarnation: 'now',
      producer: 'p',
      epoch: 1,
      isExpired: false,
      lastSequence: -1,
      credits: { events: 100, bytes: 10_000 },
      limits: { frameBytes: 1000, batchEvents: 10, eventBytes: 100 },
      heartbeatMs: 15_000,
      sources: ['impressions'],
      services: ['user_clicks'],
    },
  ])
  assert.ok(!connection.paused)
  assert.equal(ingest.opened.length, 1)
  assert.equal(scheduler.pending, 0, 'the HELLO timer is off')
})

test('an epoch of another history of the store is not resumed, nor a producer opened', async () => {
  for (const [incarnation, epoch, opened] of [
    ['before', 1, 0],
    ['before', null, 1],
  ] as const) {
    const { session, frames, ingest } = setUp()
    session.received(protocol.encodeHello({ producer: 'p', epoch, incarnation }))
    await settled()
    const [welcome] = frames()
    assert.ok(welcome?.kind === 'welcome')
    assert.equal(welcome.incarnation, 'now')
    assert.equal(welcome.producer, opened === 0 ? null : 'p')
    assert.equal(ingest.opened.length, opened)
  }
  const same = setUp()
  same.session.received(protocol.encodeHello({ producer: 'p', epoch: 1, incarnation: 'now' }))
  await settled()
  same.assertClosed('PRODUCER_FENCED')
})

test('a connection without a producer is welcomed and may not publish', () => {
  const { session, frames, ingest, publish, assertClosed } = setUp()
  session.received(protocol.encodeHello({ producer: null, epoch: null }))
  const [welcome] = frames()
  assert.ok(welcome?.kind === 'welcome')
  assert.deepEqual([welcome.producer, welcome.epoch, welcome.lastSequence], [null, null, null])
  assert.equal(ingest.opened.length, 0)
  publish(0)
  assertClosed('FRAME_INVALID', /only reads/)
})

test('credits follow those of the producer, within the bound', async () => {
  const { session, news, ingest, publish, scheduler } = setUp()
  ingest.creditEvents = 60
  ingest.acknowledgesAtOnce = true
  session.received(protocol.encodeHello({ producer: 'p', epoch: null }))
  await settled()
  const told = () => {
    scheduler.turn()
    return news().map((frame) => ('credits' in frame ? frame.credits : null))
  }
  assert.deepEqual(told(), [{ events: 60, bytes: 10_000 }])
  for (const [creditEvents, credits] of [
    [57, null],
    [50, { events: 50, bytes: 10_000 }],
    [1000, { events: 100, bytes: 10_000 }],
    [2000, null],
  ] as const) {
    ingest.creditEvents = creditEvents
    publish(ingest.last.next)
    assert.deepEqual(told(), [credits])
  }
})

test('no HELLO in time closes', () => {
  const { scheduler, assertClosed } = setUp()
  scheduler.advance(4999)
  scheduler.turn()
  scheduler.advance(1)
  scheduler.turn()
  assertClosed('HELLO_TIMEOUT', /5000 ms/)
})

test('a HELLO that came while nothing was read is heard, though its time is over', async () => {
  const { scheduler, session, frames } = setUp()
  scheduler.advance(60_000)
  session.received(protocol.encodeHello({ producer: 'p', epoch: null }))
  scheduler.turn()
  await settled()
  assert.deepEqual(
    frames().map(({ kind }) => kind),
    ['welcome'],
  )
})

test('anything before HELLO, and a second HELLO, close', async () => {
  const before = setUp()
  before.publish(0)
  before.assertClosed('FRAME_INVALID', /HELLO comes first/)
  const twice = await setUpOpen()
  twice.session.received(protocol.encodeHello({ producer: 'p', epoch: null }))
  twice.assertClosed('FRAME_INVALID', /HELLO comes once/)
})

test('a version that is not spoken, and an epoch without a producer, close', () => {
  const version = setUp()
  version.session.received(encode([1, { v: 2, producer: 'p', epoch: null }]))
  version.assertClosed('FRAME_INVALID', /version 2/)
  const epoch = setUp()
  epoch.session.received(encode([1, { v: 1, epoch: 3 }]))
  epoch.assertClosed('FRAME_INVALID', /an epoch without/)
})

test('a stale epoch closes, and a newer session fences the older', async () => {
  const stale = setUp()
  stale.session.received(protocol.encodeHello({ producer: 'p', epoch: 7 }))
  await settled()
  stale.assertClosed('PRODUCER_FENCED', /"p"/)
  const { ingest, assertClosed } = await setUpOpen()
  ingest.last.listener.fenced()
  assertClosed('PRODUCER_FENCED')
  assert.ok(ingest.last.closed)
})

test('text messages and unknown frame types close; types from 128 on are skipped', async () => {
  const text = await setUpOpen()
  text.session.receivedText()
  text.assertClosed('FRAME_TEXT')
  const unknown = await setUpOpen()
  unknown.session.received(encode([99]))
  unknown.assertClosed('FRAME_INVALID', /type 99/)
  const skipped = await setUpOpen()
  skipped.session.received(encode([128, 'whatever']))
  assert.equal(skipped.connection.closed, null)
})

test('messages that come while the producer is being opened keep their order', async () => {
  const { session, ingest, publish, flush, frames } = setUp()
  const gate = createGate()
  ingest.gate = gate.promise
  ingest.acknowledgesAtOnce = true
  session.received(protocol.encodeHello({ producer: 'p', epoch: null }))
  publish(0, 2)
  publish(2, 3)
  flush(5)
  await settled()
  assert.equal(ingest.batches.length, 0)
  gate.open()
  await settled()
  assert.deepEqual(
    ingest.batches.map((batch) => [batch.sequence, batch.count]),
    [
      [0, 2],
      [2, 3],
    ],
  )
  assert.equal(frames()[0]!.kind, 'welcome')
})

test('a socket that goes while the producer is being opened leaves no session behind', async () => {
  const { session, ingest, connection } = setUp()
  const gate = createGate()
  ingest.gate = gate.promise
  session.received(protocol.encodeHello({ producer: 'p', epoch: null }))
  session.disconnected()
  gate.open()
  await settled()
  assert.ok(ingest.last.closed)
  assert.equal(connection.sent.length, 0)
})

test('a batch reaches the intake untouched', async () => {
  const { ingest, publish } = await setUpOpen()
  publish(0, 2)
  const [batch] = ingest.batches
  assert.deepEqual([batch!.source, batch!.sequence, batch!.count], ['impressions', 0, 2])
  assert.deepEqual(Buffer.from(batch!.payload), Buffer.from(encode([event, event])))
})

test('acknowledgements of one turn become one ACK', async () => {
  const { publish, acknowledge, scheduler, news } = await setUpOpen()
  for (let i = 0; i < 5; i++) publish(i)
  acknowledge(1, 1)
  acknowledge(2)
  acknowledge(3, 2)
  assert.deepEqual(news(), [])
  scheduler.turn()
  assert.deepEqual(news(), [{ kind: 'ack', upTo: 3, credits: null, duplicates: 3, rejections: [] }])
  scheduler.turn()
  assert.deepEqual(news(), [])
})

test('an acknowledgement within the call that publishes gives its credit back', async () => {
  const { ingest, publish, connection } = await setUpOpen({ events: 1, bytes: 1000 })
  ingest.acknowledgesAtOnce = true
  for (let i = 0; i < 10; i++) publish(i)
  publish(0)
  assert.equal(connection.closed, null)
})

test('rejections are told by sequence', async () => {
  const { publish, scheduler, news, ingest } = await setUpOpen()
  publish(0, 2)
  const rejected = { code: 'EVENT_TIME', path: '/at', message: 'no' } as const
  const rejections = [{ ...rejected, sequence: 1, index: 1 }]
  ingest.last.listener.acknowledged({ upTo: 1, duplicates: 0, rejections })
  scheduler.turn()
  const told = [{ ...rejected, sequence: 1 }]
  assert.deepEqual(news(), [
    { kind: 'ack', upTo: 1, credits: null, duplicates: 0, rejections: told },
  ])
})

test('a gap is refused whole, and repeated gaps close', async () => {
  const { publish, news, ingest, assertClosed } = await setUpOpen()
  publish(5)
  const message = 'sequence 5 follows 0'
  const nack = { kind: 'nack', sequence: 5, code: 'SEQUENCE_GAP', message } as const
  assert.deepEqual(news(), [{ ...nack, expected: 0, retryAfterMs: null }])
  publish(0)
  for (let i = 0; i < sequenceGapsMax; i++) publish(7)
  assert.equal(ingest.batches.length, 1)
  assertClosed('SEQUENCE_GAP_PERSISTS')
})

test('a batch may be refused for a time, and gaps behind it are no fault', async () => {
  const { publish, news, ingest, assertClosed } = await setUpOpen()
  ingest.refusal = new MillraceError('STORAGE_FULL', {
    freeBytes: 1,
    freeFiles: 2,
    reservedBytes: 3,
  })
  publish(0)
  const { code, message } = ingest.refusal
  const nack = { kind: 'nack', sequence: 0, code, message, expected: 0 } as const
  assert.deepEqual(news(), [{ ...nack, retryAfterMs: storageRetryMs }])
  ingest.refusal = null
  for (let i = 1; i < 3 * sequenceGapsMax; i++) publish(i)
  assert.ok(news().every((frame) => 'code' in frame && frame.code === 'SEQUENCE_GAP'))
  publish(0)
  assert.equal(ingest.batches.length, 1)
  for (let i = 0; i < sequenceGapsMax; i++) publish(7)
  assertClosed('SEQUENCE_GAP_PERSISTS')
})

test('a refused batch uses no credit', async () => {
  const { publish, connection } = await setUpOpen({ events: 2, bytes: 10_000 })
  publish(5, 3)
  publish(0, 1)
  publish(1, 1)
  assert.equal(connection.closed, null)
})

test('one batch beyond the credit is tolerated, the next closes', async () => {
  const events = await setUpOpen({ events: 4, bytes: 10_000 })
  events.publish(0, 4)
  events.publish(4, 3)
  assert.equal(events.connection.closed, null)
  events.publish(7)
  events.assertClosed('CREDIT_EXCEEDED')
  const bytes = await setUpOpen({ events: 100, bytes: 20 })
  bytes.publish(0, 2)
  bytes.publish(2)
  bytes.assertClosed('CREDIT_EXCEEDED')
})

test('a producer that is forgotten is welcomed without an epoch, and cannot publish', async () => {
  const harness = setUp()
  harness.ingest.failure = new MillraceError('PRODUCER_EXPIRED', { producer: 'p' })
  harness.session.received(protocol.encodeHello({ producer: 'p', epoch: 3 }))
  await settled()
  const [welcome] = harness.news()
  assert.ok(welcome?.kind === 'welcome')
  const { isExpired, producer, epoch, lastSequence } = welcome
  assert.deepEqual([isExpired, producer, epoch, lastSequence], [true, null, null, null])
  harness.publish(0)
  harness.assertClosed('FRAME_INVALID', /only reads/)
})

test('FLUSHED comes behind the ACK of everything published before it', async () => {
  const { publish, flush, acknowledge, scheduler, news } = await setUpOpen()
  flush(1)
  assert.deepEqual(news(), [{ kind: 'flushed', token: 1 }])
  publish(0, 3)
  flush(2)
  publish(3)
  flush(3)
  acknowledge(2)
  assert.deepEqual(news(), [])
  scheduler.turn()
  assert.deepEqual(
    news().map((frame) => (frame.kind === 'ack' ? frame.upTo : frame)),
    [2, { kind: 'flushed', token: 2 }],
  )
  acknowledge(3)
  scheduler.turn()
  assert.deepEqual(
    news().map((frame) => frame.kind),
    ['ack', 'flushed'],
  )
})

const field = (kind: 'Int64' | 'Timestamp'): DataType => ({ kind, nullable: true })

test('READ is answered with exact values and states', async () => {
  const { session, read, news } = await setUpOpen()
  const row = {
    values: [2n ** 62n + 1n, 1_700_000_000_123_456_789n],
    states: ['present', 'present'],
    newestNs: [1_700_000_000_000_000_001n, null],
    edgeNs: [5n, -5n],
  } as const
  const names = ['user_clicks.clicked_sum_1h', 'user_clicks.timestamp_max_1h']
  const types = [field('Int64'), field('Timestamp')]
  read.table = { names, types, rows: [row] }
  session.received(protocol.encodeRead(9, 'user_clicks', [{ user_id: 'u1', n: 2 ** 40 }]))
  await settled()
  assert.deepEqual(read.reads, [{ name: 'user_clicks', keys: [{ user_id: 'u1', n: 2n ** 40n }] }])
  assert.deepEqual(news(), [{ kind: 'features', id: 9, table: { names, rows: [row] } }])
})

test('a READ that fails is answered by ERROR and the connection stays', async () => {
  const { session, read, news, connection, errors } = await setUpOpen()
  const failures: [unknown, string, string][] = [
    [
      new MillraceError('FEATURES_UNKNOWN', { name: 'x' }),
      'FEATURES_UNKNOWN',
      'no feature service or view is named "x"',
    ],
    [new Error('secret'), 'INTERNAL', 'internal error'],
    [new MillraceError('SHARD_FAILED', { lane: 1, reason: 'x' }), 'INTERNAL', 'internal error'],
  ]
  for (const [failure, code, message] of failures) {
    read.failure = failure
    session.received(protocol.encodeRead(1, 'x', []))
    await settled()
    assert.deepEqual(news(), [{ kind: 'error', id: 1, code, message }])
  }
  assert.equal(connection.closed, null)
  assert.equal(errors.length, 2, 'what went wrong inside is logged')
})

test('a READ of too many keys is answered by ERROR, and nobody is asked', async () => {
  const { session, read, news } = await setUpOpen()
  session.received(protocol.encodeRead(1, 'x', Array(readKeysMax + 1).fill({})))
  await settled()
  const [error] = news()
  assert.ok(error?.kind === 'error')
  assert.deepEqual([error.id, error.code], [1, 'TOO_MANY_KEYS'])
  assert.deepEqual(read.reads, [])
})

test('reads beyond the bound are refused one by one', async () => {
  const { session, read, news } = await setUpOpen()
  read.gate = new Promise(() => {})
  for (let id = 0; id <= sessionReadsMax; id++) {
    session.received(protocol.encodeRead(id, 'user_clicks', []))
  }
  const [error] = news()
  assert.ok(error?.kind === 'error')
  assert.deepEqual([error.id, error.code], [sessionReadsMax, 'OVERLOADED'])
})
