/**
 * The session's state machine, without sockets: messages go in, frames and closes are recorded.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { errorTable, MillraceError } from '../../src/base/errors.ts'
import { sendBufferBytesMax, sequenceGapsMax, sessionReadsMax } from '../../src/base/limits.ts'
import * as protocol from '../../src/wire/protocol.ts'
import type { ServerFrame } from '../../src/wire/protocol.ts'
import { closeReason, Session, type Connection } from '../../src/wire/session.ts'
import { createGate, FakeIngest, FakeReader, smallCatalog } from '../helpers/fake-ports.ts'
import { ManualScheduler } from '../helpers/manual-scheduler.ts'

class FakeConnection implements Connection {
  readonly sent: Uint8Array[] = []
  closed: { readonly code: number; readonly reason: string } | null = null
  paused = false
  bufferedBytes = 0

  send(bytes: Uint8Array): void {
    assert.equal(this.closed, null, 'nothing is sent after the close')
    this.sent.push(bytes)
  }

  close(code: number, reason: string): void {
    assert.equal(this.closed, null, 'closed once')
    this.closed = { code, reason }
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }
}

const event = encode({ user_id: 'u1' })

function setUp(credits = { events: 100, bytes: 10_000 }) {
  const connection = new FakeConnection()
  const ingest = new FakeIngest()
  const read = new FakeReader()
  const scheduler = new ManualScheduler()
  const closes: string[] = []
  const errors: object[] = []
  const session = new Session(connection, {
    ingest,
    read,
    scheduler,
    log: { info: () => {}, error: (fields) => errors.push(fields) },
    server: 'millrace/test',
    sources: ['impressions'],
    services: ['user_clicks'],
    featureTypes: new Map(
      smallCatalog.views[0]!.features.map(({ name, type }) => [`user_clicks.${name}`, type]),
    ),
    limits: { frameBytes: 1000, batchEvents: 10, eventBytes: 100 },
    credits,
    helloTimeoutMs: 5000,
    heartbeatMs: 15_000,
    onClose: (reason) => closes.push(reason),
  })
  const frames = (): ServerFrame[] =>
    connection.sent.map((bytes) => protocol.decodeServerFrame(bytes)!)
  return {
    connection,
    ingest,
    read,
    scheduler,
    session,
    closes,
    errors,
    frames,
    /** Frames sent since the last call. */
    news: (): ServerFrame[] => {
      const all = frames()
      connection.sent.length = 0
      return all
    },
    publish: (sequence: number, count = 1) =>
      session.received(
        protocol.encodePublish(
          'impressions',
          sequence,
          Array.from({ length: count }, () => event),
        ),
      ),
    flush: (token: number) => session.received(protocol.encodeFlush(token)),
    bye: () => session.received(protocol.encodeBye()),
    acknowledge: (upTo: number, duplicates = 0) =>
      ingest.last.listener.acknowledged({ upTo, duplicates, rejections: [] }),
    assertClosed: (code: keyof typeof errorTable, reason?: RegExp) => {
      assert.equal(connection.closed?.code, errorTable[code].close)
      assert.ok(connection.closed.reason.startsWith(`${code}: `), connection.closed.reason)
      if (reason) assert.match(connection.closed.reason, reason)
      assert.deepEqual(closes, [code])
      assert.equal(session.state, 'closed')
    },
  }
}

/** A session that has been welcomed. */
async function setUpOpen(credits?: { events: number; bytes: number }) {
  const harness = setUp(credits)
  harness.session.received(protocol.encodeHello({ producer: 'p', epoch: null }))
  await settled()
  harness.connection.sent.length = 0
  return harness
}

/** Lets promises that are due resolve. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

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
      producer: 'p',
      epoch: 1,
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

test('no HELLO in time closes', () => {
  const { scheduler, assertClosed } = setUp()
  scheduler.advance(4999)
  scheduler.advance(1)
  assertClosed('HELLO_TIMEOUT', /5000 ms/)
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

test('BYE closes with 1000 once everything is acknowledged', async () => {
  const { publish, bye, acknowledge, scheduler, news, connection, closes, ingest } =
    await setUpOpen()
  publish(0)
  bye()
  assert.equal(connection.closed, null)
  acknowledge(0)
  scheduler.turn()
  assert.deepEqual(
    news().map((frame) => frame.kind),
    ['ack'],
  )
  assert.deepEqual(connection.closed, { code: 1000, reason: 'BYE' })
  assert.deepEqual(closes, ['BYE'])
  assert.ok(ingest.last.closed)
})

test('nothing may follow BYE', async () => {
  const { publish, bye, assertClosed } = await setUpOpen()
  publish(0)
  bye()
  publish(1)
  assertClosed('FRAME_INVALID', /nothing follows BYE/)
})

test('draining tells what was taken, takes nothing more, and closes', async () => {
  const { publish, session, acknowledge, scheduler, news, ingest, assertClosed, connection } =
    await setUpOpen()
  publish(0)
  session.drain(3000)
  assert.deepEqual(news(), [
    { kind: 'goaway', reason: 'the server is shutting down', deadlineMs: 3000 },
  ])
  publish(1)
  assert.equal(ingest.batches.length, 1)
  assert.equal(connection.closed, null)
  acknowledge(0)
  scheduler.turn()
  assert.equal(news()[0]!.kind, 'ack')
  assertClosed('DRAINING')
})

test('draining closes an idle session, and one that has not said HELLO, at once', async () => {
  const idle = await setUpOpen()
  idle.session.drain(3000)
  idle.assertClosed('DRAINING')
  const silent = setUp()
  silent.session.drain(3000)
  silent.assertClosed('DRAINING')
  assert.equal(silent.scheduler.pending, 0)
})

test('READ is answered with exact values and states', async () => {
  const { session, read, news } = await setUpOpen()
  const row = {
    values: [2n ** 62n + 1n, 1_700_000_000_123_456_789n],
    states: ['present', 'present'],
    newestNs: [1_700_000_000_000_000_001n, null],
    edgeNs: [5n, -5n],
  } as const
  const names = ['user_clicks.clicked_sum_1h', 'user_clicks.timestamp_max_1h']
  read.table = { names, rows: [row] }
  session.received(protocol.encodeRead(9, 'user_clicks', [{ user_id: 'u1', n: 2 ** 40 }]))
  await settled()
  assert.deepEqual(read.reads, [{ name: 'user_clicks', keys: [{ user_id: 'u1', n: 2n ** 40n }] }])
  assert.deepEqual(news(), [{ kind: 'features', id: 9, table: read.table }])
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

test('BYE waits for reads that are not answered', async () => {
  const { session, read, bye, connection, news } = await setUpOpen()
  const gate = createGate()
  read.gate = gate.promise
  session.received(protocol.encodeRead(1, 'user_clicks', []))
  bye()
  assert.equal(connection.closed, null)
  gate.open()
  await settled()
  assert.equal(news()[0]!.kind, 'features')
  assert.equal(connection.closed!.code, 1000)
})

test('a peer that does not read its answers is not read either', async () => {
  const { session, connection, flush, assertClosed } = await setUpOpen()
  connection.bufferedBytes = sendBufferBytesMax + 1
  flush(1)
  assert.ok(connection.paused)
  assert.ok(session.congested)
  session.writable()
  assert.ok(connection.paused)
  connection.bufferedBytes = 0
  session.writable()
  assert.ok(!connection.paused)
  connection.bufferedBytes = sendBufferBytesMax * 16 + 1
  flush(2)
  assertClosed('OVERLOADED')
})

test('what fails inside closes with 1011 and says nothing of the inside', async () => {
  const { session, ingest, connection, errors } = setUp()
  ingest.failure = new MillraceError('JOURNAL_WRITE', { reason: '/var/lib: EIO' })
  session.received(protocol.encodeHello({ producer: 'p', epoch: null }))
  await settled()
  assert.deepEqual(connection.closed, { code: 1011, reason: 'INTERNAL: internal error' })
  assert.equal(errors.length, 1)
})

test('after the close nothing is sent or handed on', async () => {
  const { session, ingest, read, publish, acknowledge, scheduler } = await setUpOpen()
  const gate = createGate()
  read.gate = gate.promise
  session.received(protocol.encodeRead(1, 'user_clicks', []))
  publish(0)
  acknowledge(0)
  session.receivedText()
  publish(1)
  session.drain(1)
  ingest.last.listener.fenced()
  gate.open()
  scheduler.turn()
  await settled()
  assert.equal(ingest.batches.length, 1)
})

test('a close reason is cut to 123 bytes between characters', () => {
  const reason = closeReason(`${'a'.repeat(122)}ü and more`)
  assert.equal(reason, 'a'.repeat(122))
  assert.equal(Buffer.byteLength(closeReason('ü'.repeat(200))), 122)
  assert.equal(closeReason('short'), 'short')
})
