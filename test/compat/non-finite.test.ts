/**
 * Floats that JSON has no number for, in request data and in what is computed of it: text at the
 * doors that speak JSON, numbers everywhere else.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { connect, startDaemon } from '../helpers/daemons.ts'
import { JavaClient } from '../helpers/java-client.ts'
import { PythonClient } from '../helpers/python-client.ts'
import { root } from '../helpers/repository.ts'

const features = `${root}/test/fixtures/ratios.ts`
const noon = '2026-03-01T12:00:00Z'
const key = { user_id: 'u1', shop_id: 's1' }

/** As JSON has them, and as numbers. */
const texts = {
  value: 'NaN',
  small: '-Infinity',
  list: ['Infinity', null, 1.5, 'NaN'],
  parts: { x: '-Infinity', n: '9007199254740993' },
  by_name: { a: 'NaN', b: 2 },
}
const numbers = {
  value: NaN,
  small: -Infinity,
  list: [Infinity, null, 1.5, NaN],
  parts: { x: -Infinity, n: 9007199254740993n },
  by_name: { a: NaN, b: 2 },
}

async function setUp(t: TestContext) {
  const daemon = await startDaemon(t, { features, clock: new ManualClock(Date.parse(noon)) })
  await daemon.ingest('orders', [{ ...key, at: '2026-03-01T11:00:00Z', amount: 0 }])
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`${daemon.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { daemon, post }
}

const platform = '/api/v1/feature-service'
const named = { workspaceName: 'prod', featureServiceName: 'ratios' }
const metadataOptions = { includeServingStatus: true }

/** As the platform has them: by place in a struct. */
const vector = [
  'NaN',
  '-Infinity',
  ['Infinity', null, 1.5, 'NaN'],
  ['-Infinity', '9007199254740993'],
  { a: 'NaN', b: 2 },
  'NaN',
  0,
]

test('the platform has them as text in single reads, batches and queries', async (t) => {
  const { post } = await setUp(t)
  const single = await post(`${platform}/get-features`, {
    params: { ...named, joinKeyMap: key, requestContextMap: texts, metadataOptions },
  })
  assert.deepEqual(single, {
    status: 200,
    body: {
      result: { features: vector },
      metadata: { features: vector.map(() => ({ status: 'PRESENT' })) },
    },
  })
  const requestData = [
    { joinKeyMap: key, requestContextMap: texts },
    { joinKeyMap: key, requestContextMap: { value: -1 } },
  ]
  const batch = await post(`${platform}/get-features-batch`, { params: { ...named, requestData } })
  const result = [{ features: vector }, { features: [-1, null, null, null, null, '-Infinity', 0] }]
  assert.deepEqual(batch, { status: 200, body: { result } })
  const query = await post(`${platform}/query-features`, {
    params: { ...named, joinKeyMap: { user_id: 'u1' }, requestContextMap: texts },
  })
  const results = [{ features: vector, joinKeys: ['s1'] }]
  assert.deepEqual(query, { status: 200, body: { results } })
})

test('our own HTTP and that of Feast have the same text', async (t) => {
  const { post } = await setUp(t)
  const own = await post('/v1/features/echo', { keys: [key], requests: [texts] })
  const [row] = own.body['rows'] as { values: object; states: object }[]
  const values = { ...texts, ratio: 'NaN' }
  assert.deepEqual(row!.values, values)
  assert.deepEqual([...new Set(Object.values(row!.states))], ['present'])
  const context = Object.entries(texts).map(([name, value]) => [name, [value]])
  const feast = await post('/get-online-features', {
    feature_service: 'echo',
    entities: { user_id: ['u1'], shop_id: ['s1'] },
    request_context: Object.fromEntries(context) as object,
  })
  assert.equal(feast.status, 200, JSON.stringify(feast.body))
  const columns = feast.body['results'] as { values: unknown[]; statuses: string[] }[]
  assert.deepEqual(
    columns.slice(2).flatMap((column) => column.values),
    Object.values({ ...values, parts: { x: '-Infinity', n: Number('9007199254740993') } }),
  )
  assert.deepEqual([...new Set(columns.flatMap(({ statuses }) => statuses))], ['PRESENT'])
})

test("the platform's clients read them", async (t) => {
  const { daemon } = await setUp(t)
  const python = new PythonClient(daemon.url)
  const { features: all } = await python.getFeatures({
    service: 'echo',
    joinKeys: key,
    context: texts,
  })
  const named = { ...numbers, ratio: NaN }
  const expected = Object.entries(named).map(([name, value]) => [`echo.${name}`, value] as const)
  assert.deepEqual(all, Object.fromEntries(expected))
  const java = new JavaClient(daemon.url)
  for (const [text, number] of Object.entries({ NaN, Infinity, '-Infinity': -Infinity })) {
    const vector = await java.getFeatures('ratio', key, [], { value: text })
    assert.deepEqual(
      vector.map(({ value }) => value),
      [number, number],
    )
  }
})

test('clients and programs have them as numbers', async (t) => {
  const { daemon } = await setUp(t)
  const client = connect(t, daemon.url.replace('http', 'ws'))
  const options = { requestData: [numbers] }
  const expected = { ...numbers, ratio: NaN }
  for (const reader of [client, daemon]) {
    const { values, states } = await reader.get('echo', key, options as never)
    assert.deepEqual(values, expected)
    assert.deepEqual([...new Set(Object.values(states))], ['present'])
  }
})

test('text that stands for no float, and numbers that no double holds, are refused', async (t) => {
  const { post } = await setUp(t)
  const asked = async (requestContextMap: string) => {
    const joinKeyMap = JSON.stringify(key)
    const params = `"featureServiceName": "ratios", "joinKeyMap": ${joinKeyMap}`
    const body = `{"params": {${params}, "requestContextMap": ${requestContextMap}}}`
    const answer = await post(`${platform}/get-features`, body)
    return [answer.status, answer.body['message']]
  }
  const expected = 'expected Float64, a number or one of NaN, Infinity, -Infinity, got string'
  for (const [context, message] of [
    ['{"value": "nan"}', `request field "value": ${expected}`],
    ['{"value": "1.5"}', `request field "value": ${expected}`],
    ['{"value": 1e400}', 'request field "value": value is outside the range of Float64'],
    ['{"value": 1, "small": 1e39}', 'request field "small": value is outside the range of Float32'],
    [
      '{"value": 1, "list": [1e400]}',
      'request field "list": value is outside the range of Float64 at /0',
    ],
    [
      '{"value": 1, "parts": {"x": 1, "n": "NaN"}}',
      'request field "parts": expected Int64, got string at /n',
    ],
  ]) {
    assert.deepEqual(await asked(context!), [400, message])
  }
  const long = '12345678901234567'
  const [status] = await asked(`{"value": ${long}, "list": [${long}], "by_name": {"a": ${long}}}`)
  assert.equal(status, 200)
  const own = await post('/v1/features/echo', `{"keys": [{}], "requests": [{"value": 1e400}]}`)
  assert.equal(own.status, 400)
})

test('events have no such floats', async (t) => {
  const { daemon, post } = await setUp(t)
  const event = { ...key, at: '2026-03-01T11:00:00Z' }
  const { rejected } = await daemon.ingest('orders', [{ ...event, amount: NaN }])
  assert.deepEqual(
    rejected.map(({ code }) => code),
    ['EVENT_FIELD_RANGE'],
  )
  const records = { orders: [{ record: { ...event, amount: 'NaN' } }] }
  const { status } = await post('/ingest', { workspace_name: 'w', dry_run: false, records })
  assert.equal(status, 400)
})
