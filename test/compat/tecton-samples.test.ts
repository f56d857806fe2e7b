/**
 * Sample requests of the hosted platform, sent to the letter, and their sample answers.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { startDaemon } from '../helpers/daemons.ts'
import { root } from '../helpers/repository.ts'

const features = `${root}/test/fixtures/platform-samples.ts`

async function setUp(t: TestContext, now: string) {
  const daemon = await startDaemon(t, { features, clock: new ManualClock(Date.parse(now)) })
  const ask = async (path: string, body: string): Promise<unknown> => {
    const url = `${daemon.url}/api/v1/feature-service/${path}`
    const response = await fetch(url, { method: 'POST', body })
    const text = await response.text()
    assert.equal(response.status, 200, text)
    return JSON.parse(text)
  }
  return { daemon, ask }
}

/** The answer with the numbers of its times made 0, which the machine makes up. */
function timeless(answer: unknown): unknown {
  const times = (name: string, value: unknown): unknown =>
    /Seconds$|^storeMaxLatency$|Bytes$/.test(name) && typeof value === 'number' ? 0 : value
  return JSON.parse(JSON.stringify(answer), times)
}

const slo = { sloEligible: true, sloServerTimeSeconds: 0, serverTimeSeconds: 0, storeMaxLatency: 0 }
const vectorSlo = { ...slo, dynamodbResponseSizeBytes: 0, storeResponseSizeBytes: 0 }

test('the sample of a single vector is answered as it stands', async (t) => {
  const { daemon, ask } = await setUp(t, '2021-08-21T01:24:00Z')
  const timestamp = '2021-08-21T01:23:58.996Z'
  await daemon.ingest('transactions', [{ user_id: 'C1000262126', timestamp, amount: 216409 }])
  const answer = await ask(
    'get-features',
    `{ "params": {
    "workspaceName": "prod",
    "featureServiceName": "fraud_detection_feature_service",
    "joinKeyMap": { "user_id": "C1000262126" },
    "requestContextMap": { "amount": 100 },
    "metadataOptions": { "includeNames": true, "includeEffectiveTimes": true,
                         "includeDataTypes": true, "includeSloInfo": true,
                         "includeServingStatus": true },
    "requestOptions": { "latencyBudgetMs": "200", "readFromCache": false, "writeToCache": false }
} }`,
  )
  const high = 'transaction_amount_is_high'
  const higher = 'transaction_amount_is_higher_than_average'
  const int64 = { dataType: { type: 'int64' }, status: 'PRESENT' }
  const amount = {
    name: 'last_transaction_amount_sql.amount',
    effectiveTime: timestamp,
    dataType: { type: 'float64' },
    status: 'PRESENT',
  }
  assert.deepEqual(timeless(answer), {
    result: { features: ['0', '1', 216409] },
    metadata: {
      features: [
        { name: `${high}.${high}`, ...int64 },
        { name: `${higher}.${higher}`, ...int64 },
        amount,
      ],
      sloInfo: vectorSlo,
    },
  })
})

test('the sample of a batch is answered as it stands', async (t) => {
  const { daemon, ask } = await setUp(t, '2023-05-26T18:10:00Z')
  const click = (user_id: string, at: string) => ({ user_id, testNullKey: '', at, clicked: 1 })
  await daemon.ingest('clicks', [
    click('u1', '2023-05-26T17:30:00Z'),
    click('u1', '2023-05-24T17:30:00Z'),
    click('u2', '2023-05-03T17:30:00Z'),
  ])
  const answer = await ask(
    'get-features-batch',
    `{"params":{"feature_service_name":"user_click_counts","workspace_name":"prod",
    "metadata_options":{"include_names":true,"include_effective_times":true,
    "include_data_types":true,"include_slo_info":true,"include_serving_status":true},
    "request_data":[{"join_key_map":{"user_id":"u1"}},{"join_key_map":{"user_id":"u2"}}]}}`,
  )
  const feature = (window: string) => ({
    name: `user_click_counts.clicked_count_${window}_1h`,
    effectiveTime: '2023-05-26T18:00:00Z',
    dataType: { type: 'int64' },
    status: ['PRESENT', 'PRESENT'],
  })
  assert.deepEqual(timeless(answer), {
    result: [{ features: ['1', '2', '2'] }, { features: [null, '1', null] }],
    metadata: {
      features: [feature('1d'), feature('30d'), feature('72h')],
      sloInfo: [vectorSlo, vectorSlo],
      batchSloInfo: slo,
    },
  })
})

test('the request with nulls of the Java client is answered', async (t) => {
  const { ask } = await setUp(t, '2023-05-26T18:10:00Z')
  const answer = await ask(
    'get-features',
    '{"params":{"feature_service_name":"testFSName","join_key_map":{"testNullKey":null},' +
      '"metadata_options":{"include_names":true,"include_data_types":true},' +
      '"request_context_map":null,"workspace_name":"testWorkspaceName"}}',
  )
  assert.deepEqual(answer, {
    result: { features: [null] },
    metadata: { features: [{ name: 'unknown_clicks.count', dataType: { type: 'int64' } }] },
  })
})

test('a service is asked for by a name with hyphens and a version, at every door', async (t) => {
  const { daemon, ask } = await setUp(t, '2021-08-21T01:24:00Z')
  const timestamp = '2021-08-21T01:23:58.996Z'
  await daemon.ingest('transactions', [{ user_id: 'u', timestamp, amount: 5 }])
  const name = 'fraud-detection:v2'
  const key = { joinKeyMap: { user_id: 'u' } }
  const params = { workspaceName: 'prod', featureServiceName: name, ...key }
  const expected = { result: { features: [5] } }
  assert.deepEqual(await ask('get-features', JSON.stringify({ params })), expected)
  for (const written of [name, encodeURIComponent(name)]) {
    const path = `/api/v2/workspaces/prod/feature-services/${written}/get-features`
    const body = JSON.stringify({ params: key })
    const response = await fetch(`${daemon.url}${path}`, { method: 'POST', body })
    assert.deepEqual(await response.json(), expected)
    const native = await fetch(`${daemon.url}/v1/features/${written}?user_id=u`)
    const { rows } = (await native.json()) as { rows: { values: object }[] }
    assert.deepEqual(Object.values(rows[0]!.values), [5])
  }
})
