import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { text } from 'node:stream/consumers'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { errorTable, MillraceError, type ErrorCode } from '../../src/base/errors.ts'
import { httpBodyBytesMax } from '../../src/base/http-limits.ts'
import type { ReadPort } from '../../src/model/contracts.ts'
import type { ReadResult } from '../../src/model/message.ts'
import { createHttp, type HttpOptions } from '../../src/serve/http.ts'
import { createReader } from '../../src/serve/reader.ts'
import { noBackfills } from '../helpers/backfills.ts'
import { noLedger } from '../helpers/ledgers.ts'
import { noPush } from '../helpers/pushes.ts'
import { shopCatalog } from '../helpers/shop-catalog.ts'
import { noQuery, onlyReads } from '../helpers/fake-ports.ts'

const nowMs = Date.UTC(2024, 4, 1, 12, 0, 10)

const result: ReadResult = {
  entity: 'present',
  newestNs: BigInt(nowMs - 1500) * 1_000_000n + 1n,
  edgeNs: BigInt(nowMs) * 1_000_000n,
  values: [2n ** 60n, Number.NaN, 1n],
  hasEvents: [true, true, true],
}

const reader: ReadPort = createReader({
  ...onlyReads,
  catalog: shopCatalog,
  shards: 4,
  seed: { k0: 1, k1: 2 },
  readShards: (queries) =>
    Promise.resolve(
      queries.map((query) => ({
        ...result,
        values: query.about.features.map((feature) => result.values[feature]!),
      })),
    ),
  nowMs: () => nowMs,
  watermarkOf: () => ({ ms: 0, ns: 0 }),
})

function appOf(options: Partial<HttpOptions> = {}): FastifyInstance {
  return createHttp({
    catalog: shopCatalog,
    read: reader,
    push: noPush,
    ledger: noLedger,
    backfills: noBackfills,
    status: () => ({ events: 12 }),
    readiness: () => ({ state: 'ready', warnings: [] }),
    nowMs: () => nowMs,
    streamPath: '/v1/stream',
    ...options,
  })
}

async function ask(request: InjectOptions | string, options: Partial<HttpOptions> = {}) {
  const response = await appOf(options).inject(request)
  return { response, status: response.statusCode, body: response.json<Record<string, unknown>>() }
}

async function assertRefused(request: InjectOptions | string, code: ErrorCode, message?: RegExp) {
  const { status, body } = await ask(request)
  const error = body['error'] as { code: string; message: string; retry: string }
  assert.deepEqual(Object.keys(body), ['error'])
  assert.deepEqual(Object.keys(error), ['code', 'message', 'retry'])
  assert.equal(error.code, code)
  assert.equal(status, errorTable[code].http)
  assert.equal(error.retry, errorTable[code].retry)
  if (message) assert.match(error.message, message)
}

test('a read by query answers one row with values, states and freshness', async () => {
  const { status, body } = await ask('/v1/features/ranking?user_id=9007199254740993&region=eu')
  assert.equal(status, 200)
  assert.deepEqual(body, {
    service: 'ranking',
    features: ['by_region.mean_1h', 'by_user.last_at_1h', 'by_region.count_1h'],
    rows: [
      {
        key: { user_id: '9007199254740993', region: 'eu' },
        values: {
          'by_region.mean_1h': 'NaN',
          'by_user.last_at_1h': '1970-01-01T00:00:00.000000001Z',
          'by_region.count_1h': '1152921504606846976',
        },
        states: {
          'by_region.mean_1h': 'present',
          'by_user.last_at_1h': 'present',
          'by_region.count_1h': 'present',
        },
        freshness: {
          by_region: {
            newest: '2024-05-01T12:00:08.500000001Z',
            ageMs: 1500,
            edge: '2024-05-01T12:00:10Z',
          },
          by_user: {
            newest: '2024-05-01T12:00:08.500000001Z',
            ageMs: 1500,
            edge: '2024-05-01T12:00:10Z',
          },
        },
      },
    ],
  })
})

test('a read by body answers one row per key, in their order', async () => {
  const keys = [{ user_id: 2 }, { user_id: '1' }, { user_id: 2 }]
  const { status, body } = await ask({
    method: 'POST',
    url: '/v1/features/by_user',
    payload: { keys },
  })
  assert.equal(status, 200)
  assert.deepEqual(
    (body['rows'] as { key: unknown }[]).map((row) => row.key),
    keys,
  )
})

test('an unseen key has null values, and no age', async () => {
  const unseen: ReadPort = {
    ...noQuery,
    read: () =>
      Promise.resolve({
        names: ['count_1h', 'mean_1h', 'last_at_1h'],
        types: [],
        rows: [
          {
            values: [null, null, null],
            states: ['unseen', 'unseen', 'unseen'],
            newestNs: [null, null, null],
            edgeNs: [0n, 0n, 0n],
          },
        ],
      }),
  }
  const { body } = await ask('/v1/features/by_user?user_id=1', { read: unseen })
  const [row] = body['rows'] as { values: unknown; freshness: unknown }[]
  assert.deepEqual(row!.freshness, {
    by_user: { newest: null, ageMs: null, edge: '1970-01-01T00:00:00Z' },
  })
})

test('keys that are not usable are refused with their name', async () => {
  await assertRefused('/v1/features/by_user', 'KEY_INVALID', /"user_id": missing/)
  await assertRefused('/v1/features/by_user?user_id=', 'KEY_INVALID', /"user_id"/)
  await assertRefused('/v1/features/by_user?user_id=abc', 'KEY_INVALID', /expected Int64/)
  await assertRefused('/v1/features/by_user?user_id=1&user_id=2', 'KEY_INVALID', /more than once/)
  await assertRefused('/v1/features/by_user?user_id=1&x=2', 'KEY_INVALID', /"x": not a join key/)
  await assertRefused('/v1/features/by_user?user_id=1&__proto__=2', 'KEY_INVALID', /__proto__/)
  for (const query of ['user_id=%ff', 'user_id=1%', '%ff=1']) {
    await assertRefused(`/v1/features/by_user?${query}`, 'REQUEST_INVALID', /^query: /)
  }
})

test('names that are not served are refused', async () => {
  await assertRefused('/v1/features/nothing?user_id=1', 'FEATURES_UNKNOWN')
  await assertRefused('/v1/features/__proto__?user_id=1', 'FEATURES_UNKNOWN')
  await assertRefused('/v1/features/history?user_id=1', 'VIEW_NOT_ONLINE')
  await assertRefused(`/v1/features/${'x'.repeat(300)}`, 'REQUEST_INVALID')
})

test('a body of another form is refused with the place of the fault', async () => {
  const post = (payload: string, type = 'application/json'): InjectOptions => ({
    method: 'POST',
    url: '/v1/features/by_user',
    headers: { 'content-type': type },
    payload,
  })
  await assertRefused(post('{'), 'REQUEST_INVALID', /^body: is not JSON/)
  await assertRefused(post(''), 'REQUEST_INVALID', /^body: is empty/)
  await assertRefused(post('[]'), 'REQUEST_INVALID', /^body/)
  await assertRefused(post('null'), 'REQUEST_INVALID', /^body/)
  await assertRefused(post('{}'), 'REQUEST_INVALID', /^keys: is not an array/)
  await assertRefused(post('{"keys":[1]}'), 'REQUEST_INVALID', /^keys\[0\]/)
  await assertRefused(post('{"keys":[],"x":1}'), 'REQUEST_INVALID', /^x: /)
  await assertRefused(post('{"keys":[{"user_id":1,"__proto__":{}}]}'), 'KEY_INVALID', /__proto__/)
  await assertRefused(post('{"keys":[],"__proto__":{}}'), 'REQUEST_INVALID', /^__proto__: /)
  await assertRefused(post('{"constructor":{"prototype":1}}'), 'REQUEST_INVALID', /^constructor: /)
  await assertRefused(post('keys', 'text/plain'), 'BODY_TYPE')
  await assertRefused(post('<a/>', 'application/xml'), 'BODY_TYPE')
  await assertRefused(post(`{"keys":"${'x'.repeat(httpBodyBytesMax)}"}`), 'BODY_TOO_LARGE')
  await assertRefused(post('{"keys":[{"user_id":9007199254740993}]}'), 'KEY_INVALID')
})

test('an unknown path and an unknown method are two things', async () => {
  await assertRefused('/', 'ROUTE_UNKNOWN')
  await assertRefused('/v1/features', 'ROUTE_UNKNOWN', /\/v1\/features/)
  await assertRefused({ method: 'POST', url: '/nothing', payload: '<a/>' }, 'ROUTE_UNKNOWN')
  await assertRefused('/v1/features/%ff', 'REQUEST_INVALID')
  for (const url of ['/healthz', '/readyz', '/v1/definitions', '/v1/status', '/v1/stream']) {
    await assertRefused({ method: 'POST', url }, 'METHOD_UNKNOWN')
  }
  const put: InjectOptions = { method: 'PUT', url: '/v1/features/by_user', payload: 'x' }
  await assertRefused(put, 'METHOD_UNKNOWN')
  const { response } = await ask(put)
  assert.equal(response.headers['allow'], 'GET, HEAD, POST')
  const methods = ['PROPFIND', 'LOCK', 'TRACE', 'DELETE', 'OPTIONS', 'M-SEARCH'] as 'TRACE'[]
  for (const method of methods) await assertRefused({ method, url: '/v1/status' }, 'METHOD_UNKNOWN')
})

test('a path with control characters is not even unknown', async () => {
  await assertRefused('/%00', 'REQUEST_INVALID', /^path: has control characters/)
  await assertRefused('/..%2f..%2fetc/passwd%0a', 'REQUEST_INVALID')
  await assertRefused('/..%2f..%2fetc/passwd', 'ROUTE_UNKNOWN')
})

test('a body that is compressed is not taken', async () => {
  const post = (encoding: string): InjectOptions => ({
    method: 'POST',
    url: '/v1/features/by_user',
    headers: { 'content-type': 'application/json', 'content-encoding': encoding },
    payload: '{"keys":[{"user_id":1}]}',
  })
  await assertRefused(post('gzip'), 'BODY_TYPE', /not compressed/)
  assert.equal((await ask(post('Identity'))).status, 200)
})

test('a page of a stranger, or a name that is not ours, is refused whatever it asks', async () => {
  const admission = { allowedOrigins: ['https://shop.example'], hostNames: ['shop.example'] }
  const by = async (url: string, headers: Record<string, string>) =>
    (await ask({ method: 'POST', url, headers, payload: {} }, { admission })).body['error']
  for (const url of ['/v1/ledger/replay', '/v1/features/by_user', '/nothing']) {
    const stranger = await by(url, { origin: 'https://attacker.example' })
    assert.equal((stranger as { code: string }).code, 'FORBIDDEN_ORIGIN')
    const rebound = await by(url, { host: 'attacker.example:4800' })
    assert.equal((rebound as { code: string }).code, 'HOST_UNKNOWN')
  }
  const headers = { origin: 'https://shop.example', host: 'shop.example' }
  const { response } = await ask({ url: '/v1/status', headers }, { admission })
  assert.equal(response.statusCode, 200)
  assert.equal(response.headers['access-control-allow-origin'], 'https://shop.example')
  assert.equal(response.headers['vary'], 'origin')
})

test('the stream answers that it wants an upgrade', async () => {
  await assertRefused('/v1/stream', 'UPGRADE_REQUIRED')
  const { response } = await ask('/v1/stream')
  assert.equal(response.headers['upgrade'], 'websocket')
})

test('health is alive unless only a restart can help', async () => {
  const full = { state: 'storage-full', error: new MillraceError('STORAGE_FULL') } as const
  const stalled = { state: 'stalled', error: new MillraceError('STALLED') } as const
  const blocked = { state: 'blocked', error: new MillraceError('SHARD_BLOCKED') } as const
  for (const [readiness, expected] of [
    [{ state: 'draining' }, 200],
    [full, 200],
    [stalled, 200],
    [blocked, 503],
    [{ state: 'failed', reason: 'JOURNAL_WRITE' }, 503],
  ] as const) {
    const { status } = await ask('/healthz', { readiness: () => readiness })
    assert.equal(status, expected, readiness.state)
  }
})

test('readiness says what hinders it, and warns of what may', async () => {
  const error = new MillraceError('STORAGE_FULL', {
    freeBytes: 1,
    freeFiles: 2,
    reservedBytes: 3,
  })
  const full = await ask('/readyz', { readiness: () => ({ state: 'storage-full', error }) })
  assert.equal(full.status, 503)
  const { message } = error
  const told = { code: 'STORAGE_FULL', message, retry: 'backoff' }
  assert.deepEqual(full.body, { status: 'storage-full', error: told })
  const low = new MillraceError('STORAGE_LOW')
  const warned = await ask('/readyz', { readiness: () => ({ state: 'ready', warnings: [low] }) })
  assert.equal(warned.status, 200)
  assert.deepEqual(warned.body, {
    status: 'ready',
    warnings: [{ code: 'STORAGE_LOW', message: low.message, retry: 'backoff' }],
  })
})

test('readiness tells ready, failed and draining apart', async () => {
  assert.deepEqual((await ask('/readyz')).body, { status: 'ready' })
  const failed = await ask('/readyz', {
    readiness: () => ({ state: 'failed', reason: 'JOURNAL_WRITE' }),
  })
  assert.equal(failed.status, 503)
  assert.deepEqual(failed.body, {
    status: 'failed',
    error: {
      code: 'FAILED',
      message: 'the server has failed and is ending: JOURNAL_WRITE',
      retry: 'backoff',
    },
  })
  const draining = await ask('/readyz', { readiness: () => ({ state: 'draining' }) })
  assert.equal(draining.status, 503)
  assert.equal(draining.body['status'], 'draining')
})

test('features are refused after a failure, and served while draining', async () => {
  const url = '/v1/features/by_user?user_id=1'
  const failed = await ask(url, {
    readiness: () => ({ state: 'failed', reason: 'JOURNAL_WRITE' }),
  })
  assert.equal(failed.status, 503)
  assert.equal(failed.response.headers['retry-after'], '1')
  assert.equal((await ask(url, { readiness: () => ({ state: 'draining' }) })).status, 200)
})

test('definitions are plain data, without functions', async () => {
  const { body } = await ask('/v1/definitions')
  assert.deepEqual(Object.keys(body), ['entities', 'sources', 'views', 'realtimeViews', 'services'])
  const [source] = body['sources'] as Record<string, unknown>[]
  assert.deepEqual(source!['tags'], { tier: 'gold' })
  assert.equal(source!['timestampField'], 'at')
  assert.deepEqual(source!['dedupe'], { by: 'sequence' })
  assert.equal('schema' in source!, false)
  const views = body['views'] as Record<string, unknown>[]
  assert.deepEqual(
    views.map((view) => [view['name'], view['source'], view['interval'], view['online']]),
    [
      ['by_user', 'purchases', undefined, true],
      ['by_region', 'purchases', undefined, true],
      ['history', 'purchases', '1m', false],
    ],
  )
  const service = (body['services'] as { name: string; features: unknown[] }[]).at(-1)
  assert.deepEqual(service!.features[0], {
    name: 'by_region.mean_1h',
    type: { kind: 'Float64', nullable: true },
  })
})

test('status is what the daemon says', async () => {
  assert.deepEqual((await ask('/v1/status')).body, { events: 12 })
})

test('an unexpected error is INTERNAL, logged, and keeps its secrets', async () => {
  const lines: unknown[] = []
  const log = { error: (details: object) => lines.push(details) }
  const failures = [
    new Error('secret'),
    new MillraceError('STORE_CORRUPT', { file: '/secret', reason: 'secret' }),
  ]
  for (const failure of failures) {
    const read: ReadPort = { read: () => Promise.reject(failure), ...noQuery }
    const { status, body } = await ask('/v1/features/by_user?user_id=1', { read, log })
    assert.equal(status, 500)
    assert.deepEqual(body, {
      error: { code: 'INTERNAL', message: 'internal error', retry: 'backoff' },
    })
  }
  assert.equal(lines.length, 2)
})

test('answers are not cached and not guessed at', async () => {
  const { response } = await ask('/v1/status')
  assert.equal(response.headers['cache-control'], 'no-store')
  assert.equal(response.headers['x-content-type-options'], 'nosniff')
  assert.match(String(response.headers['content-type']), /^application\/json/)
})

test('bytes that are no HTTP and headers that are too large are answered with a code', async () => {
  const app = appOf()
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  async function send(bytes: string): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    socket.end(bytes)
    return text(socket)
  }
  assert.match(await send('nonsense\r\n\r\n'), /^HTTP\/1\.1 400 .*"code":"REQUEST_INVALID"/s)
  const large = `GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`
  assert.match(await send(large), /^HTTP\/1\.1 431 .*"code":"HEADERS_TOO_LARGE"/s)
  await app.close()
})
