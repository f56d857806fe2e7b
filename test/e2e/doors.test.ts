/**
 * The doors of a whole daemon: TLS, names, and who is let in.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { get, type RequestOptions } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { WebSocket } from 'ws'
import { ManualClock } from '../../src/base/clock.ts'
import { cert, key } from '../fixtures/tls.ts'
import { startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { RawPeer } from '../helpers/raw-peer.ts'

const at = Date.UTC(2026, 2, 1, 12)

/** The status and the code of what is answered over TLS. */
async function askTls(url: string, options: RequestOptions): Promise<[number, string]> {
  const [response] = await once(
    get(url, { ca: cert, servername: 'localhost', agent: false, ...options }),
    'response',
  )
  const { statusCode } = response as { statusCode: number }
  const body = JSON.parse(await text(response as NodeJS.ReadableStream)) as {
    error?: { code: string }
  }
  return [statusCode, body.error?.code ?? '']
}

test('with a certificate everything is served over TLS, and nothing without', async (t) => {
  const dir = await temporaryDir(t)
  const [tlsCert, tlsKey] = [join(dir, 'cert.pem'), join(dir, 'key.pem')]
  await writeFile(tlsCert, cert)
  await writeFile(tlsKey, key)
  const daemon = await startDaemon(t, { tlsCert, tlsKey, clock: new ManualClock(at) })
  const { url } = daemon
  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/)
  assert.deepEqual(await askTls(`${url}/readyz`, {}), [200, ''])
  const attacker = { headers: { host: 'attacker.example' } }
  assert.deepEqual(await askTls(`${url}/readyz`, attacker), [421, 'HOST_UNKNOWN'])
  const { peer } = await RawPeer.open(t, url, 'p', null, { ca: cert })
  peer.publish('orders', 0, [{ user_id: 1, store: 'a', at, amount: 1 }])
  assert.equal((await peer.acked(0)).upTo, 0)
  const port = Number(new URL(url).port)
  const plain = connectTcp(port, '127.0.0.1')
  plain.on('error', () => {}).write('GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')
  // An alert of TLS at most, and no HTTP.
  assert.doesNotMatch(await text(plain), /HTTP/)
  const old = connectTls({ port, host: '127.0.0.1', ca: cert, maxVersion: 'TLSv1.1' })
  await assert.rejects(once(old, 'secureConnect'))
})

test('the names and pages that are let in are so by both doors', async (t) => {
  const origin = 'https://shop.example'
  const { url } = await startDaemon(t, { allowedOrigins: [origin] })
  const { port } = new URL(url)
  const statusOf = async (head: string): Promise<string> => {
    const socket = connectTcp(Number(port), '127.0.0.1')
    socket.write(`GET /v1/status HTTP/1.1\r\nConnection: close\r\n${head}\r\n\r\n`)
    return (await text(socket)).slice(9, 12)
  }
  const connectStatus = async (headers: Record<string, string>): Promise<number> => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream`, 'millrace.v1+msgpack', {
      headers,
    })
    t.after(() => socket.terminate())
    socket.on('error', () => {})
    const refused = once(socket, 'unexpected-response').then(
      ([, response]) => (response as { statusCode: number }).statusCode,
    )
    return Promise.race([refused, once(socket, 'open').then(() => 101)])
  }
  const cases: [Record<string, string>, number][] = [
    [{ host: `127.0.0.1:${port}` }, 200],
    [{ host: `localhost:${port}` }, 200],
    [{ host: 'shop.example', origin }, 200],
    [{ host: 'attacker.example' }, 421],
    [{ host: `127.0.0.1:${port}`, origin: 'https://attacker.example' }, 403],
  ]
  for (const [headers, status] of cases) {
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    assert.equal(await statusOf(head.join('\r\n')), String(status), head.join())
    assert.equal(await connectStatus(headers), status === 200 ? 101 : status, head.join())
  }
})

test('a daemon that other machines could reach does not start, and leaves nothing', async (t) => {
  const dataDir = join(await temporaryDir(t), 'data')
  const open = { host: '0.0.0.0', dataDir }
  await assert.rejects(startDaemon(t, open), { code: 'CONFIG_INVALID', message: /--insecure/ })
  const daemon = await startDaemon(t, { ...open, insecure: true })
  assert.match(daemon.url, /^http:\/\/0\.0\.0\.0:/)
  await daemon.close()
})

test('the status tells how many are connected, and why others are not', async (t) => {
  const daemon = await startDaemon(t)
  const connectionsOf = async (): Promise<unknown> => {
    const { body } = await daemon.http.inject('/v1/status')
    return (JSON.parse(body) as { connections: unknown }).connections
  }
  const none = { open: 0, closes: {}, refusals: {}, dropped: 0 }
  assert.deepEqual(await connectionsOf(), none)
  await RawPeer.open(t, daemon.url, null)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  assert.deepEqual(await connectionsOf(), { ...none, open: 2 })
  peer.send(1)
  assert.equal(await peer.closed, 4400)
  const { url } = daemon
  const stranger = new WebSocket(`${url.replace('http', 'ws')}/v1/stream`, 'millrace.v2')
  await once(stranger, 'error')
  const counts = { closes: { FRAME_INVALID: 1 }, refusals: { SUBPROTOCOL: 1 } }
  assert.deepEqual(await connectionsOf(), { ...none, open: 1, ...counts })
})
