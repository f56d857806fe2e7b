/**
 * API keys of a whole daemon: over HTTP and WebSocket, with our client and our commands, while they
 * come and go; and what is never written of them.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import { systemClock } from '../../src/base/clock.ts'
import { keysPath } from '../../src/access/key-files.ts'
import { revokeKey, type NewKey } from '../../src/access/keys.ts'
import { runCli } from '../../src/cli/run.ts'
import { MillraceClient } from '../../src/client/client.ts'
import { apiKeyOf } from '../helpers/api-keys.ts'
import { startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'
import { RawPeer } from '../helpers/raw-peer.ts'

const order = { user_id: 1, store: 'a', at: systemClock.nowMs(), amount: 1 }
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } })

/** A daemon that has a key, and everything that its log is told. */
async function setUp(t: TestContext, options: { readonly host?: string } = {}) {
  const dataDir = await temporaryDir(t)
  await apiKeyOf(dataDir, 'admin')
  const lines: string[] = []
  const sink = new Writable({
    write: (chunk, _, done) => {
      lines.push(String(chunk))
      done()
    },
  })
  const daemon = await startDaemon(t, { dataDir, log: pino({ level: 'trace' }, sink), ...options })
  /** Makes a key of an editor, and waits until it is known. */
  const editor = async (scopes: Partial<NewKey> = {}): Promise<string> => {
    const key = await apiKeyOf(dataDir, 'editor', scopes)
    await untilStatus(daemon.url, key, 200)
    return key
  }
  return { dataDir, daemon, url: daemon.url, lines, editor }
}

/** The status of an upgrade: 101, or that of the refusal. */
async function upgradeStatus(t: TestContext, url: string, key: string | null): Promise<number> {
  const stream = `${url.replace('http', 'ws')}/v1/stream`
  const socket = new WebSocket(stream, 'millrace.v1+msgpack', key === null ? {} : bearer(key))
  t.after(() => socket.terminate())
  socket.on('error', () => {})
  const refused = once(socket, 'unexpected-response').then(
    ([, response]) => (response as { statusCode: number }).statusCode,
  )
  return Promise.race([refused, once(socket, 'open').then(() => 101)])
}

/** Asks until the daemon has looked at its keys once more, which it does once a second. */
async function untilStatus(url: string, key: string, status: number): Promise<void> {
  while ((await fetch(`${url}/v1/status`, bearer(key))).status !== status) await setImmediate()
}

test('an upgrade is for those who may read, a producer for those who may write', async (t) => {
  const { url, dataDir } = await setUp(t)
  assert.equal(await upgradeStatus(t, url, null), 401)
  assert.equal(await upgradeStatus(t, url, `mr_${'0'.repeat(12)}_${'A'.repeat(43)}`), 401)
  const viewer = await apiKeyOf(dataDir, 'viewer')
  const consumer = await apiKeyOf(dataDir, 'consumer')
  for (const key of [viewer, consumer]) await untilStatus(url, key, 200)
  assert.equal(await upgradeStatus(t, url, viewer), 403)
  const { peer } = await RawPeer.open(t, url, null, null, bearer(consumer))
  peer.send(10, 1, 'user_orders', [{ user_id: 1 }])
  await peer.next(11)
  await assert.rejects(RawPeer.open(t, url, 'p', null, bearer(consumer)), { message: '4403' })
})

test('a key with a scope is refused everything else, each read and batch told', async (t) => {
  const { url, editor } = await setUp(t)
  const scoped = await editor({ sources: ['returns'], services: ['user_orders'] })
  const { peer } = await RawPeer.open(t, url, 'p', null, bearer(scoped))
  peer.send(10, 1, 'user_orders', [{ user_id: 1 }])
  await peer.next(11)
  peer.send(10, 2, 'store_orders', [{ store: 'a' }])
  const [id, code, message] = await peer.next(12)
  assert.deepEqual([id, code], [2, 'FORBIDDEN'])
  assert.match(String(message), /it is not for service "store_orders"/)
  peer.publish('orders', 0, [order])
  assert.equal(await peer.closed, 4403)
  for (const [path, status] of [
    ['user_orders?user_id=1', 200],
    ['store_orders?store=a', 403],
    ['no_such', 403],
  ] as const) {
    const response = await fetch(`${url}/v1/features/${path}`, bearer(scoped))
    assert.equal(response.status, status, path)
  }
})

test('over HTTP a viewer has events checked, and an editor publishes to its sources', async (t) => {
  const { url, dataDir, editor } = await setUp(t)
  const viewer = await apiKeyOf(dataDir, 'viewer')
  await untilStatus(url, viewer, 200)
  const scoped = await editor({ sources: ['orders'] })
  const ingest = (source: string, isDry: boolean) =>
    JSON.stringify({
      workspace_name: 'w',
      dry_run: isDry,
      records: { [source]: [{ record: order }] },
    })
  const push = (source: string) =>
    JSON.stringify({ push_source_name: source, df: { user_id: [1] } })
  const cases: [path: string, body: string, ofViewer: number, ofEditor: number][] = [
    ['/v1/events/orders?dryRun=true', JSON.stringify([order]), 200, 200],
    ['/v1/events/orders', JSON.stringify([order]), 403, 200],
    ['/v1/events/elsewhere?dryRun=true', JSON.stringify([order]), 404, 403],
    ['/v1/events/elsewhere', JSON.stringify([order]), 403, 403],
    ['/ingest', ingest('orders', true), 200, 200],
    ['/ingest', ingest('orders', false), 403, 200],
    ['/v2/ingest', ingest('elsewhere', false), 403, 403],
    ['/ingest', '{"workspace_name": "w", "dry_run": false, "records": {}}', 403, 200],
    ['/push', push('orders'), 403, 422],
  ]
  for (const [path, body, ofViewer, ofEditor] of cases) {
    for (const [key, expected] of [
      [viewer, ofViewer],
      [scoped, ofEditor],
    ] as const) {
      const headers = { ...bearer(key).headers, 'content-type': 'application/json' }
      const response = await fetch(url + path, { method: 'POST', headers, body })
      assert.equal(response.status, expected, `${path}: ${await response.text()}`)
    }
  }
})

test('over HTTP a scope holds for every way to read, in the terms of each', async (t) => {
  const { url, editor } = await setUp(t)
  const scoped = await editor({ services: ['user_orders'] })
  const single = (name: string) => ({
    params: { workspace_name: 'w', feature_service_name: name, join_key_map: { user_id: '1' } },
  })
  const feast = (view: string) => ({ features: [`${view}:orders_1h`], entities: { user_id: [1] } })
  const tectonPath = '/api/v1/feature-service/get-features'
  const cases: [path: string, body: object, status: number][] = [
    [tectonPath, single('user_orders'), 200],
    [tectonPath, single('profile'), 403],
    ['/get-online-features', feast('user_orders'), 200],
    ['/get-online-features', feast('store_orders'), 403],
    ['/v1/features/user_orders/query', { key: {} }, 400],
    ['/v1/features/profile/query', { key: {} }, 403],
  ]
  const answers = new Map<string, string>()
  for (const [path, body, status] of cases) {
    const headers = { ...bearer(scoped).headers, 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    const response = await fetch(url + path, init)
    const text = await response.text()
    answers.set(path, text)
    assert.equal(response.status, status, `${path}: ${text}`)
  }
  const forbidden =
    'Not Authorized. Note that access control changes may take up to 60 seconds to apply.'
  assert.deepEqual(JSON.parse(answers.get(tectonPath)!), {
    error: forbidden,
    code: 7,
    message: forbidden,
  })
  const unasked = await fetch(url + tectonPath, { method: 'POST' })
  const { code, message } = (await unasked.json()) as { code: number; message: string }
  assert.deepEqual([unasked.status, code], [401, 16])
  assert.match(message, /^invalid 'Tecton-key' authorization header. Note that newly created /)
})

test('an idempotency key is one of the API key that it came with', async (t) => {
  const { url, editor } = await setUp(t)
  const [one, other] = [await editor(), await editor()]
  const push = async (key: string, amount: number): Promise<number> => {
    const headers = {
      ...bearer(key).headers,
      'content-type': 'application/json',
      'idempotency-key': '1',
    }
    const body = JSON.stringify([{ ...order, amount }])
    return (await fetch(`${url}/v1/events/orders`, { method: 'POST', headers, body })).status
  }
  assert.deepEqual([await push(one, 1), await push(other, 2)], [200, 200])
  assert.deepEqual([await push(one, 1), await push(other, 2)], [200, 200])
  assert.deepEqual([await push(one, 2), await push(other, 1)], [422, 422])
  const response = await fetch(`${url}/v1/features/user_orders?user_id=1`, bearer(one))
  const { rows } = (await response.json()) as { rows: { values: { orders_1h: string } }[] }
  assert.equal(rows[0]!.values.orders_1h, '2')
})

test('a key that is revoked gets nothing more on a connection that is open', async (t) => {
  const { url, dataDir, editor } = await setUp(t)
  const key = await editor()
  const { peer: writer } = await RawPeer.open(t, url, 'p', null, bearer(key))
  const { peer: reader } = await RawPeer.open(t, url, null, null, bearer(key))
  const { peer: idle } = await RawPeer.open(t, url, 'idle', null, bearer(key))
  writer.publish('orders', 0, [order])
  await writer.acked(0)
  await revokeKey(keysPath(dataDir), key.slice(3, 15))
  await untilStatus(url, key, 401)
  reader.send(10, 1, 'user_orders', [{ user_id: 1 }])
  assert.deepEqual((await reader.next(12)).slice(0, 2), [1, 'UNAUTHORIZED'])
  writer.publish('orders', 1, [order])
  assert.equal(await writer.closed, 4401)
  assert.equal(await idle.closed, 4401)
})

test('client and commands come with a key, and are told when it does not do', async (t) => {
  const { url, editor } = await setUp(t)
  const apiKey = await editor()
  const client = new MillraceClient({ url, apiKey })
  t.after(() => client.close())
  assert.equal((await client.publish('orders', [order])).accepted, 1)
  const [vector] = await client.get('user_orders', [{ user_id: 1 }])
  assert.equal(vector!.values['orders_1h'], 1n)
  const stranger = new MillraceClient({ url, apiKey: `${apiKey.slice(0, -1)}-` })
  t.after(() => stranger.close())
  await assert.rejects(stranger.publish('orders', [order]), { code: 'CLIENT_REFUSED' })

  const run = async (args: readonly string[], key?: string, input = '') => {
    const io = testIo(input, { MILLRACE_URL: url, MILLRACE_API_KEY: key })
    const exitCode = await runCli(args, io)
    return { exitCode, out: io.outLines.join('\n'), err: io.errLines.join('\n') }
  }
  const get = ['get', 'user_orders', 'user_id=1']
  assert.equal((await run(get, apiKey)).exitCode, 0)
  assert.equal((await run([...get, '--api-key', apiKey])).exitCode, 0)
  const line = JSON.stringify({ ...order, user_id: 2 })
  const pushed = await run(['push', 'orders'], apiKey, `${line}\n`)
  assert.deepEqual([pushed.exitCode, pushed.out], [0, '1 events accepted, 0 rejected'])
  const unasked = await run(get)
  assert.equal(unasked.exitCode, 77)
  assert.match(unasked.err, /an API key is needed \(UNAUTHORIZED\)[^]*MILLRACE_API_KEY/)
  const listed = await run(['ledger', 'list'], apiKey)
  assert.equal(listed.exitCode, 77)
  assert.match(listed.err, /role editor has no "administer" \(FORBIDDEN\)/)
})

test('whoever is within the process needs no key', async (t) => {
  const { daemon } = await setUp(t)
  assert.equal((await daemon.ingest('orders', [order])).accepted, 1)
  assert.equal((await daemon.get('user_orders', { user_id: 1 })).values['orders_1h'], 1n)
  assert.equal((await daemon.http.inject('/v1/ledger')).statusCode, 200)
  const headers = { authorization: 'Bearer none' }
  const asked = await daemon.http.inject({ url: '/v1/ledger', headers })
  assert.equal(asked.statusCode, 401)
})

test('with keys other machines may ask; the log says that nothing hides the keys', async (t) => {
  const { lines, daemon } = await setUp(t, { host: '0.0.0.0' })
  assert.match(lines.join(''), /there is no TLS/)
  const local = new URL(daemon.url)
  local.hostname = '127.0.0.1'
  assert.equal((await fetch(`${local.origin}/v1/status`)).status, 401)
})

test('no log line and no answer has a secret, whatever goes wrong with a key', async (t) => {
  const { url, dataDir, lines, editor } = await setUp(t)
  const key = await editor({ sources: ['returns'] })
  const unknown = `mr_${'0'.repeat(12)}_${'Zq3'.repeat(14)}Z`
  const answers: string[] = []
  const paths = ['/v1/status', '/v1/ledger', '/v1/features/user_orders?user_id=1', '/none', '/%ff']
  for (const path of paths) {
    for (const text of [key, unknown, key.slice(0, -1), `${key}\t`]) {
      for (const scheme of ['Bearer', 'Tecton-key', 'Basic']) {
        const headers = { authorization: `${scheme} ${text}` }
        const response = await fetch(url + path, { headers })
        answers.push(JSON.stringify([...response.headers]) + (await response.text()))
      }
    }
  }
  const { peer } = await RawPeer.open(t, url, 'p', null, bearer(key))
  peer.publish('orders', 0, [order])
  await peer.closed
  await revokeKey(keysPath(dataDir), key.slice(3, 15))
  await untilStatus(url, key, 401)
  const said = [...lines, ...answers].join('\n')
  assert.ok(lines.length > 0 && answers.length > 0)
  for (const text of [key, unknown]) assert.equal(said.includes(text.slice(16, 40)), false)
  assert.doesNotMatch(said, /mr_[0-9a-f]{12}_/)
})
