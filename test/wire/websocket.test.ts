/**
 * The door with real sockets: an HTTP server on a free port, `ws` clients and raw HTTP requests.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import * as protocol from '../../src/wire/protocol.ts'
import { Client, event, serve } from '../helpers/door.ts'
import { produce } from '../helpers/standalone-producer.ts'

const upgradeHeaders = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol': protocol.subprotocol,
}

/** The answer to an upgrade request that is refused. */
async function refusalOf(
  port: number,
  options: RequestOptions,
): Promise<{ response: IncomingMessage; code: string }> {
  const { headers, ...rest } = options
  const asked = request({
    port,
    path: '/v1/stream',
    ...rest,
    headers: { ...upgradeHeaders, ...(headers as object) },
  }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  const { error } = JSON.parse(body) as { error: { code: string } }
  return { response, code: error.code }
}

test('an upgrade that may not pass is answered over HTTP', async (t) => {
  const { port, door } = await serve(t)
  const cases: [RequestOptions, number, string][] = [
    [{ path: '/elsewhere' }, 404, 'ROUTE_UNKNOWN'],
    [{ method: 'POST' }, 405, 'METHOD_UNKNOWN'],
    [{ headers: { Upgrade: 'h2c' } }, 426, 'UPGRADE_REQUIRED'],
    [{ headers: { Origin: 'https://theirs.example' } }, 403, 'FORBIDDEN_ORIGIN'],
    [{ headers: { 'Sec-WebSocket-Protocol': 'zzz' } }, 400, 'SUBPROTOCOL'],
    [{ headers: { 'Sec-WebSocket-Protocol': '' } }, 400, 'SUBPROTOCOL'],
    [{ headers: { 'Sec-WebSocket-Key': 'abc' } }, 400, 'REQUEST_INVALID'],
    [{ headers: { 'Sec-WebSocket-Version': '12' } }, 400, 'REQUEST_INVALID'],
  ]
  for (const [options, status, expected] of cases) {
    const { response, code } = await refusalOf(port, options)
    assert.deepEqual([response.statusCode, code], [status, expected])
    assert.equal(response.headers.connection, 'close')
  }
  assert.equal(door.refusals.get('SUBPROTOCOL'), 2)
  assert.equal(door.refusals.get('REQUEST_INVALID'), 2)
  assert.equal(door.connections, 0)
})

test('a query, an allowed origin and other offered subprotocols do not matter', async (t) => {
  const { url } = await serve(t)
  const socket = new WebSocket(`${url}?x=1`, ['later.v2', protocol.subprotocol], {
    origin: 'https://ours.example',
  })
  await once(socket, 'open')
  assert.equal(socket.protocol, protocol.subprotocol)
  assert.equal(socket.extensions, '')
  socket.terminate()
})

test('connections beyond the bound are refused', async (t) => {
  const { url, port } = await serve(t, { connectionsMax: 1 })
  await Client.open(url, null)
  const { response, code } = await refusalOf(port, {})
  assert.deepEqual([response.statusCode, code], [503, 'OVERLOADED'])
  assert.equal(response.headers['retry-after'], '1')
})

test('events are published and acknowledged, features are read', async (t) => {
  const { url, ingest } = await serve(t)
  ingest.acknowledgesAtOnce = true
  const client = await Client.open(url, 'p')
  client.publish(0)
  const ack = await client.next()
  assert.equal(ack.kind === 'ack' && ack.upTo, 0)
  assert.deepEqual(Buffer.from(ingest.batches[0]!.payload), Buffer.from([0x91, 0xc4, 4, ...event]))
  client.socket.send(protocol.encodeRead(1, 'user_clicks', []))
  assert.deepEqual(await client.next(), { kind: 'features', id: 1, table: { names: [], rows: [] } })
  client.socket.send(protocol.encodeBye())
  assert.deepEqual(await client.closed, { code: 1000, reason: 'BYE' })
})

test('a session that ends is told why, and counted', async (t) => {
  const { url, door } = await serve(t)
  const text = await Client.open(url, null)
  text.socket.send('text')
  assert.equal((await text.closed).code, 1003)
  const older = await Client.open(url, 'p')
  await Client.open(url, 'p')
  const { code, reason } = await older.closed
  assert.equal(code, 4409)
  assert.match(reason, /^PRODUCER_FENCED: /)
  assert.deepEqual(Object.fromEntries(door.closes), { FRAME_TEXT: 1, PRODUCER_FENCED: 1 })
})

test('a message that is too long is refused by the WebSocket layer', async (t) => {
  const { url, door } = await serve(t, { frameBytesMax: 1000 })
  const client = await Client.open(url, null)
  client.socket.send(new Uint8Array(1001))
  assert.equal((await client.closed).code, 1009)
  assert.equal(door.closes.get('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'), 1)
})

test('a client that says nothing is sent away', async (t) => {
  const { url, scheduler, door } = await serve(t, { helloTimeoutMs: 100 })
  const client = new Client(url)
  await once(client.socket, 'open')
  scheduler.advance(100)
  assert.equal((await client.closed).code, 4408)
  assert.equal(door.closes.get('HELLO_TIMEOUT'), 1)
})

test('a client that answers pings stays, one that does not is cut', async (t) => {
  const { url, scheduler, door } = await serve(t, { heartbeatMs: 1000, helloTimeoutMs: 1e6 })
  const deaf = new Client(url, { autoPong: false })
  await once(deaf.socket, 'open')
  const alive = await Client.open(url, null)
  for (let beat = 0; beat < 3; beat++) {
    const pinged = once(alive.socket, 'ping')
    scheduler.advance(1000)
    await pinged
    // The answer to this comes behind the pong.
    alive.socket.send(protocol.encodeFlush(beat))
    assert.equal((await alive.next()).kind, 'flushed')
  }
  assert.equal((await deaf.closed).code, 1006)
  assert.equal(alive.socket.readyState, WebSocket.OPEN)
  assert.deepEqual([door.closes.get('HEARTBEAT'), door.connections], [1, 1])
})

test('a producer that is held back is not read and not cut; newcomers are heard', async (t) => {
  const { url, scheduler, ingest } = await serve(t, { heartbeatMs: 1000 })
  ingest.acknowledgesAtOnce = true
  const client = await Client.open(url, 'p')
  const { listener } = ingest.last
  listener.held!(true)
  client.publish(0)
  for (let beat = 0; beat < 10; beat++) scheduler.advance(1000)
  const late = await Client.open(url, 'q')
  late.publish(0)
  assert.equal((await late.next()).kind, 'ack')
  assert.equal(ingest.batches.length, 1)
  listener.held!(false)
  assert.equal((await client.next()).kind, 'ack')
})

test('a peer that is dead is cut however often its producer is held back', async (t) => {
  const { url, scheduler, ingest, door } = await serve(t, { heartbeatMs: 900, helloTimeoutMs: 1e6 })
  const client = await Client.open(url, 'p', { autoPong: false })
  const { listener } = ingest.last
  for (let look = 0; look < 7; look++) {
    listener.held!(true)
    scheduler.advance(300)
    listener.held!(false)
    scheduler.advance(300)
  }
  assert.equal((await client.closed).code, 1006)
  assert.equal(door.closes.get('HEARTBEAT'), 1)
})

test('draining acknowledges what was taken, closes everyone and lets nobody in', async (t) => {
  const { url, door, ingest, port } = await serve(t)
  const client = await Client.open(url, 'p')
  const idle = await Client.open(url, null)
  client.publish(0)
  client.socket.send(protocol.encodeRead(1, 'user_clicks', []))
  await client.next()
  const drained = door.drain(1000)
  assert.equal(door.drain(1000), drained)
  const goaway = { kind: 'goaway', reason: 'the server is shutting down', deadlineMs: 1000 }
  assert.deepEqual(await client.next(), goaway)
  assert.equal((await idle.closed).code, 1012)
  const { response, code } = await refusalOf(port, {})
  assert.deepEqual([response.statusCode, code], [503, 'DRAINING'])
  ingest.last.listener.acknowledged({ upTo: 0, duplicates: 0, rejections: [] })
  assert.equal((await client.next()).kind, 'ack')
  assert.equal((await client.closed).code, 1012)
  await drained
  assert.equal(door.connections, 0)
})

test('a connection whose events are not acknowledged is cut at the deadline', async (t) => {
  const { url, door, scheduler, ingest } = await serve(t)
  const client = await Client.open(url, 'p')
  client.publish(0)
  client.socket.send(protocol.encodeRead(1, 'user_clicks', []))
  await client.next()
  const drained = door.drain(1000)
  scheduler.advance(1000)
  assert.equal((await client.closed).code, 1006)
  await drained
  assert.ok(ingest.last.closed)
})

test('draining without connections is done at once', async (t) => {
  const { door } = await serve(t)
  await door.drain(1000)
})

test('who comes after the door and before the server has gone is told to come back', async (t) => {
  const { door, port } = await serve(t)
  door.close()
  const { response, code } = await refusalOf(port, {})
  assert.deepEqual([response.statusCode, code], [503, 'DRAINING'])
})

test('a socket that resets in the middle of everything harms nobody', async (t) => {
  const { url, port, door, ingest } = await serve(t)
  const raw = connect(port, '127.0.0.1')
  await once(raw, 'connect')
  raw.write(
    'GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  )
  raw.resetAndDestroy()
  const client = await Client.open(url, 'p')
  client.socket.terminate()
  await client.closed
  // The server sees the end of the socket some turns later.
  while (door.connections > 0) await new Promise(setImmediate)
  assert.ok(ingest.opened[0]!.closed)
  await Client.open(url, 'q')
})

test('a producer written from the documentation alone is understood', async (t) => {
  const { url, ingest } = await serve(t, { creditEventsMax: 250 })
  ingest.acknowledgesAtOnce = true
  const rejection = { code: 'EVENT_FIELD_MISSING', path: '/clicked', message: 'no' } as const
  ingest.rejected.set(205, { ...rejection, sequence: 205, index: 5 })
  const events = Array.from({ length: 1234 }, (_, i) => ({ user_id: `u${i}` }))
  assert.deepEqual(await produce(url, 'standalone', 'impressions', events), {
    upTo: 1233,
    rejects: [[205, 'EVENT_FIELD_MISSING', '/clicked', 'no']],
  })
  assert.equal(ingest.batches.length, 13)
})
