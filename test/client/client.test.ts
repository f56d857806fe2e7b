/**
 * The client against a server that a test plays by hand, over real sockets. Time moves by hand, so
 * that a delay of 30 s costs nothing and nothing depends on how fast the machine is.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { MillraceClient } from '../../src/client/client.ts'
import type { ClientStatus } from '../../src/client/connection.ts'
import type { ClientOptions } from '../../src/client/options.ts'
import * as protocol from '../../src/wire/protocol.ts'
import { eventsOf, FakeServer, ManualTime, Queue } from './support.ts'

async function setUp(options: Partial<ClientOptions> = {}) {
  const server = await FakeServer.start()
  const time = new ManualTime('by-themselves')
  const statuses = new Queue<ClientStatus>()
  const onStatus = (status: ClientStatus): void => statuses.push(status)
  const client = new MillraceClient({ url: server.url, producer: 'p', onStatus, ...options }, time)
  return {
    server,
    client,
    time,
    reached: (state: ClientStatus['state']) => statuses.until((status) => status.state === state),
    /** The next connection, after the delay of the backoff. */
    async reconnected() {
      const { retryInMs } = await statuses.until((status) => status.state === 'waiting')
      time.advance(retryInMs!)
      return server.peers.next()
    },
    async [Symbol.asyncDispose]() {
      await client.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

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

  it('resumes the epoch after a lost acknowledgement and is told that the events are there', async () => {
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

describe('the connection', () => {
  it('waits longer after every failure, and starts over when the server has answered', async () => {
    await using test = await setUp()
    test.client.publish('clicks', { n: 1 }).catch(() => {})
    for (const delayMs of [50, 100, 200]) {
      const peer = await test.server.peers.next()
      await peer.welcome()
      peer.socket.close(1013)
      const { retryInMs } = await test.reached('waiting')
      assert.equal(retryInMs, delayMs)
      test.time.advance(delayMs)
    }
    const peer = await test.server.peers.next()
    await peer.welcome()
    await peer.publish()
    peer.ack(-1)
    peer.socket.close(1012)
    assert.equal((await test.reached('waiting')).retryInMs, 50)
  })

  it('gives up a connection that is silent for two heartbeats', async () => {
    await using test = await setUp()
    test.client.publish('clicks', { n: 1 }).catch(() => {})
    const peer = await test.server.peers.next()
    await peer.welcome({ heartbeatMs: 15_000 })
    await test.reached('connected')
    test.time.advance(34_999)
    assert.equal(test.client.status.state, 'connected')
    test.time.advance(1)
    assert.match((await test.reached('waiting')).reason, /nothing heard/)
  })

  it('stays on a connection that pings', async () => {
    await using test = await setUp()
    test.client.publish('clicks', { n: 1 }).catch(() => {})
    const peer = await test.server.peers.next()
    await peer.welcome()
    await test.reached('connected')
    for (let i = 0; i < 3; i++) {
      test.time.advance(30_000)
      const pong = new Promise((resolve) => {
        peer.socket.once('pong', resolve)
      })
      peer.socket.ping()
      await pong
    }
    assert.equal(test.client.status.state, 'connected')
  })

  it('gives up a server that does not welcome it', async () => {
    await using test = await setUp()
    test.client.publish('clicks', { n: 1 }).catch(() => {})
    const peer = await test.server.peers.next()
    await peer.hello()
    test.time.advance(10_000)
    assert.match((await test.reached('waiting')).reason, /no WELCOME/)
  })

  it('sends nothing new after GOAWAY and goes on with the next server', async () => {
    await using test = await setUp()
    const first = test.client.publish('clicks', { n: 1 })
    const peer = await test.server.peers.next()
    await peer.welcome()
    await peer.publish()
    peer.socket.send(protocol.encodeGoaway('shutting down', 20_000))
    await test.reached('leaving')
    const second = test.client.publish('clicks', { n: 2 })
    peer.ack(0)
    await first
    peer.socket.close(1012)
    const next = await test.reconnected()
    await next.welcome({ lastSequence: 0 })
    assert.equal((await next.publish()).sequence, 1)
    assert.equal(peer.frames.length, 0)
    next.ack(1)
    await second
  })

  it('does not wait for a leaving server beyond its deadline', async () => {
    await using test = await setUp()
    test.client.publish('clicks', { n: 1 }).catch(() => {})
    const peer = await test.server.peers.next()
    await peer.welcome()
    peer.socket.send(protocol.encodeGoaway('shutting down', 20_000))
    await test.reached('leaving')
    test.time.advance(20_000)
    await test.reached('waiting')
  })

  it('keeps trying while nobody listens', async () => {
    await using test = await setUp()
    await test.server[Symbol.asyncDispose]()
    test.client.publish('clicks', { n: 1 }).catch(() => {})
    for (let i = 0; i < 3; i++) {
      const { reason, retryInMs } = await test.reached('waiting')
      assert.match(reason, /ECONNREFUSED/)
      test.time.advance(retryInMs!)
    }
  })

  it('stops when the server refuses the upgrade, and waits when it says for how long', async () => {
    const refusing = createServer().on('upgrade', (request, socket) => {
      const isBusy = request.url === '/busy'
      socket.end(
        isBusy
          ? 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n\r\n'
          : 'HTTP/1.1 403 Forbidden\r\n\r\n',
      )
    })
    refusing.listen(0, '127.0.0.1')
    await once(refusing, 'listening')
    const url = `ws://127.0.0.1:${(refusing.address() as AddressInfo).port}`
    {
      await using test = await setUp({ url })
      const refused = { code: 'CLIENT_REFUSED', message: /HTTP status 403/ }
      await assert.rejects(test.client.publish('clicks', { n: 1 }), refused)
    }
    {
      await using test = await setUp({ url: `${url}/busy` })
      test.client.publish('clicks', { n: 1 }).catch(() => {})
      const { reason, retryInMs } = await test.reached('waiting')
      assert.deepEqual([reason, retryInMs], ['HTTP status 503', 7050])
    }
    refusing.close()
    refusing.closeAllConnections()
  })

  it('stops at a server that speaks something else', async () => {
    await using test = await setUp()
    const receipt = test.client.publish('clicks', { n: 1 })
    const peer = await test.server.peers.next()
    peer.socket.send(Buffer.from([0x91, 99]))
    await assert.rejects(receipt, { code: 'CLIENT_REFUSED' })
    assert.equal(await peer.closed, 1002)
  })

  it('stops at a server that has lost what it had acknowledged', async () => {
    await using test = await setUp()
    const first = test.client.publish('clicks', { n: 1 })
    const peer = await test.server.peers.next()
    await peer.welcome()
    await peer.publish()
    peer.ack(0)
    await first
    peer.socket.terminate()
    const second = test.client.publish('clicks', { n: 2 })
    const next = await test.reconnected()
    await next.welcome({ lastSequence: -1 })
    await assert.rejects(second, { code: 'CLIENT_REFUSED', message: /lost/ })
  })
})

describe('reading', () => {
  const edge = 1_700_000_000_000_000_000n
  const row: protocol.FeaturesFrame['table']['rows'][number] = {
    values: [5n, null],
    states: ['present', 'empty'],
    newestNs: [edge - 1_500_000n, null],
    edgeNs: [edge, edge],
  }
  const nullable = { nullable: true } as const
  const types = [
    { kind: 'Int64', ...nullable },
    { kind: 'Float64', ...nullable },
  ] as const
  const answer = (id: number, names: string[], rows: number): Uint8Array =>
    protocol.encodeFeatures(id, { names, rows: Array.from({ length: rows }, () => row) }, types)

  it('gives values, states and freshness by the names of the features', async () => {
    await using test = await setUp({ producer: undefined } as never)
    const vector = test.client.get('clicks_of_user', { user_id: 'u1' })
    const peer = await test.server.peers.next()
    assert.equal((await peer.welcome()).producer, null)
    const read = await peer.read()
    assert.deepEqual([read.name, read.keys], ['clicks_of_user', [{ user_id: 'u1' }]])
    peer.socket.send(answer(read.id, ['clicks_of_user.n_sum_1h', 'other.x'], 1))
    assert.deepEqual(await vector, {
      values: { n_sum_1h: 5n, 'other.x': null },
      states: { n_sum_1h: 'present', 'other.x': 'empty' },
      newest: { n_sum_1h: new Date(1_699_999_999_998), 'other.x': null },
      edges: { n_sum_1h: new Date(1_700_000_000_000), 'other.x': new Date(1_700_000_000_000) },
    })
  })

  it('answers many keys in their order and asks again on a new connection', async () => {
    await using test = await setUp()
    const vectors = test.client.get('s', [{ id: 1 }, { id: 2 ** 40 }])
    const first = await test.server.peers.next()
    await first.welcome()
    await first.read()
    first.socket.terminate()
    const second = await test.reconnected()
    await second.welcome()
    const read = await second.read()
    assert.deepEqual(read.keys, [{ id: 1 }, { id: 2n ** 40n }])
    second.socket.send(answer(read.id, ['a', 'b'], 2))
    assert.equal((await vectors).length, 2)
  })

  it('asks the next server when this one is going away', async () => {
    await using test = await setUp()
    const vector = test.client.get('s', { id: 1 })
    const first = await test.server.peers.next()
    await first.welcome()
    first.socket.send(protocol.encodeError((await first.read()).id, 'DRAINING', 'going'))
    first.socket.close(1012)
    const second = await test.reconnected()
    await second.welcome()
    second.socket.send(answer((await second.read()).id, ['a', 'b'], 1))
    assert.equal((await vector).values['a'], 5n)
  })

  it('fails a read that has no answer in time', async () => {
    await using test = await setUp({ readTimeoutMs: 1000 })
    const vector = test.client.get('s', { id: 1 })
    const peer = await test.server.peers.next()
    await peer.welcome()
    await peer.read()
    test.time.advance(1000)
    await assert.rejects(vector, { code: 'CLIENT_TIMEOUT' })
  })

  it('has at most 64 reads in flight', async () => {
    await using test = await setUp()
    const all = Promise.all(Array.from({ length: 70 }, (_, id) => test.client.get('s', { id })))
    const peer = await test.server.peers.next()
    await peer.welcome()
    const reads = []
    for (let i = 0; i < 64; i++) reads.push(await peer.read())
    peer.socket.send(answer(reads[0]!.id, ['a', 'b'], 1))
    reads.push(await peer.read())
    assert.equal(peer.frames.length, 0)
    for (const { id } of reads.slice(1)) peer.socket.send(answer(id, ['a', 'b'], 1))
    for (let i = 0; i < 5; i++) {
      peer.socket.send(answer((await peer.read()).id, ['a', 'b'], 1))
    }
    assert.equal((await all).length, 70)
  })

  it('greets again as a producer when a client that only read begins to publish', async () => {
    await using test = await setUp({ producer: undefined } as never)
    const vector = test.client.get('s', { id: 1 })
    const first = await test.server.peers.next()
    await first.welcome()
    await first.read()
    const receipt = test.client.publish('clicks', { n: 1 })
    const second = await test.server.peers.next()
    assert.equal((await second.welcome()).producer, test.client.producer)
    assert.equal(await first.closed, 1000)
    await second.publish()
    second.ack(0)
    await receipt
    second.socket.send(answer((await second.read()).id, ['a', 'b'], 1))
    assert.deepEqual((await vector).states, { a: 'present', b: 'empty' })
  })
})

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

  it('closes without ever having connected', async () => {
    await using test = await setUp()
    await test.client.close()
    assert.equal(test.server.peers.length, 0)
  })
})
