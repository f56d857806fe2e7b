import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { FramePool } from '../../src/client/frame-pool.ts'
import { Producer, type ProducerOptions } from '../../src/client/producer.ts'
import {
  decodeClientFrame,
  type AckFrame,
  type NackFrame,
  type PublishFrame,
} from '../../src/wire/protocol.ts'
import type { OpenEvents, SentRejection } from '../../src/client/receipt.ts'
import { eventsOf, expectKind, limits, ManualTime, welcome } from './support.ts'

const defaults: ProducerOptions = {
  outboxEventsMax: 100,
  outboxBytesMax: 1_000_000,
  batchEventsMax: 10,
  batchBytesMax: 100_000,
  frameBytesMax: 1_000_000,
  lingerMs: 0,
  isKept: false,
  onRejected: () => {},
  onUnknown: () => {},
}

function setUp(options: Partial<ProducerOptions> = {}) {
  const time = new ManualTime()
  const producer = new Producer(
    { ...defaults, onRejected: (rejection) => told.push(rejection), ...options },
    time,
  )
  const sent: PublishFrame[] = []
  const told: SentRejection[] = []
  return {
    time,
    producer,
    sent,
    told,
    connect: (fields: Partial<typeof welcome> = {}) => {
      producer.connected({ ...welcome, ...fields }, (frame) => {
        sent.push(expectKind(decodeClientFrame(frame)!, 'publish'))
      })
    },
    publish: (count: number) =>
      producer.publish(
        'a',
        Array.from({ length: count }, (_, i) => ({ n: i })),
      ),
    counts: () => sent.map((frame) => [frame.sequence, frame.count]),
  }
}

function ack(upTo: number, fields: Partial<AckFrame> = {}): AckFrame {
  return { kind: 'ack', upTo, credits: null, duplicates: 0, rejections: [], ...fields }
}

function nack(sequence: number, fields: Partial<NackFrame>): NackFrame {
  const none = { expected: null, retryAfterMs: null, code: 'OVERLOADED', message: '' }
  return { kind: 'nack', sequence, ...none, ...fields }
}

describe('events without a receipt', () => {
  it('share batches with others, and leave a call that has a receipt what is its own', async () => {
    const { time, producer, connect, publish, counts, told } = setUp()
    connect()
    for (let n = 0; n < 3; n++) producer.send('a', [{ n }])
    const receipt = publish(2)
    producer.send('a', [{ n: 3 }, { n: 4 }])
    time.endTurn()
    assert.deepEqual(counts(), [[0, 7]])
    const rejections = [1, 4, 6].map((sequence) => {
      return { sequence, code: 'EVENT_TIME', path: '/t', message: 'm' }
    })
    producer.acknowledged(ack(6, { rejections }))
    const { accepted, rejected, firstSequence, lastSequence } = await receipt
    assert.deepEqual([accepted, firstSequence, lastSequence], [1, 3, 4])
    assert.deepEqual(
      rejected.map(({ index }) => index),
      [1],
    )
    const fact = { source: 'a', code: 'EVENT_TIME', path: '/t', message: 'm' }
    assert.deepEqual(told, [
      { ...fact, sequence: 1 },
      { ...fact, sequence: 6 },
    ])
    assert.equal(producer.events, 0)
  })

  it('are taken back with their call when one of them cannot be encoded', async () => {
    const { time, producer, sent, connect, told } = setUp()
    connect()
    producer.send('a', [{ n: 0 }])
    assert.throws(() => producer.send('a', [{ n: 1 }, { n: Symbol('bad') }]), {
      code: 'EVENT_ENCODE',
    })
    const receipt = producer.publish('a', [{ n: 2 }])
    time.endTurn()
    assert.deepEqual(sent.flatMap(eventsOf), [{ n: 0 }, { n: 2 }])
    const rejection = { sequence: 1, code: 'EVENT_TIME', path: '', message: '' }
    producer.acknowledged(ack(1, { rejections: [rejection] }))
    assert.equal((await receipt).rejected.length, 1)
    assert.deepEqual(told, [])
  })

  it('are refused as those with one, at once, and are waited for by a flush', async () => {
    const { producer, connect } = setUp({ outboxEventsMax: 1 })
    connect()
    producer.send('a', [])
    producer.send('a', [{ n: 0 }, { n: 1 }])
    assert.throws(() => producer.send('a', [{ n: 2 }]), { code: 'OUTBOX_FULL' })
    const flushed = producer.flush()
    producer.acknowledged(ack(1))
    await flushed
    producer.fail(new MillraceError('CLIENT_CLOSED'))
    assert.throws(() => producer.send('a', [{ n: 3 }]), { code: 'CLIENT_CLOSED' })
  })
})

describe('the producer', () => {
  it('writes over the frames that are acknowledged, and over no other', () => {
    const frames: Uint8Array[] = []
    const producer = new Producer(defaults, new ManualTime(), new FramePool(10_000))
    producer.connected(welcome, (frame) => frames.push(frame))
    const first = (frame: Uint8Array): unknown =>
      eventsOf(expectKind(decodeClientFrame(frame)!, 'publish'))[0]
    const publish = (from: number): void =>
      producer.send(
        'a',
        Array.from({ length: 10 }, (_, i) => ({ n: from + i })),
      )
    for (const from of [0, 10, 20]) publish(from)
    assert.deepEqual(frames.map(first), [{ n: 0 }, { n: 10 }, { n: 20 }])
    producer.acknowledged(ack(9))
    publish(30)
    assert.equal(frames[3]!.buffer, frames[0]!.buffer)
    publish(40)
    assert.deepEqual(frames.slice(1).map(first), [{ n: 10 }, { n: 20 }, { n: 30 }, { n: 40 }])
  })

  it('adds up what acknowledgements say of duplicates', () => {
    const { time, producer, connect, publish } = setUp()
    connect()
    void publish(4)
    time.endTurn()
    assert.equal(producer.duplicates, 0)
    producer.acknowledged(ack(1, { duplicates: 2 }))
    producer.acknowledged(ack(3, { duplicates: 1 }))
    assert.equal(producer.duplicates, 3)
  })

  it('sends the calls of one turn as one batch, when the turn is over', () => {
    const { time, connect, publish, counts } = setUp()
    connect()
    for (const count of [1, 2, 3]) void publish(count)
    assert.deepEqual(counts(), [])
    time.endTurn()
    assert.deepEqual(counts(), [[0, 6]])
    void publish(1)
    time.endTurn()
    assert.deepEqual(counts(), [
      [0, 6],
      [6, 1],
    ])
  })

  it('sends a full batch without waiting', () => {
    const { connect, publish, counts } = setUp()
    connect()
    void publish(25)
    assert.deepEqual(counts(), [
      [0, 10],
      [10, 10],
    ])
  })

  it('lingers as long as it is told', () => {
    const { time, connect, publish, counts } = setUp({ lingerMs: 5 })
    connect()
    void publish(1)
    time.advance(4)
    void publish(1)
    assert.deepEqual(counts(), [])
    time.advance(1)
    assert.deepEqual(counts(), [[0, 2]])
  })

  it('lets small calls share batches while there is no connection', () => {
    const { time, connect, publish, counts } = setUp()
    for (let i = 0; i < 7; i++) {
      void publish(1)
      time.endTurn()
    }
    connect()
    assert.deepEqual(counts(), [[0, 7]])
  })

  it('keeps to the credits, and lets small calls share batches while there are none', () => {
    const { time, producer, connect, publish, counts } = setUp()
    connect({ credits: { events: 3, bytes: 10_000 } })
    for (let i = 0; i < 8; i++) {
      void publish(1)
      time.endTurn()
    }
    assert.deepEqual(counts(), [
      [0, 1],
      [1, 1],
      [2, 1],
    ])
    producer.acknowledged(ack(1))
    assert.equal(counts().length, 3)
    producer.acknowledged(ack(2))
    assert.deepEqual(counts().slice(3), [[3, 5]])
    void publish(2)
    time.endTurn()
    producer.acknowledged(ack(7, { credits: { events: 0, bytes: 0 } }))
    assert.equal(counts().length, 4)
    producer.acknowledged(ack(7, { credits: { events: 3, bytes: 10_000 } }))
    assert.deepEqual(counts().slice(4), [[8, 2]])
  })

  it('takes the smaller limits of the server, for what is collected already too', () => {
    const { connect, publish, counts } = setUp()
    void publish(10)
    connect({ limits: { ...limits, batchEvents: 4 } })
    assert.deepEqual(counts(), [
      [0, 4],
      [4, 4],
      [8, 2],
    ])
  })

  it('gives the receipt when the last batch of a call is acknowledged', async () => {
    const { time, producer, connect, publish } = setUp()
    connect()
    const receipt = publish(25)
    time.endTurn()
    producer.acknowledged(ack(9))
    const rejected = { code: 'EVENT_TIME', path: '/t', message: 'no' }
    producer.acknowledged(ack(24, { rejections: [{ sequence: 12, ...rejected }] }))
    assert.deepEqual(await receipt, {
      accepted: 24,
      rejected: [{ index: 12, ...rejected }],
      rejectionsKnown: true,
      firstSequence: 0,
      lastSequence: 24,
    })
  })

  it('counts an event once that is rejected for two reasons', async () => {
    const { time, producer, connect, publish } = setUp()
    connect()
    const receipt = publish(3)
    time.endTurn()
    const rejections = ['/a', '/b'].map((path) => ({
      sequence: 1,
      code: 'EVENT_FIELD_TYPE',
      path,
      message: '',
    }))
    producer.acknowledged(ack(2, { rejections }))
    const { accepted, rejected } = await receipt
    assert.deepEqual([accepted, rejected.length], [2, 2])
  })

  it('answers an empty call at once', async () => {
    const { publish } = setUp()
    const { accepted, firstSequence, lastSequence } = await publish(0)
    assert.deepEqual([accepted, firstSequence, lastSequence], [0, -1, -1])
  })

  it('sends the same batches again on a new connection', () => {
    const { time, producer, sent, connect, publish, counts } = setUp()
    connect()
    for (const count of [10, 3]) {
      void publish(count)
      time.endTurn()
    }
    producer.disconnected()
    void publish(2)
    time.endTurn()
    assert.equal(sent.length, 2)
    connect({ lastSequence: 9 })
    assert.deepEqual(counts().slice(2), [
      [10, 3],
      [13, 2],
    ])
    assert.deepEqual(sent[2]!.payload, sent[1]!.payload)
  })

  it('waits as long as a NACK says', () => {
    const { time, producer, connect, publish, counts } = setUp()
    connect()
    void publish(10)
    producer.refused(nack(0, { retryAfterMs: 50 }))
    time.advance(49)
    assert.equal(counts().length, 1)
    time.advance(1)
    assert.deepEqual(counts()[1], [0, 10])
  })

  it('says when there is room again, and refuses only far beyond it', async () => {
    const { producer, connect, publish } = setUp({ outboxEventsMax: 20 })
    connect()
    await producer.ready()
    const receipts = [publish(20), publish(15), publish(5)]
    await assert.rejects(publish(1), { code: 'OUTBOX_FULL', details: { count: 40 } })
    let isReady = false
    const ready = producer.ready().then(() => {
      isReady = true
      return isReady
    })
    producer.acknowledged(ack(19))
    await receipts[0]
    assert.equal(isReady, false)
    producer.acknowledged(ack(29))
    assert.equal(await ready, true)
  })

  it('flushes what was published before, whatever comes after', async () => {
    const { producer, connect, publish, counts } = setUp()
    connect()
    await producer.flush()
    void publish(3)
    const flushed = producer.flush()
    assert.deepEqual(counts(), [[0, 3]])
    void publish(10)
    producer.acknowledged(ack(2))
    await flushed
    assert.equal(producer.events, 10)
  })

  it('keeps a promise pending while its outcome is unknown, and rejects at the end', async () => {
    const { time, producer, connect, publish } = setUp()
    connect()
    const open = [publish(1), publish(10), producer.flush()]
    time.endTurn()
    producer.disconnected()
    producer.fail(new MillraceError('CLIENT_CLOSED'))
    for (const promise of [...open, publish(1), producer.ready(), producer.flush()]) {
      await assert.rejects(promise, { code: 'CLIENT_CLOSED' })
    }
  })

  it('tells of every event that has no outcome whether it was sent', () => {
    const left: OpenEvents[] = []
    const { time, producer, connect } = setUp({ onUnknown: (events) => left.push(events) })
    connect({ credits: { events: 3, bytes: 1_000_000 } })
    producer.send('a', [{ n: 1 }, { n: 2 }])
    time.endTurn()
    producer.send('b', [{ n: 3 }])
    time.endTurn()
    producer.acknowledged(ack(0))
    assert.deepEqual(producer.unfinished, { unsent: 0, unknown: 3 })
    producer.disconnected()
    producer.send('b', [{ n: 4 }])
    producer.send('c', [{ n: 5 }, { n: 6 }])
    time.endTurn()
    assert.deepEqual(producer.unfinished, { unsent: 3, unknown: 3 })
    connect({ lastSequence: 0, credits: { events: 1, bytes: 1 } })
    assert.deepEqual(producer.unfinished, { unsent: 3, unknown: 3 }, 'sent once is sent')
    producer.fail(new MillraceError('CLIENT_CLOSED'))
    assert.deepEqual(producer.unfinished, { unsent: 3, unknown: 3 })
    assert.deepEqual(
      left.toSorted(
        (x, y) => x.source.localeCompare(y.source) || y.firstSequence - x.firstSequence,
      ),
      [
        { source: 'a', count: 2, firstSequence: 0, wasSent: true },
        { source: 'b', count: 1, firstSequence: 2, wasSent: true },
        { source: 'b', count: 1, firstSequence: -1, wasSent: false },
        { source: 'c', count: 2, firstSequence: -1, wasSent: false },
      ],
    )
  })

  it('keeps the events of every source in order', () => {
    const { time, producer, sent, connect } = setUp()
    for (let n = 0; n < 40; n++) void producer.publish(n % 3 === 0 ? 'b' : 'a', [{ n }])
    time.endTurn()
    connect()
    for (const source of ['a', 'b']) {
      const events = sent.filter((frame) => frame.source === source).flatMap(eventsOf)
      const order = events.map((event) => (event as { n: number }).n)
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      )
    }
    assert.equal(
      sent.reduce((sum, frame) => sum + frame.count, 0),
      40,
    )
  })
})
