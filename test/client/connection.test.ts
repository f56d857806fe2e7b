/**
 * The connection against a server that a test plays by hand, over real sockets. Time moves by hand,
 * so that nothing depends on how fast the machine is.
 */
import assert from 'node:assert/strict'
import dns from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import * as protocol from '../../src/wire/protocol.ts'
import { FakeServer, setUp, welcome } from './support.ts'

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
    test.time.advance(34_999)
    assert.equal(test.client.status.state, 'connecting')
    test.time.advance(1)
    assert.match((await test.reached('waiting')).reason, /nothing heard/)
  })

  it('waits for its epoch as long as the server pings, and asks for no other', async () => {
    await using test = await setUp()
    const receipt = test.client.publish('clicks', { n: 1 })
    const peer = await test.server.peers.next()
    assert.equal((await peer.hello()).epoch, null)
    for (let i = 0; i < 10; i++) {
      test.time.advance(15_000)
      const pong = once(peer.socket, 'pong')
      peer.socket.ping()
      await pong
    }
    assert.equal(test.client.status.state, 'connecting')
    assert.equal(test.server.peers.length, 0)
    peer.socket.send(protocol.encodeWelcome({ ...welcome, epoch: 1 }))
    await peer.publish()
    peer.ack(0)
    await receipt
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

  it('says of every address of a host why it cannot be reached', async (t) => {
    const closed = await FakeServer.start()
    const { port } = new URL(closed.url)
    await closed[Symbol.asyncDispose]()
    await using test = await setUp({ url: `ws://millrace.test:${port}` })
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
    type Answer = (error: null, found: typeof addresses) => void
    t.mock.method(dns, 'lookup', (_host: string, _options: object, answer: Answer) => {
      answer(null, addresses)
    })
    test.client.publish('clicks', { n: 1 }).catch(() => {})
    const each = addresses.map(({ address }) => `connect ECONNREFUSED ${address}:${port}`)
    assert.equal((await test.reached('waiting')).reason, each.join(', '))
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

  it('stops and sends nothing when an older state of the server was put back', async () => {
    await using test = await setUp()
    const first = test.client.publish('clicks', [{ n: 1 }, { n: 2 }])
    const peer = await test.server.peers.next()
    await peer.welcome({ incarnation: 'a' })
    await peer.publish()
    peer.ack(1)
    await first
    peer.socket.terminate()
    const second = test.client.publish('clicks', { n: 3 })
    const next = await test.reconnected()
    const hello = await next.welcome({ incarnation: 'b', producer: null, epoch: null })
    assert.deepEqual([hello.epoch, hello.incarnation], [1, 'a'])
    await assert.rejects(second, {
      code: 'CLIENT_DATA_LOSS',
      message: /up to 2 events .* and it is unknown whether 1 others were counted$/,
    })
    assert.equal(await next.closed, 1002)
    assert.equal(next.frames.length, 0)
    await assert.rejects(test.client.publish('clicks', { n: 4 }), { code: 'CLIENT_DATA_LOSS' })
  })

  it('begins anew at another history of the server while there is nothing to lose', async () => {
    await using test = await setUp()
    const all = test.client.publish('clicks', [])
    const peer = await test.server.peers.next()
    await peer.welcome({ incarnation: 'a' })
    await all
    peer.socket.terminate()
    const next = await test.reconnected()
    await next.welcome({ incarnation: 'b', producer: null, epoch: null })
    const last = await test.server.peers.next()
    const hello = await last.welcome({ incarnation: 'b', epoch: 1 })
    assert.deepEqual([hello.epoch, hello.incarnation], [null, 'b'])
    const receipt = test.client.publish('clicks', { n: 1 })
    await last.publish()
    last.ack(0)
    await receipt
  })
})
