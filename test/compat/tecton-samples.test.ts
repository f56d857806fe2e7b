/**
 * Sample requests of the hosted platform, sent to the letter, and their sample answers.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { startDaemon } from '../helpers/daemons.ts'
import { root } from '../helpers/repository.ts'

async function setUp(t: TestContext, now: string, file = 'platform-samples.ts') {
  const features = `${root}/test/fixtures/${file}`
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

/** A daemon that is sent the text of bodies, without a content type. */
async function setUpIngest(t: TestContext, now: string, file?: string) {
  const { daemon } = await setUp(t, now, file)
  const ingest = async (path: string, body: string) => {
    const response = await fetch(`${daemon.url}${path}`, {
      method: 'POST',
      body: Buffer.from(body),
    })
    return { status: response.status, answer: await response.text() }
  }
  return { ingest }
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
  const click = { testNullKey: '', at: '2023-05-26T17:30:00Z' }
  await daemon.ingest('clicks', [
    { ...click, user_id: 'u1', day: 37, month: 3, three_days: 11 },
    { ...click, user_id: 'u2', day: 43, month: 128, three_days: 254 },
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
    result: [{ features: ['37', '3', '11'] }, { features: ['43', '128', '254'] }],
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

test('the request of the Python client is answered with every type as it is shown', async (t) => {
  const { daemon, ask } = await setUp(t, '2021-08-21T01:24:00Z')
  await daemon.ingest('shapes', [
    {
      user_id: 'id123',
      at: '2021-08-21T01:23:58.996Z',
      array: [55.5, null, 55.98],
      nested: [[123, null], null, []],
      struct: { name: 'fake-string', int64: 12, float64: 123 },
      map: { this: 123 },
      int64: 693,
      bool: true,
    },
  ])
  const answer = await ask(
    'get-features',
    '{"params":{"workspaceName":"workspace","featureServiceName":"fake-feature-service",' +
      '"joinKeyMap":{"user_id":"id123"},"requestContextMap":{},"allowPartialResults":false,' +
      '"metadataOptions":{"includeNames":true,"includeDataTypes":true,' +
      '"includeEffectiveTimes":false,"includeSloInfo":false,"includeServingStatus":false,' +
      '"includeFeatureDescriptions":false,"includeFeatureTags":false},' +
      '"requestOptions":{"readFromCache":true,"writeToCache":true}}}',
  )
  const { result, metadata } = answer as { result: unknown; metadata: { features: object[] } }
  assert.equal(
    JSON.stringify(result),
    '{"features":[[55.5,null,55.98],"2021-08-21T01:23:58.996Z",true,"693",{"this":"123"},' +
      '[["123",null],null,[]],["fake-string","12",123]]}',
  )
  assert.ok(metadata.features.every((each) => Object.keys(each).join() === 'name,dataType'))
})

test('the batch of the Java client is answered row by row', async (t) => {
  const { daemon, ask } = await setUp(t, '2023-05-26T18:10:00Z', 'platform-java.ts')
  const key = { user_id: 'user_656020174537', merchant: 'fraud_Cummerata-Jones' }
  await daemon.ingest('transactions', [{ ...key, at: '2023-05-26T18:00:00Z', amt: 61.05 }])
  // What the sample leaves out is filled in: the other flags, and rows up to its batches of five.
  const row =
    '{"join_key_map":{"user_id":"user_656020174537","merchant":"fraud_Cummerata-Jones"},' +
    '"request_context_map":{"amt":61.06}}'
  const answer = await ask(
    'get-features-batch',
    '{"params":{"feature_service_name":"fraud_detection_feature_service",' +
      '"metadata_options":{"include_feature_descriptions":true,"include_feature_tags":true,' +
      '"include_data_types":true,"include_effective_times":true,"include_names":true,' +
      '"include_serving_status":true,"include_slo_info":true},' +
      `"request_data":[${[row, row, row, row, row].join(',')}],"workspace_name":"prod"}}`,
  )
  const { result, metadata } = answer as { result: unknown[]; metadata: Record<string, unknown> }
  assert.deepEqual(
    result,
    Array.from({ length: 5 }, () => ({ features: [true, 61.05] })),
  )
  assert.deepEqual(Object.keys(metadata), ['features', 'sloInfo', 'batchSloInfo'])
})

test('the sample of metadata is answered to the letter, but for what it leaves out', async (t) => {
  const { ask } = await setUp(t, '2023-05-26T18:10:00Z')
  const body = '{"params":{"workspaceName":"prod","featureServiceName":"described"}}'
  const answer = JSON.stringify(await ask('metadata', body))
  // The view whose request data are shown has a feature, and the sample shows none of it.
  const computed =
    '{"name":"amount_over.amount_over","dataType":{"type":"float64"},"type":"float64"},'
  const sample = `{ "featureServiceType": "DEFAULT",
  "inputJoinKeys": [ { "name": "user_id", "dataType": {"type":"string"}, "type": "string" } ],
  "inputRequestContextKeys": [ { "name": "amt", "dataType": {"type":"float64"},
                                 "type": "float64" } ],
  "featureValues": [ { "name": "user_transaction_counts.transaction_id_last_3_1d_1d",
                       "dataType": {"type":"array","elementType":{"type":"string"}},
                       "type": "string_array" } ] }`
  assert.ok(answer.includes(computed))
  assert.equal(answer.replace(computed, ''), JSON.stringify(JSON.parse(sample)))
})

test('the samples of ingest requests are answered as they are shown', async (t) => {
  const { ingest } = await setUpIngest(t, '2023-01-02T00:30:00Z')
  const text = `{
  "workspace_name": "ingestapi-live",
  "dry_run": false,
  "records": {
    "impressions_event_source": [
      { "record": { "timestamp": "2023-01-02T00:25:06Z", "user_id": "C18947Z5", "clicked": 1 } },
      { "record": { "timestamp": "2022-12-29T00:25:06Z", "user_id": "C98FG569", "clicked": 1 } }
    ]
  }
}`
  const { status, answer } = await ingest('/ingest', text)
  assert.equal(status, 200)
  // The id is its own, and offline are events of sources here, not rows of views.
  const sample = `{
  "workspaceName": "ingestapi-live",
  "ingestMetrics": {
    "featureViewIngestMetrics": [
      { "featureViewName": "click_events_fv",
        "onlineRecordIngestCount": "2",
        "featureViewId": "b6f14021557d3f2ba95247add3642820" }
    ]
  }
}`
  const id = 'b6f14021557d3f2ba95247add3642820'
  assert.equal(answer.replace(/[0-9a-f]{32}/, id), JSON.stringify(JSON.parse(sample)))
})

test('the samples of refused ingest requests are answered as they are shown', async (t) => {
  const { ingest } = await setUpIngest(t, '2023-01-02T00:30:00Z')
  const records = '"records": { "click_event_source": [] }'
  const missing = await ingest('/ingest', `{ "dry_run": false, ${records} }`)
  const sample = `{ "requestError": {
    "errorMessage": "Required field \`workspace_name\` is missing in the request",
    "errorType": "RequestValidationError" } }`
  assert.deepEqual(missing, { status: 400, answer: JSON.stringify(JSON.parse(sample)) })
  const late = await ingest(
    '/ingest',
    '{ "workspace_name": "ingestapi-live", "dry_run": false, "records": { "click_event_source":' +
      ' [ { "record": { "timestamp": "2022-01-02T00:25:06Z", "user_id": "C18947Z5" } } ] } }',
  )
  // The sample has another name in its message than the view's; behind its members are ours.
  const error =
    '{"workspaceName":"ingestapi-live","recordErrors":[{"featureViewName":"keyword_ingest_fv",' +
    '"pushSourceName":"click_event_source","errorType":"TectonObjectValidationError",' +
    '"errorMessage":"timestamp value is outside of the serving TTL defined for Feature View ' +
    'keyword_ingest_fv","recordIndex":0,"code":"EVENT_TOO_LATE","path":"/timestamp"}]}'
  assert.deepEqual(late, { status: 400, answer: error })
})

test('a sample of the second version is taken', async (t) => {
  const { ingest } = await setUpIngest(t, '2024-11-14T12:00:00Z', 'platform-events.ts')
  const { status } = await ingest(
    '/v2/ingest',
    `{ "workspaceName": "prod", "dryRun": false,
  "records": { "my_stream_source": [
    { "record": { "timestamp": "2024-11-14T11:22:03.520", "user_id": "123",
                  "event_type": "my_test" } } ] } }`,
  )
  assert.equal(status, 200)
})

test('a sample with a struct and a map is taken', async (t) => {
  const { ingest } = await setUpIngest(t, '2024-01-02T00:30:00Z', 'platform-events.ts')
  const record = `{ "record": { "timestamp": "2024-01-02T00:25:06Z", "user_id": "C18947Z5",
  "product_details": { "product_id": "P1", "category": "food", "price": 50.0 },
  "user_preferences": { "electronics": 1.5, "food": 2.0 } } }`
  const head = '{"workspace_name": "prod", "dry_run": false, "records": {"product_source": ['
  assert.equal((await ingest('/ingest', `${head}${record}]}}`)).status, 200)
})
