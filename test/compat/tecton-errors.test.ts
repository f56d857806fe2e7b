/**
 * What is refused in the platform's dialect: statuses, gRPC codes, and its texts to the letter.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { servingBodyBytesMax } from '../../src/base/http-limits.ts'
import { ingestRefusal } from '../../src/compat/tecton/ingest-errors.ts'
import { apiKeyOf } from '../helpers/api-keys.ts'
import { temporaryDir } from '../helpers/daemons.ts'
import { startPlatform, type Reply } from '../helpers/platform.ts'

const noon = '2026-03-01T12:00:00Z'
const get = '/api/v1/feature-service/get-features'
const batch = '/api/v1/feature-service/get-features-batch'
const query = '/api/v1/feature-service/query-features'

function assertRefused({ status, body }: Reply, http: number, code: number, text: string | RegExp) {
  const { error, message } = body as { error: string; message: string }
  assert.deepEqual([status, body], [http, { error, code, message }])
  assert.equal(error, message)
  if (typeof text === 'string') assert.equal(message, text)
  else assert.match(message, text)
}

test('a missing join key is named', async (t) => {
  const { post } = await startPlatform(t, noon)
  const featureServiceName = 'fraud_detection_feature_service'
  const text = 'Missing required join key: `user_id`'
  const without = { params: { featureServiceName, joinKeyMap: { merchant: 'm' } } }
  assertRefused(await post(get, without), 400, 3, text)
  assertRefused(await post(get, { params: { featureServiceName } }), 400, 3, text)
  const empty = { params: { featureServiceName, joinKeyMap: null } }
  assertRefused(await post(get, empty), 400, 3, text)
  const second = { params: { featureServiceName, requestData: [{}] } }
  assertRefused(await post(batch, second), 400, 3, text)
})

test('a part of a key is told where all vectors of it are read', async (t) => {
  const { post } = await startPlatform(t, noon)
  const named = { workspaceName: 'ws', featureServiceName: 'merchants' }
  const part = { ...named, joinKeyMap: { cust_id: 1 } }
  const missing = 'Missing required join key: `merchant_id`'
  const elsewhere = 'All vectors of `cust_id` are read by /api/v1/feature-service/query-features'
  assertRefused(await post(get, { params: part }), 400, 3, `${missing}. ${elsewhere}`)
  const rows = { ...named, requestData: [{ joinKeyMap: { cust_id: 1 } }] }
  assertRefused(await post(batch, { params: rows }), 400, 3, `${missing}. ${elsewhere}`)
  assert.equal((await post(query, { params: part })).status, 200)
  const other = { ...named, joinKeyMap: { merchant_id: 7 } }
  assertRefused(await post(get, { params: other }), 400, 3, 'Missing required join key: `cust_id`')
})

test('G14: an unknown service is told in the words that clients know', async (t) => {
  const { post, get: ask } = await startPlatform(t, noon)
  const text = (kind: string, name: string): string =>
    `Unable to query ${kind} \`${name}\` for workspace \`ws\`. ` +
    'Newly created feature services may take up to 60 seconds to query. ' +
    'Also, ensure that the workspace is a live workspace.'
  const params = { workspaceName: 'ws', featureServiceName: 'fs1', joinKeyMap: {} }
  for (const path of [get, '/api/v1/feature-service/metadata', query]) {
    assertRefused(await post(path, { params }), 404, 5, text('FeatureService', 'fs1'))
  }
  const v2 = '/api/v2/workspaces/ws/feature-services'
  assertRefused(await ask(`${v2}/fs1/metadata`), 404, 5, text('FeatureService', 'fs1'))
  const view = { workspaceName: 'ws', featureViewName: 'fs', joinKeyMap: {} }
  assertRefused(await post(get, { params: view }), 404, 5, text('FeatureView', 'fs'))
  const hidden = { workspace_name: 'ws', feature_service_name: 'hidden', join_key_map: {} }
  assertRefused(await post(get, { params: hidden }), 404, 5, text('FeatureService', 'hidden'))
  const id = { workspace_name: 'ws', feature_service_id: '0a', join_key_map: {} }
  assertRefused(await post(get, { params: id }), 404, 5, text('FeatureService', '0a'))
})

test('a name that nobody knows is told cut, and escaped', async (t) => {
  const { post } = await startPlatform(t, noon)
  const long = '\u001b'.repeat(10_000)
  const told = String.raw`\u001b`.repeat(256)
  const params = { workspaceName: long, featureServiceName: long }
  const { status, body } = await post(get, { params })
  assert.equal(status, 404)
  const message = (body as { message: string }).message
  assert.ok(
    message.startsWith(`Unable to query FeatureService \`${told}…\` for workspace`),
    message,
  )
  assert.ok(message.includes(`for workspace \`${told}…\`.`), message)
  const records = { [long]: [] }
  const ingest = await post('/ingest', { workspace_name: long, dry_run: true, records })
  const { errorMessage } = (ingest.body as { requestError: { errorMessage: string } }).requestError
  const expected = `Stream source \`${told}…\` not found in workspace \`${told}…\``
  assert.deepEqual([ingest.status, errorMessage], [404, expected])
})

test('a request of another form is refused with the place of the fault', async (t) => {
  const { post } = await startPlatform(t, noon)
  const name = { featureServiceName: 'fs' }
  const keys = { joinKeyMap: { cust_id: 1, merchant_id: 2 } }
  for (const [body, text] of [
    ['', 'params: is missing'],
    ['{', 'body: is not JSON'],
    ['[]', 'body: is not an object'],
    ['{}', 'params: is missing'],
    [{ params: 1 }, 'params: is not an object'],
    [{ params: {} }, /^feature_service_name: exactly one/],
    [{ params: { ...name, featureViewName: 'pairs' } }, /^feature_service_name: exactly one/],
    [{ params: { featureServiceName: 1 } }, /^feature_service_name: is not a string/],
    [{ params: { ...name, joinKeyMap: [] } }, 'join_key_map: is not an object'],
    [
      { params: { ...name, ...keys, join_key_map: { cust_id: 2, merchant_id: 2 } } },
      'join_key_map: is there as joinKeyMap, too',
    ],
    [{ params: { ...name, metadataOptions: 1 } }, 'metadata_options: is not an object'],
    [
      { params: { ...name, ...keys, metadataOptions: { includeNames: 'yes' } } },
      'metadata_options.include_names: is not true or false',
    ],
    [
      { params: { ...name, ...keys, requestOptions: { latencyBudgetMs: 'soon' } } },
      'request_options.latency_budget_ms: is not a positive number',
    ],
    [
      { params: { ...name, ...keys, requestOptions: { aggregationLeadingEdge: 'NOW' } } },
      /^request_options.aggregation_leading_edge: is not one of AGGREGATION_MODE_WALL_CLOCK_TIME/,
    ],
    [
      { params: { ...name, ...keys, requestOptions: { highWatermarkOverride: 'noon' } } },
      'request_options.high_watermark_override: is not an RFC 3339 timestamp',
    ],
    [
      { params: { ...name, joinKeyMap: { cust_id: 'x', merchant_id: 2 } } },
      'join key "cust_id": expected Int64, got string',
    ],
  ] as const) {
    assertRefused(await post(get, body), 400, 3, text)
  }
  assertRefused(await post(batch, { params: name }), 400, 3, /^request_data: is not an array/)
  const rows = { params: { ...name, requestData: [keys, 1] } }
  assertRefused(await post(batch, rows), 400, 3, 'request_data[1]: is not an object')
  const many = { params: { ...name, requestData: Array.from({ length: 10_001 }, () => keys) } }
  assertRefused(await post(batch, many), 400, 3, 'read of 10001 keys exceeds 10000')
})

test('what is no object of the prototype chain is no member, and no name', async (t) => {
  const { post } = await startPlatform(t, noon)
  const named = (name: string): string => `{"params": {"featureServiceName": "${name}"}}`
  for (const name of ['__proto__', 'constructor', 'toString']) {
    assertRefused(await post(get, named(name)), 404, 5, /^Unable to query/)
  }
  const hidden = '{"params": {"__proto__": {"featureServiceName": "fs"}, "constructor": 1}}'
  assertRefused(await post(get, hidden), 400, 3, /exactly one/)
  const key = '{"params": {"featureServiceName": "pairs", "joinKeyMap": {"__proto__": {}}}}'
  assertRefused(await post(get, key), 400, 3, 'Missing required join key: `cust_id`')
})

test('another method and a body that is too large are refused in the same form', async (t) => {
  const { get: ask, post } = await startPlatform(t, noon)
  assertRefused(await ask(get), 405, 12, /answers POST/)
  const params = { featureServiceName: 'fs', requestData: [] }
  const filled = (bytes: number): string => JSON.stringify({ params }).padEnd(bytes)
  assert.equal((await post(batch, filled(servingBodyBytesMax))).status, 200)
  for (const path of [get, batch]) {
    assertRefused(await post(path, filled(servingBodyBytesMax + 1)), 413, 8, /exceeds 4194304/)
  }
  assertRefused(await post('/api/v2/workspaces/w/feature-services/fs/metadata', {}), 405, 12, /GET/)
})

test('a service without an online serving index has nothing to query', async (t) => {
  const { post } = await startPlatform(t, noon)
  const params = { workspaceName: 'ws', featureServiceName: 'fs', joinKeyMap: { cust_id: 1 } }
  assertRefused(await post(query, { params }), 400, 3, /^"fs" has no onlineServingIndex/)
})

test('G13: who is not known, or may not, is told in the words that clients know', async (t) => {
  const dataDir = await temporaryDir(t)
  const viewer = await apiKeyOf(dataDir, 'viewer')
  const consumer = await apiKeyOf(dataDir, 'consumer', { services: ['pairs'] })
  const { post } = await startPlatform(t, noon, dataDir)
  const unknown =
    "invalid 'Tecton-key' authorization header. " +
    'Note that newly created credentials may take up to 60 seconds to be usable.'
  const forbidden =
    'Not Authorized. Note that access control changes may take up to 60 seconds to apply.'
  const joinKeyMap = { cust_id: 1, merchant_id: 7 }
  const ask = (featureServiceName: string, key?: string) =>
    post(get, { params: { workspaceName: 'ws', featureServiceName, joinKeyMap } }, key)
  for (const key of [undefined, 'Tecton-key unknown', 'Bearer unknown', consumer]) {
    assertRefused(await ask('pairs', key), 401, 16, unknown)
  }
  assertRefused(await ask('pairs', `Tecton-key ${viewer}`), 403, 7, forbidden)
  assertRefused(await ask('fs', `Tecton-key ${consumer}`), 403, 7, forbidden)
  for (const scheme of ['Tecton-key', 'Bearer']) {
    const { status, body } = await ask('pairs', `${scheme} ${consumer}`)
    assert.deepEqual([status, body], [200, { result: { features: [null] } }])
  }
  const online = (view: string) => ({
    features: [`${view}:sum`],
    entities: { cust_id: [1], merchant_id: [7] },
  })
  const path = '/get-online-features'
  assert.equal((await post(path, online('pairs'), `Bearer ${consumer}`)).status, 200)
  const recent = { features: ['recent:count'], entities: { user_id: ['u1'] } }
  assert.equal((await post(path, recent, `Bearer ${consumer}`)).status, 403)
  assert.equal((await post(path, recent)).status, 401)
})

test('another method is refused in the terms of who asks', async (t) => {
  const { url } = await startPlatform(t, noon)
  const told = async (path: string, method: string) => {
    const response = await fetch(url + path, { method })
    return [response.status, response.headers.get('allow'), await response.json()]
  }
  for (const path of ['/ingest', '/v2/ingest']) {
    const errorMessage = `${path} answers POST`
    const requestError = { errorMessage, errorType: 'MethodNotAllowedError' }
    assert.deepEqual(await told(path, 'PUT'), [405, 'POST', { requestError }])
  }
  for (const path of ['/push', '/get-online-features']) {
    const detail = `${path} answers POST`
    assert.deepEqual(await told(path, 'GET'), [405, 'POST', { detail }])
  }
  for (const [path, method, allow] of [
    [get, 'GET', 'POST'],
    ['/api/v1/observability/metrics', 'POST', 'GET, HEAD'],
  ] as const) {
    const message = `${path} answers ${allow}`
    const body = { error: message, code: 12, message }
    assert.deepEqual(await told(path, method), [405, allow, body])
  }
})

test('each fault of an ingest request has its status and type', () => {
  for (const [code, status, errorType] of [
    ['JSON_INVALID', 400, 'RequestValidationError'],
    ['BODY_TOO_LARGE', 400, 'RequestValidationError'],
    ['EVENT_POISON', 400, 'RequestValidationError'],
    ['OVERLOADED', 429, 'TooManyRequestsError'],
    ['INTERNAL', 500, 'InternalServerError'],
    ['STORAGE_FULL', 500, 'InternalServerError'],
    ['DRAINING', 503, 'UnavailableError'],
    ['SHARD_REBUILDING', 503, 'UnavailableError'],
    ['OUTCOME_UNKNOWN', 504, 'TimeoutError'],
  ] as const) {
    const error = new MillraceError(code, {}, { message: 'why' })
    const body = { requestError: { errorMessage: 'why', errorType } }
    assert.deepEqual(ingestRefusal(error), { status, body }, code)
  }
})
