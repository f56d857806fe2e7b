/**
 * The client against a server that a test plays by hand, over real sockets. Time moves by hand,
 * so that nothing depends on how fast the machine is.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { MillraceClient } from '../../src/client/client.ts'
import * as protocol from '../../src/wire/protocol.ts'
import { pushSource } from '../../src/define/source.ts'
import { t } from '../../src/define/types.ts'
import type { OpenEvents, SentRejection } from '../../src/client/receipt.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'
import { eventsOf, Queue, setUp } from './support.ts'

const clicks = pushSource({
  name: 'clicks',
  schema: { n: t.Int64(), at: t.Timestamp() },
})

describe('publishing', () => {
  it('greets, sends a batch and gives the receipt when it is acknowledged', async () => {
    await using test = await setUp()
    const receipt = test.client.publish('clicks', [{ n: 1 }, { n: 2 }])
    const peer = await test.server.peers.next()
    assert.equal(peer.socket.protocol, protocol.subprotocol)
    const { producer, epoch, sdk } = await peer.welcome()
    assert.deepEqual([producer, epoch], ['p', null])
    assert.match(sdk!, /^millrace-js\//)
    const frame = await peer.publish()
    assert.deepEqual([frame.source, frame.sequence], ['clicks', 0])
    assert.deepEqual(eventsOf(frame), [{ n: 1 }, { n: 2 }])
    const rejection = { sequence: 1, code: 'EVENT_FIELD_TYPE', path: '/n', message: 'no' }
    peer.ack(1, { rejections: [rejection] })
    assert.deepEqual(await receipt, {
      accepted: 1,
      rejected: [{ index: 1, code: 'EVENT_FIELD_TYPE', path: '/n', message: 'no' }],
      rejectionsKnown: true,
      firstSequence: 0,
      lastSequence: 1,
    })
  })

  it('sends events without a receipt, and tells of those that were rejected', async () => {
    const rejections = new Queue<SentRejection>()
    await using test = await setUp({ onRejected: (rejection) => rejections.push(rejection) })
    test.client.send('clicks', { n: 1 })
    test.client.send(clicks, [{ n: 2, at: new Date(1) }])
    const peer = await test.server.peers.next()
    await peer.welcome()
    const frame = await peer.publish()
    assert.deepEqual(eventsOf(frame), [{ n: 1 }, { n: 2, at: new Date(1) }])
    const rejection = { sequence: 1, code: 'EVENT_FIELD_TYPE', path: '/n', message: 'no' } as const
    peer.ack(1, { rejections: [rejection] })
    assert.deepEqual(await rejections.next(), { source: 'clicks', ...rejection })
    assert.throws(() => test.client.send('clicks', { n: () => 1 }), { code: 'EVENT_ENCODE' })
    await test.client.close()
    assert.throws(() => test.client.send('clicks', { n: 1 }), { code: 'CLIENT_CLOSED' })
  })

  it('resumes after a lost acknowledgement and learns that the events are there', async () => {
    await using test = await setUp()
    const receipt = test.client.publish('clicks', { n: 1 })
    const first = await test.server.peers.next()
    await first.welcome({ epoch: 7 })
    await first.publish()
    first.socket.terminate()
    const second = await test.reconnected()
    assert.deepEqual((await second.welcome({ epoch: 7, lastSequence: 0 })).epoch, 7)
    const { accepted, rejectionsKnown } = await receipt
    assert.deepEqual([accepted, rejectionsKnown], [1, false])
    const next = test.client.publish('clicks', { n: 2 })
    assert.equal((await second.publish()).sequence, 1)
    second.ack(1)
    assert.equal((await next).rejectionsKnown, true)
  })

  it('sends the same bytes again when the connection broke before they arrived', async () => {
    await using test = await setUp()
    const receipt = test.client.publish('clicks', [{ n: 1 }, { n: 2 }])
    const first = await test.server.peers.next()
    await first.welcome()
    const sent = await first.publish()
    first.socket.close(1011)
    const second = await test.reconnected()
    await second.welcome()
    const again = await second.publish()
    assert.deepEqual([again.sequence, again.payload], [sent.sequence, sent.payload])
    second.ack(1, { duplicates: 2 })
    assert.equal((await receipt).accepted, 2)
  })

  it('begins a new epoch when the server has forgotten it, and nothing is open', async () => {
    await using test = await setUp()
    const first = test.client.publish('clicks', { n: 1 })
    const peer = await test.server.peers.next()
    await peer.welcome({ epoch: 7 })
    await peer.publish()
    peer.ack(0)
    await first
    peer.socket.terminate()
    const { retryInMs } = await test.reached('waiting')
    const second = test.client.publish('clicks', { n: 2 })
    const flushed = test.client.flush()
    test.time.advance(retryInMs!)
    const forgetful = await test.server.peers.next()
    const gone = { isExpired: true, epoch: null, lastSequence: null }
    assert.equal((await forgetful.welcome(gone)).epoch, 7)
    const fresh = await test.server.peers.next()
    assert.equal((await fresh.welcome({ epoch: 9 })).epoch, null)
    const { sequence, payload } = await fresh.publish()
    assert.deepEqual([sequence, eventsOf({ payload })], [0, [{ n: 2 }]])
    fresh.ack(0)
    assert.equal((await second).firstSequence, 0)
    await flushed
  })

  it('stops when the server has forgotten what became of its events', async () => {
    await using test = await setUp()
    const receipt = test.client.publish('clicks', { n: 1 })
    const peer = await test.server.peers.next()
    await peer.welcome({ epoch: 7 })
    await peer.publish()
    peer.socket.terminate()
    const again = await test.reconnected()
    await again.welcome({ isExpired: true, epoch: null, lastSequence: null })
    await assert.rejects(receipt, { code: 'CLIENT_REFUSED', message: /forgotten/ })
    assert.equal(test.client.status.state, 'failed')
  })

  it('goes back to where the server stands after a gap', async () => {
    await using test = await setUp({ batchEventsMax: 2 })
    const receipt = test.client.publish(
      'clicks',
      [1, 2, 3, 4].map((n) => ({ n })),
    )
    const peer = await test.server.peers.next()
    await peer.welcome()
    assert.equal((await peer.publish()).sequence, 0)
    assert.equal((await peer.publish()).sequence, 2)
    const gap = { code: 'SEQUENCE_GAP', message: '', retryAfterMs: null }
    peer.socket.send(protocol.encodeNack({ ...gap, sequence: 2, expected: 0 }))
    assert.equal((await peer.publish()).sequence, 0)
    assert.equal((await peer.publish()).sequence, 2)
    peer.ack(3)
    assert.equal((await receipt).accepted, 4)
  })

  it('waits for credits', async () => {
    await using test = await setUp({ batchEventsMax: 2 })
    const events = [1, 2, 3, 4].map((n) => ({ n }))
    const receipt = test.client.publish('clicks', events)
    const peer = await test.server.peers.next()
    await peer.welcome({ credits: { events: 3, bytes: 1_000_000 } })
    await peer.publish()
    // A read is answered in order behind what was sent: nothing else was.
    const read = test.client.get('s', { id: 1 })
    const { id } = await peer.read()
    peer.socket.send(protocol.encodeError(id, 'FEATURES_UNKNOWN', 'no service "s"'))
    await assert.rejects(read, { code: 'FEATURES_UNKNOWN', message: 'no service "s"' })
    peer.ack(1)
    assert.equal((await peer.publish()).sequence, 2)
    peer.ack(3)
    await receipt
  })

  it('stops when another session has taken over', async () => {
    await using test = await setUp()
    const receipt = test.client.publish('clicks', { n: 1 })
    const peer = await test.server.peers.next()
    await peer.welcome()
    await peer.publish()
    peer.socket.close(4409, 'PRODUCER_FENCED: producer "p" has a newer session')
    await assert.rejects(receipt, { code: 'CLIENT_REFUSED', message: /PRODUCER_FENCED/ })
    await assert.rejects(test.client.publish('clicks', { n: 2 }), { code: 'CLIENT_REFUSED' })
    assert.equal(test.client.status.state, 'failed')
    assert.deepEqual(
      test.time.delaysMs.filter((ms) => ms > 2000),
      [],
    )
  })

  it('throws what cannot be encoded at the caller and sends nothing of the call', async () => {
    await using test = await setUp()
    await assert.rejects(test.client.publish('clicks', [{ n: 1 }, { n: new Set() }]), {
      code: 'EVENT_ENCODE',
    })
    const receipt = test.client.publish('clicks', { n: 3 })
    const peer = await test.server.peers.next()
    await peer.welcome()
    assert.deepEqual(eventsOf(await peer.publish()), [{ n: 3 }])
    peer.ack(0)
    await receipt
  })
})

/** A second client with the same outbox; rejects as it cannot have it. */
async function openedTwice(url: string, outbox: { readonly dir: string }): Promise<void> {
  const client = new MillraceClient({ url, producer: 'p', outbox })
  try {
    await client.stored()
  } finally {
    await client.close()
  }
}

describe('the end of a client', () => {
  it('drains: waits for the outcome of everything, says BYE and closes', async () => {
    await using test = await setUp()
    const receipt = test.client.publish('clicks', { n: 1 })
    const drained = test.client.drain()
    await assert.rejects(test.client.publish('clicks', { n: 2 }), { code: 'CLIENT_CLOSED' })
    const peer = await test.server.peers.next()
    await peer.welcome()
    await peer.publish()
    peer.ack(0)
    assert.equal((await receipt).accepted, 1)
    assert.equal((await peer.frames.next()).kind, 'bye')
    await drained
    assert.equal(await peer.closed, 1000)
    await test.client.drain()
  })

  it('closes now: what is open rejects, nothing is taken', async () => {
    await using test = await setUp()
    const open = [test.client.publish('clicks', { n: 1 }), test.client.get('s', { id: 1 })]
    const peer = await test.server.peers.next()
    await peer.welcome()
    await peer.publish()
    const outcomes = Promise.allSettled(open)
    await test.client.close()
    for (const outcome of await outcomes) {
      assert.equal(outcome.status, 'rejected')
      assert.equal((outcome as { reason: { code: string } }).reason.code, 'CLIENT_CLOSED')
    }
    assert.equal(test.client.status.state, 'closed')
    await assert.rejects(test.client.ready(), { code: 'CLIENT_CLOSED' })
    await assert.rejects(test.client.get('s', { id: 1 }), { code: 'CLIENT_CLOSED' })
  })

  it('tells what has no outcome, and whether it was sent', async () => {
    const left = new Queue<OpenEvents>()
    await using test = await setUp({ onUnknown: (events) => left.push(events) })
    test.client.send('clicks', [{ n: 1 }, { n: 2 }])
    const peer = await test.server.peers.next()
    await peer.welcome()
    await peer.publish()
    test.client.send('views', { n: 3 })
    assert.deepEqual(test.client.unfinished, { unsent: 1, unknown: 2 })
    assert.deepEqual(await test.client.close(), { unsent: 1, unknown: 2 })
    const told = [await left.next(), await left.next()].map(({ source, wasSent }) => [
      source,
      wasSent,
    ])
    assert.deepEqual(told, [
      ['views', false],
      ['clicks', true],
    ])
    assert.equal(left.length, 0)
    assert.deepEqual(await test.client.close(), { unsent: 1, unknown: 2 })
  })

  it('cuts the connection when the server does not close it', async () => {
    await using test = await setUp()
    test.client.publish('clicks', { n: 1 }).catch(() => {})
    const peer = await test.server.peers.next()
    await peer.welcome()
    await test.reached('connected')
    peer.socket.pause()
    const closed = test.client.close()
    test.time.advance(2000)
    await closed
  })

  it('leaves what has no outcome to the next client with its outbox', async (context) => {
    const outbox = { dir: join(await temporaryDirectory(context), 'outbox') }
    const left: OpenEvents[] = []
    const onUnknown = (events: OpenEvents): void => void left.push(events)
    {
      await using test = await setUp({ outbox, onUnknown })
      test.client.send('clicks', { n: 1 })
      assert.deepEqual(await test.client.stored(), { nextSequence: 1 })
      const peer = await test.server.peers.next()
      await peer.welcome({ epoch: 7, incarnation: 'h' })
      await peer.publish()
      await assert.rejects(openedTwice(test.server.url, outbox), { code: 'STORE_LOCKED' })
      const receipt = test.client.publish('clicks', { n: 2 })
      receipt.catch(() => {})
      assert.deepEqual(await test.client.close(), { unsent: 1, unknown: 1 })
      await assert.rejects(receipt, { code: 'CLIENT_CLOSED' })
    }
    assert.deepEqual(left, [], 'they are kept')
    await using test = await setUp({ outbox, onUnknown })
    const drained = test.client.drain()
    const peer = await test.server.peers.next()
    const { epoch, incarnation } = await peer.welcome({ epoch: 7, incarnation: 'h' })
    assert.deepEqual([epoch, incarnation], [7, 'h'])
    for (const n of [1, 2]) assert.deepEqual(eventsOf(await peer.publish()), [{ n }])
    peer.ack(1)
    await drained
  })

  it('sends nothing that was left to a store that has gone back', async (context) => {
    const outbox = { dir: join(await temporaryDirectory(context), 'outbox') }
    {
      await using test = await setUp({ outbox })
      test.client.send('clicks', { n: 1 })
      const peer = await test.server.peers.next()
      await peer.welcome({ epoch: 7, incarnation: 'h' })
      await peer.publish()
    }
    await using test = await setUp({ outbox })
    const drained = test.client.drain()
    const peer = await test.server.peers.next()
    await peer.welcome({ producer: null, epoch: null, lastSequence: null, incarnation: 'other' })
    const details = { acknowledged: 0, pending: 1 }
    await assert.rejects(drained, { code: 'CLIENT_DATA_LOSS', details })
    assert.equal(peer.frames.length, 0)
  })

  it('closes without ever having connected', async () => {
    await using test = await setUp()
    await test.client.close()
    assert.equal(test.server.peers.length, 0)
  })
})
