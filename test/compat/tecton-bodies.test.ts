/**
 * The bodies that the platform's documentation and clients have, each sent as it stands there, and
 * what is answered in the form that stands beside it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPlatform } from '../helpers/platform.ts'

const noon = '2026-03-01T12:00:00Z'
const get = '/api/v1/feature-service/get-features'
const batch = '/api/v1/feature-service/get-features-batch'
const metadata = '/api/v1/feature-service/metadata'

const named = { workspaceName: 'prod', featureServiceName: 'fraud_detection_feature_service' }

interface Told {
  readonly result: { readonly features: unknown[] } | { readonly features: unknown[] }[]
  readonly metadata?: {
    readonly features?: Record<string, unknown>[]
    readonly sloInfo?: object | object[]
    readonly batchSloInfo?: object
  }
}

const service = [
  'last_transaction.amount',
  'spending.count_1h',
  'spending.mean_30d',
  'spending.sum_1h',
  'user_transaction_counts.transaction_count_1d_1d',
  'user_transaction_counts.transaction_count_30d_1d',
  'user_transaction_counts.transaction_id_last_3_1d_1d',
]

test('a single request of the documentation is answered with all that it asks for', async (t) => {
  const { post, pay } = await startPlatform(t, noon)
  await pay('2026-03-01T11:30:00.000000001Z', 216409, { user_id: 'C1000262126' })
  const { status, body } = await post(get, {
    params: {
      workspaceName: 'prod',
      featureServiceName: 'fraud_detection_feature_service',
      joinKeyMap: { user_id: 'C1000262126' },
      requestContextMap: { amount: 100 },
      metadataOptions: {
        includeNames: true,
        includeEffectiveTimes: true,
        includeDataTypes: true,
        includeSloInfo: true,
        includeServingStatus: true,
      },
      requestOptions: { latencyBudgetMs: '200', readFromCache: false, writeToCache: false },
    },
  })
  assert.equal(status, 200)
  const { result, metadata } = body as Told
  assert.deepEqual(result, { features: [216409, '1', 216409, 216409, null, null, null] })
  assert.deepEqual(Object.keys(metadata!), ['features', 'sloInfo'])
  assert.deepEqual(
    metadata!.features!.map(({ name }) => name),
    service,
  )
  assert.deepEqual(metadata!.features!.slice(0, 2), [
    {
      name: 'last_transaction.amount',
      // Rounded up: clients read six digits, and the value does not hold before.
      effectiveTime: '2026-03-01T11:30:00.000001Z',
      dataType: { type: 'float64' },
      status: 'PRESENT',
    },
    {
      name: 'spending.count_1h',
      effectiveTime: noon,
      dataType: { type: 'int64' },
      status: 'PRESENT',
    },
  ])
  assert.deepEqual(metadata!.features!.at(-1), {
    name: 'user_transaction_counts.transaction_id_last_3_1d_1d',
    effectiveTime: '2026-03-01T00:00:00Z',
    dataType: { type: 'array', elementType: { type: 'string' } },
    status: 'PRESENT',
  })
  assert.deepEqual(metadata!.sloInfo, {
    sloEligible: true,
    sloServerTimeSeconds: 0,
    dynamodbResponseSizeBytes: 0,
    serverTimeSeconds: 0,
    storeMaxLatency: 0,
    storeResponseSizeBytes: JSON.stringify((result as { features: unknown[] }).features).length,
  })
})

test('without metadata options there are values and nothing else', async (t) => {
  const { post } = await startPlatform(t, noon)
  const { status, body } = await post(get, {
    params: {
      feature_service_name: 'fs',
      join_key_map: { cust_id: '1', merchant_id: '7' },
      workspace_name: 'ws',
    },
  })
  assert.equal(status, 200)
  assert.deepEqual(body, { result: { features: [null] } })
})

test('every member of the metadata comes alone when it alone is asked for', async (t) => {
  const { post, pay } = await startPlatform(t, noon)
  await pay('2026-02-28T11:30:00Z', 1)
  const told = async (option: string): Promise<unknown> => {
    const joinKeyMap = { user_id: 'u1' }
    const params = { ...named, joinKeyMap, metadataOptions: { [option]: true } }
    return ((await post(get, { params })).body as Told).metadata?.features?.at(5)
  }
  const name = 'user_transaction_counts.transaction_count_30d_1d'
  for (const [option, expected] of [
    ['include_names', { name }],
    ['includeNames', { name }],
    ['include_effective_times', { effectiveTime: '2026-03-01T00:00:00Z' }],
    ['include_types', { type: 'int64' }],
    ['include_data_types', { dataType: { type: 'int64' } }],
    ['include_serving_status', { status: 'PRESENT' }],
    ['include_feature_descriptions', { description: 'How often in a month.' }],
    ['include_feature_tags', { tags: { tier: 'gold' } }],
    ['include_slo_info', undefined],
    ['include_what_is_not_known', undefined],
  ] as const) {
    assert.deepEqual(await told(option), expected, option)
  }
})

test('a request with nulls for all that there is not is taken', async (t) => {
  const { post } = await startPlatform(t, noon)
  const { status, body } = await post(get, {
    params: {
      feature_service_name: 'fraud_detection_feature_service',
      join_key_map: { user_id: null },
      metadata_options: { include_names: true, include_data_types: true },
      request_context_map: null,
      workspace_name: 'testWorkspaceName',
    },
  })
  assert.equal(status, 200)
  const { result, metadata } = body as Told
  assert.deepEqual(result, { features: service.map(() => null) })
  assert.deepEqual(metadata!.features![0], {
    name: 'last_transaction.amount',
    dataType: { type: 'float64' },
  })
})

test('a null in a key leaves out the views that have it in theirs', async (t) => {
  const { post, pay } = await startPlatform(t, noon)
  await pay('2026-03-01T11:59:00Z', 5)
  const ask = async (joinKeyMap: object): Promise<unknown> => {
    const params = { featureServiceName: 'mixed', joinKeyMap }
    const metadataOptions = { includeServingStatus: true }
    const { body } = await post(get, { params: { ...params, metadataOptions } })
    const { result, metadata } = body as Told
    const statuses = metadata!.features!.map(({ status }) => status)
    return [(result as { features: unknown[] }).features, statuses]
  }
  const key = { user_id: 'u1', cust_id: 1, merchant_id: '7' }
  assert.deepEqual(await ask(key), [
    [5, '1'],
    ['PRESENT', 'PRESENT'],
  ])
  assert.deepEqual(await ask({ ...key, merchant_id: null }), [
    [null, '1'],
    ['MISSING_DATA', 'PRESENT'],
  ])
  assert.deepEqual(await ask({ ...key, user_id: null }), [
    [5, null],
    ['PRESENT', 'MISSING_DATA'],
  ])
})

test('a batch of the Java client is answered row by row', async (t) => {
  const { post, pay } = await startPlatform(t, noon)
  await pay('2026-02-28T11:30:00Z', 2, { user_id: 'user_656020174537' })
  const { status, body } = await post(batch, {
    params: {
      feature_service_name: 'fraud_detection_feature_service',
      metadata_options: {
        include_names: true,
        include_effective_times: true,
        include_data_types: true,
        include_slo_info: true,
        include_serving_status: true,
        include_feature_descriptions: true,
        include_feature_tags: true,
      },
      request_data: [
        {
          join_key_map: { user_id: 'user_656020174537', merchant: 'fraud_Cummerata-Jones' },
          request_context_map: { amt: 61.06 },
        },
        { join_key_map: { user_id: 'nobody' } },
        { join_key_map: { user_id: null }, request_context_map: null },
      ],
      workspace_name: 'prod',
    },
  })
  assert.equal(status, 200)
  const { result, metadata } = body as Told
  assert.deepEqual(result, [
    { features: [2, null, 2, null, '1', '1', ['t at 2026-02-28T11:30:00Z']] },
    { features: service.map(() => null) },
    { features: service.map(() => null) },
  ])
  assert.deepEqual(Object.keys(metadata!), ['features', 'sloInfo', 'batchSloInfo'])
  const statuses = ['PRESENT', 'MISSING_DATA', 'MISSING_DATA']
  for (const feature of metadata!.features!) assert.deepEqual(feature['status'], statuses)
  const slo = [
    'sloEligible',
    'sloServerTimeSeconds',
    'dynamodbResponseSizeBytes',
    'serverTimeSeconds',
    'storeMaxLatency',
    'storeResponseSizeBytes',
  ]
  const slos = metadata!.sloInfo as object[]
  assert.deepEqual(slos.map(Object.keys), [slo, slo, slo])
  assert.deepEqual(Object.keys(metadata!.batchSloInfo!), [
    'sloEligible',
    'sloServerTimeSeconds',
    'serverTimeSeconds',
    'storeMaxLatency',
  ])
})

test('options in both spellings, and some that nobody knows, stand side by side', async (t) => {
  const { post, pay } = await startPlatform(t, noon)
  await pay('2026-03-01T10:00:00Z', 1)
  const { status, body } = await post(get, {
    params: {
      ...named,
      join_key_map: { user_id: 'u1' },
      request_options: {
        latency_budget_ms: 1500,
        coerceNullCountsToZero: true,
        readFromCache: true,
        writeFromCache: false,
        ignoreExtraRequestContextFields: true,
      },
    },
  })
  assert.equal(status, 200)
  assert.deepEqual(body, { result: { features: [1, '0', 1, null, '0', '0', null] } })
})

test('what a service takes and gives is told by both versions', async (t) => {
  const { post, get } = await startPlatform(t, noon)
  const params = { workspaceName: 'prod', featureServiceName: 'user_transaction_counts' }
  const { status, body } = await post(metadata, { params })
  assert.equal(status, 200)
  const counted = (name: string) => ({
    name: `user_transaction_counts.${name}`,
    dataType: { type: 'int64' },
    type: 'int64',
  })
  const told = {
    featureServiceType: 'DEFAULT',
    inputJoinKeys: [{ name: 'user_id', dataType: { type: 'string' }, type: 'string' }],
    featureValues: [
      counted('transaction_count_1d_1d'),
      counted('transaction_count_30d_1d'),
      {
        name: 'user_transaction_counts.transaction_id_last_3_1d_1d',
        dataType: { type: 'array', elementType: { type: 'string' } },
        type: 'string_array',
      },
    ],
  }
  assert.deepEqual(body, told)
  const path = '/api/v2/workspaces/prod/feature-services/user_transaction_counts/metadata'
  const second = await get(path)
  assert.equal(second.status, 200)
  const worded = [...told.inputJoinKeys, ...told.featureValues]
  const wordless = worded.map(({ type: _type, ...rest }) => rest)
  assert.deepEqual(second.body, {
    featureServiceType: 'DEFAULT',
    inputJoinKeys: wordless.slice(0, 1),
    featureValues: wordless.slice(1),
  })
})

test('the second version reads by the names in its paths', async (t) => {
  const { post, pay } = await startPlatform(t, noon)
  await pay('2026-03-01T11:59:00Z', 5)
  const path = '/api/v2/workspaces/prod/feature-services/fs'
  const joinKeyMap = { cust_id: 1, merchant_id: '7' }
  const one = await post(`${path}/get-features`, { params: { joinKeyMap } })
  assert.deepEqual(one, { status: 200, body: { result: { features: [5] } } })
  const bare = await post(`${path}/get-features`, { join_key_map: joinKeyMap })
  assert.deepEqual(bare, one)
  const many = await post(`${path}/get-features-batch`, {
    params: { requestData: [{ joinKeyMap }, { joinKeyMap: { cust_id: 2, merchant_id: 7 } }] },
  })
  const result = [{ features: [5] }, { features: [null] }]
  assert.deepEqual(many, { status: 200, body: { result } })
})

test('views and services are read by their ids as well', async (t) => {
  const { post, daemon } = await startPlatform(t, noon)
  const { body } = await daemon.http.inject('/v1/definitions')
  const { views } = JSON.parse(body) as { views: { name: string; identity: string }[] }
  const { identity } = views.find(({ name }) => name === 'pairs')!
  const joinKeyMap = { cust_id: 1, merchant_id: 7 }
  const answer = { status: 200, body: { result: { features: [null] } } }
  for (const target of [
    { featureViewName: 'pairs' },
    { feature_view_id: identity },
    { featurePackageName: 'pairs' },
    { featureServiceName: 'pairs' },
  ]) {
    assert.deepEqual(await post(get, { params: { ...target, joinKeyMap } }), answer)
  }
})
