/**
 * Reads against a server that a test plays by hand, over real sockets. Time moves by hand,
 * so that nothing depends on how fast the machine is.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as protocol from '../../src/wire/protocol.ts'
import { FakeServer, setUp } from './support.ts'

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
  protocol.encodeFeatures(id, { names, types, rows: Array.from({ length: rows }, () => row) })

describe('reading', () => {
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

describe('reading without a server', () => {
  it('fails with the address and the reason once three first attempts have', async () => {
    await using test = await setUp({ producer: undefined } as never)
    const { url } = test.server
    await test.server[Symbol.asyncDispose]()
    const reads = [test.client.get('s', { id: 1 }), test.client.get('s', [{ id: 2 }])]
    const outcomes = Promise.allSettled(reads)
    for (let attempt = 1; attempt < 3; attempt++) {
      test.time.advance((await test.reached('waiting')).retryInMs!)
    }
    const refused = {
      code: 'CLIENT_UNREACHABLE',
      details: { url: `${url}/v1/stream`, reason: `connect ECONNREFUSED ${url.slice(5)}` },
      message: `cannot reach ${url}/v1/stream: connect ECONNREFUSED ${url.slice(5)}`,
    }
    for (const outcome of await outcomes) {
      assert.throws(() => {
        if (outcome.status === 'rejected') throw outcome.reason
      }, refused)
    }
    // The next one does not wait for the next attempt.
    await assert.rejects(test.client.get('s', { id: 3 }), refused)
    assert.equal(test.client.status.state, 'waiting')
  })

  it('lets what is published wait, and names no password', async () => {
    const closed = await FakeServer.start()
    const { host } = new URL(closed.url)
    await closed[Symbol.asyncDispose]()
    await using test = await setUp({ url: `ws://me:pw@${host}/?token=x` })
    const { client } = test
    const receipt = client
      .publish('clicks', { n: 1 })
      .catch((error: { code: string }) => error.code)
    const read = client.get('s', { id: 1 })
    const message = `cannot reach ws://${host}/v1/stream: connect ECONNREFUSED ${host}`
    const told = assert.rejects(read, { message })
    for (let n = 0; n < 3; n++) test.time.advance((await test.reached('waiting')).retryInMs!)
    await told
    assert.equal(client.unacknowledged, 1)
    await client.close()
    assert.equal(await receipt, 'CLIENT_CLOSED')
  })

  it('waits through an outage once it has been connected, until its time is up', async () => {
    await using test = await setUp({ readTimeoutMs: 1000 })
    const first = test.client.get('s', { id: 1 })
    const peer = await test.server.peers.next()
    await peer.welcome()
    peer.socket.send(answer((await peer.read()).id, ['a', 'b'], 1))
    await first
    await test.server[Symbol.asyncDispose]()
    const second = test.client.get('s', { id: 1 })
    let isPending = true
    const told = assert.rejects(second, { code: 'CLIENT_UNREACHABLE', message: /ECONNREFUSED/ })
    void told.then(() => (isPending = false))
    // 50 ms after the connection broke, then twice as long after every attempt: 750 ms together.
    for (let n = 0; n < 4; n++) test.time.advance((await test.reached('waiting')).retryInMs!)
    await test.reached('waiting')
    assert.equal(isPending, true)
    test.time.advance(1000)
    await told
  })
})
