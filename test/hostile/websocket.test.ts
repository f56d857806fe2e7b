/**
 * WebSocket frames that no library sends, against a daemon with somebody in it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { besiege, noonMs, orderOf } from '../helpers/bystander.ts'
import { readHttp } from '../helpers/daemons.ts'
import { closing, frame, opcodes, RawWebSocket } from '../helpers/raw-frames.ts'
import { openSocket } from '../helpers/raw-http.ts'
import { nameOf, rowOptions } from './rows.ts'
import { websocketRows } from './websocket-rows.ts'

/** Sockets of this process, the daemon's and the test's. */
function socketsOpen(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}

/** How often the daemon has ended a connection, for whatever reason. */
async function closesOf(url: string): Promise<number> {
  const status = (await (await fetch(`${url}/v1/status`)).json()) as {
    connections: { closes: Record<string, number> }
  }
  return Object.values(status.connections.closes).reduce((sum, count) => sum + count, 0)
}

test('bad frames end their connection, and harm nobody', async (t) => {
  const daemon = await besiege(t)
  for (const row of websocketRows) {
    await t.test(nameOf(row), rowOptions, async () => {
      const peer = await RawWebSocket.open(daemon.port)
      assert.equal(peer.answer.status, 101)
      const before = await closesOf(daemon.url)
      peer.send(...row.frames)
      assert.equal(await peer.outcome, row.outcome)
      peer.socket.destroy()
      await daemon.check()
      // The WebSocket layer says nothing of those that it cuts.
      const counted = row.outcome === 'cut' ? before : before + 1
      assert.equal(await closesOf(daemon.url), counted, 'it is counted, once')
    })
  }
})

test('W18: compression is offered and not taken', async (t) => {
  const daemon = await besiege(t)
  const offered = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' }
  const peer = await RawWebSocket.open(daemon.port, offered)
  assert.equal(peer.answer.status, 101)
  assert.equal(peer.answer.headers.get('sec-websocket-extensions'), undefined)
  peer.socket.destroy()
  await daemon.check()
})

test('W20: what follows a close is not taken', async (t) => {
  const daemon = await besiege(t)
  const binary = (...fields: unknown[]) => frame(opcodes.binary, encode(fields))
  const peer = await RawWebSocket.open(daemon.port)
  peer.send(
    binary(1, { v: 1, producer: 'p', epoch: null }),
    frame(opcodes.close, closing(1000)),
    binary(3, 'orders', 0, [encode(orderOf(20, { at: noonMs }))]),
  )
  assert.equal(await peer.outcome, 1000)
  peer.socket.destroy()
  await daemon.check()
  const [row] = await readHttp(daemon.url, 'user_orders', { user_id: 20 })
  assert.equal(row!.states['orders_30d'], 'unseen')
})

test('W25: a thousand connections that close at once leave nothing open', async (t) => {
  const daemon = await besiege(t)
  await daemon.check()
  const before = socketsOpen()
  for (let round = 0; round < 20; round++) {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => openSocket(daemon.port)))
    for (const socket of sockets) socket.destroy()
  }
  while (socketsOpen() > before) await new Promise(setImmediate)
  await daemon.check()
})
