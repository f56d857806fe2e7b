/**
 * The HTTP server with raw sockets: what a peer that is slow, silent or wrong is told, and that its
 * socket ends whatever it does.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { httpBodiesBytesMax, httpBodyBytesMax } from '../../src/base/http-limits.ts'
import { createHttp } from '../../src/serve/http.ts'
import type { HttpTimeouts } from '../../src/serve/http-server.ts'
import { noBackfills } from '../helpers/backfills.ts'
import { noLedger } from '../helpers/ledgers.ts'
import { noPush } from '../helpers/pushes.ts'
import { shopCatalog } from '../helpers/shop-catalog.ts'
import { noQuery } from '../helpers/fake-ports.ts'

const wide = 'x'.repeat(1_000_000)

/** A server of this test, and a peer that never ends its half of the connection. */
async function setUp(t: TestContext, timeouts: Partial<HttpTimeouts> = {}) {
  const app = createHttp({
    catalog: shopCatalog,
    read: { read: () => Promise.reject(new Error('nothing is read')), ...noQuery },
    push: noPush,
    ledger: noLedger,
    backfills: noBackfills,
    status: () => ({ wide }),
    readiness: () => ({ state: 'ready', warnings: [] }),
    nowMs: () => 0,
    streamPath: '/v1/stream',
    timeouts,
  })
  // Whoever takes upgrades must not get those that it does not speak.
  app.server.on('upgrade', (_, socket) => socket.end('upgraded', () => socket.destroy()))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const peers: Socket[] = []
  t.after(() => {
    for (const peer of peers) peer.destroy()
    return app.close()
  })
  const { port } = app.server.address() as AddressInfo
  const open = (): Socket => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    peers.push(socket)
    return socket.on('error', () => {})
  }
  return { app, open }
}

/** Waits until the server has let go of every socket. */
async function untilGone(app: FastifyInstance): Promise<void> {
  const left = (): Promise<number> =>
    new Promise((resolve) => {
      app.server.getConnections((_, count) => resolve(count))
    })
  while ((await left()) > 0) await new Promise(setImmediate)
}

test('headers that do not come in time are refused, and the socket goes', async (t) => {
  const { app, open } = await setUp(t, { headersMs: 20, requestMs: 1000, checkMs: 10 })
  const socket = open()
  socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n')
  assert.match(await text(socket), /^HTTP\/1\.1 408 .*"code":"REQUEST_TIMEOUT"/s)
  await untilGone(app)
})

test('a body that does not come in time is refused, and the socket goes', async (t) => {
  const { app, open } = await setUp(t, { headersMs: 20, requestMs: 30, checkMs: 10 })
  const socket = open()
  socket.write(
    'POST /v1/features/by_user HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n' +
      'Content-Length: 100\r\n\r\n{"keys"',
  )
  assert.match(await text(socket), /^HTTP\/1\.1 408 .*"code":"REQUEST_TIMEOUT"/s)
  await untilGone(app)
})

test('what is no HTTP is refused, and the socket goes', async (t) => {
  const { app, open } = await setUp(t)
  const wrong = [
    'nonsense\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n',
    'GET / HTTP/1.1\nHost: a\n\n',
  ]
  for (const bytes of wrong) {
    const socket = open()
    socket.write(bytes)
    assert.match(await text(socket), /^HTTP\/1\.1 400 .*"code":"REQUEST_INVALID"/s, bytes)
  }
  await untilGone(app)
})

test('what Node would refuse without a word is told why', async (t) => {
  const { open } = await setUp(t)
  for (const [head, told] of [
    ['GET /healthz HTTP/1.1', /^HTTP\/1\.1 400 .*"code":"REQUEST_INVALID","message":"Host: is mi/s],
    ['GET /none HTTP/1.1', /^HTTP\/1\.1 400 .*"message":"Host: is missing"/s],
    ['GET /healthz HTTP/1.0', /^HTTP\/1\.1 200 /],
    ['GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: tea', /^HTTP\/1\.1 417 .*"EXPECTATION_UNKN/s],
    [
      'POST /v1/features/by_user HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: tea',
      /^HTTP\/1\.1 417 .*Connection: close.*"EXPECTATION_UNKNOWN"/is,
    ],
    ['GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue', /HTTP\/1\.1 200 /],
  ] as const) {
    const socket = open()
    socket.write(`${head}\r\nConnection: close\r\n\r\n`)
    assert.match(await text(socket), told, head)
  }
})

test('a peer that does not read its answers is cut after a while', async (t) => {
  const { app, open } = await setUp(t, { idleMs: 50 })
  const socket = open()
  await once(socket, 'connect')
  socket.pause()
  // Together more than the kernel keeps for either side.
  for (let n = 0; n < 32; n++) socket.write('GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n')
  await untilGone(app)
})

test('an upgrade that is not to a WebSocket is ignored: the request is answered', async (t) => {
  const { open } = await setUp(t)
  const socket = open()
  const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n'
  const next = async (request: string): Promise<string> => {
    socket.write(request)
    return String((await once(socket, 'data'))[0])
  }
  assert.match(await next(`GET /healthz HTTP/1.1\r\nHost: a\r\n${h2c}\r\n`), /^HTTP\/1\.1 200 /)
  const json = 'Content-Type: application/json\r\nContent-Length: 11\r\n'
  const post = `POST /v1/features/none HTTP/1.1\r\nHost: a\r\n${h2c}${json}\r\n{"keys":[]}`
  assert.match(await next(post), /"code":"FEATURES_UNKNOWN"/)
  assert.match(await next(`GET /v1/stream HTTP/1.1\r\nHost: a\r\n${h2c}\r\n`), /^HTTP\/1\.1 426 /)
  const webSocket = 'Connection: Upgrade\r\nUpgrade: WebSocket\r\n'
  assert.equal(await next(`GET /healthz HTTP/1.1\r\nHost: a\r\n${webSocket}\r\n`), 'upgraded')
})

test('nobody is connected on to somewhere else', async (t) => {
  const { app, open } = await setUp(t)
  const socket = open()
  socket.write('CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal(await text(socket), '')
  await untilGone(app)
})

const bodyHead = (length: number): string =>
  'POST /v1/features/by_user HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n' +
  `Content-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`

/** A peer that was told to send its body. */
async function openWithBody(open: () => Socket, length: number): Promise<Socket> {
  const socket = open()
  socket.write(bodyHead(length))
  await readUntil(socket, '100 Continue')
  return socket
}

test('who announces a body and does not send it keeps nobody out', async (t) => {
  const { open } = await setUp(t)
  for (let n = 0; n <= (2 * httpBodiesBytesMax) / httpBodyBytesMax; n++) {
    const slow = await openWithBody(open, httpBodyBytesMax)
    slow.write('[')
  }
  const other = await openWithBody(open, 2)
  other.write('{}')
  assert.match(await readUntil(other, '"code"'), /REQUEST_INVALID/)
})

test('of bodies that come and have a bound together, the oldest is cut', async (t) => {
  const { open } = await setUp(t)
  const almost = Buffer.alloc(httpBodyBytesMax - 1, ' ')
  const first = await openWithBody(open, httpBodyBytesMax)
  const answer = readUntil(first, 'OVERLOADED')
  const second = await openWithBody(open, httpBodyBytesMax)
  for (const socket of [first, second]) socket.write(almost)
  for (let n = 2; n <= httpBodiesBytesMax / httpBodyBytesMax; n++) {
    const socket = await openWithBody(open, httpBodyBytesMax)
    socket.write(almost)
  }
  assert.match(await answer, /HTTP\/1\.1 503 .*retry-after: 1\r\n/s)
  second.write(' ')
  assert.match(await readUntil(second, '"code"'), /REQUEST_INVALID/)
})

async function readUntil(socket: Socket, text: string): Promise<string> {
  let read = ''
  while (!read.includes(text)) read += String((await once(socket, 'data'))[0])
  return read
}
