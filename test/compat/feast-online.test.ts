/**
 * Feast's request for online features, as its documentation has it, over real HTTP.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everything } from '../fixtures/platform.ts'
import { startPlatform } from '../helpers/platform.ts'

const noon = '2026-03-01T12:00:00Z'
const path = '/get-online-features'
const none = '1970-01-01T00:00:00Z'

test('a list of features is answered by columns, the keys first', async (t) => {
  const { post, pay } = await startPlatform(t, noon)
  await pay('2026-03-01T11:30:00.000001Z', 12.5)
  await pay('2026-03-01T11:40:00Z', 3, { user_id: 'u2' })
  const { status, body } = await post(path, {
    features: ['spending:sum_1h', 'last_transaction:amount', 'spending:count_1h'],
    entities: { user_id: ['u1', 'nobody', 'u2', null] },
  })
  assert.equal(status, 200)
  const times = ['2026-03-01T11:30:00.000001Z', none, '2026-03-01T11:40:00Z', none]
  const statuses = ['PRESENT', 'NOT_FOUND', 'PRESENT', 'NOT_FOUND']
  assert.deepEqual(body, {
    metadata: { feature_names: ['user_id', 'sum_1h', 'count_1h', 'amount'] },
    results: [
      {
        values: ['u1', 'nobody', 'u2', null],
        statuses: ['PRESENT', 'PRESENT', 'PRESENT', 'PRESENT'],
        event_timestamps: [none, none, none, none],
      },
      { values: [12.5, null, 3, null], statuses, event_timestamps: times },
      { values: [1, null, 1, null], statuses, event_timestamps: times },
      { values: [12.5, null, 3, null], statuses, event_timestamps: times },
    ],
  })
})

test('a feature service is read by its name, and its features told with their views', async (t) => {
  const { post, pay, clock } = await startPlatform(t, noon)
  await pay('2026-03-01T10:30:00Z', 1)
  clock.set(Date.parse('2026-04-05T12:00:00Z'))
  const { status, body } = await post(path, {
    feature_service: 'fraud_detection_feature_service',
    entities: { user_id: ['u1'] },
    full_feature_names: true,
  })
  assert.equal(status, 200)
  const { metadata, results } = body as {
    metadata: { feature_names: string[] }
    results: { values: unknown[]; statuses: string[] }[]
  }
  assert.deepEqual(metadata.feature_names, [
    'user_id',
    'user_transaction_counts__transaction_count_30d_1d',
    'user_transaction_counts__transaction_count_1d_1d',
    'user_transaction_counts__transaction_id_last_3_1d_1d',
    'last_transaction__amount',
    'spending__sum_1h',
    'spending__count_1h',
    'spending__mean_30d',
  ])
  assert.deepEqual(
    results.slice(1).map(({ values, statuses }) => [values, statuses]),
    Array.from({ length: 7 }, () => [[null], ['OUTSIDE_MAX_AGE']]),
  )
})

test('a value of every type is written as the feature server does', async (t) => {
  const { daemon } = await startPlatform(t, noon)
  await daemon.ingest(everything, [
    {
      user_id: 'u1',
      at: '2026-03-01T11:00:00.500Z',
      int64: 9007199254740993n,
      int32: 3,
      float64: 0.5,
      float32: 1.5,
      string: 'a "b"',
      bool: true,
      instant: '2026-03-01T11:00:01.999Z',
      int64s: [1n, null],
      float32s: [0.5],
      float64s: [1, null],
      strings: ['a', 'b'],
      nested: [[1n], null, []],
      struct: { name: 'n', int64: 2n, float64: null },
      map: { a: 1n },
    },
  ])
  const features = ['int64', 'int32', 'float64', 'float32', 'string', 'bool', 'int64s', 'float32s']
    .concat('float64s', 'strings')
    .map((name) => `plain:${name}`)
    .concat('nested:nested', 'nested:struct', 'nested:map', 'nested:instant')
  const response = await fetch(`${daemon.url}${path}`, {
    method: 'POST',
    body: JSON.stringify({ features, entities: { user_id: ['u1'] } }),
  })
  const text = await response.text()
  const values = [...text.matchAll(/"values":\[(.*?)\],"statuses"/g)].map(([, value]) => value)
  assert.deepEqual(values, [
    '"u1"',
    '9007199254740993',
    '3',
    '0.5',
    '1.5',
    '"a \\"b\\""',
    'true',
    '[1,null]',
    '[0.5]',
    '[1,null]',
    '["a","b"]',
    '[[1],null,[]]',
    '{"name":"n","int64":2,"float64":null}',
    '{"a":1}',
    '1772362801',
  ])
  assert.ok(text.includes('"event_timestamps":["2026-03-01T11:00:00.500Z"]'))
})

test('keys of 64 bits are exact in the question and in the answer', async (t) => {
  const { daemon, pay } = await startPlatform(t, noon)
  await pay('2026-03-01T11:00:00Z', 5, { cust_id: 9007199254740993n })
  const entities = '{"cust_id": [9007199254740993, 9007199254740992], "merchant_id": [7, 7]}'
  const response = await fetch(`${daemon.url}${path}`, {
    method: 'POST',
    body: `{"features": ["pairs:sum"], "entities": ${entities}}`,
  })
  const text = await response.text()
  assert.match(text, /"values":\[9007199254740993,9007199254740992\]/)
  assert.match(text, /"values":\[5,null\],"statuses":\["PRESENT","NOT_FOUND"\]/)
})

test('what is asked wrongly is told in detail', async (t) => {
  const { post, get } = await startPlatform(t, noon)
  const entities = { user_id: ['u1'] }
  const features = ['spending:sum_1h']
  for (const [body, status, detail] of [
    ['{', 422, 'body: is not JSON'],
    [[], 422, 'body: is not an object'],
    [{ features }, 422, 'entities: is not an object with a list for each key'],
    [{ features, entities: {} }, 422, 'entities: is not an object with a list for each key'],
    [{ features, entities: { user_id: 'u1' } }, 422, 'entities.user_id: is not a list'],
    [{ entities }, 422, 'features: give a list of view:feature, or a feature_service'],
    [
      { features, feature_service: 'fs', entities },
      422,
      'features: give a list of view:feature, or a feature_service',
    ],
    [{ features: ['sum_1h'], entities }, 422, 'features[0]: is not view:feature'],
    [
      { features: ['spending:x'], entities },
      422,
      'features[0]: view "spending" has no feature "x"',
    ],
    [{ features: ['x:sum_1h'], entities }, 404, 'no feature service or view is named "x"'],
    [{ features: ['hidden:sum'], entities }, 404, 'view "hidden" is defined with online: false'],
    [{ features: [...features, 'pairs:sum'], entities }, 422, 'join key "cust_id": missing'],
    [
      { features, entities: { ...entities, merchant: ['m'] } },
      422,
      'entities.merchant: is no join key of these',
    ],
    [
      { features: ['pairs:sum'], entities: { cust_id: [1, 2], merchant_id: [1] } },
      422,
      'entities.merchant_id: has 1 values, and others 2',
    ],
    [
      { features: ['pairs:sum'], entities: { cust_id: ['x'], merchant_id: [1] } },
      422,
      'join key "cust_id": expected Int64, got string',
    ],
    [
      { features: ['spending:sum_1h', 'spending:sum_1h'], entities },
      422,
      'features: "sum_1h" is there twice; ask for full_feature_names',
    ],
    [
      { features, entities, full_feature_names: 1 },
      422,
      'full_feature_names: is not true or false',
    ],
  ] as const) {
    assert.deepEqual(await post(path, body), { status, body: { detail } })
  }
  assert.equal((await get(path)).status, 405)
})

test('request data stands among the keys, or beside them, and is not told back', async (t) => {
  const { post, pay } = await startPlatform(t, noon)
  await pay('2026-03-01T11:30:00Z', 50)
  const entities = { user_id: ['u1', 'u1'] }
  const features = ['transaction_amount_is_high:is_higher_than_last']
  const amt = [51, -1]
  const beside = await post(path, { features, entities, request_context: { amt } })
  const among = await post(path, { features, entities: { ...entities, amt } })
  assert.equal(beside.status, 200)
  assert.deepEqual(among, beside)
  const { metadata, results } = beside.body as { metadata: unknown; results: unknown[] }
  assert.deepEqual(metadata, { feature_names: ['user_id', 'is_higher_than_last'] })
  assert.deepEqual(results[1], {
    values: [1, null],
    statuses: ['PRESENT', 'INVALID'],
    event_timestamps: [none, none],
  })
})
