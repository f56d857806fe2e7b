/**
 * What is computed as it is read, and queries by a part of a key, in the platform's dialect.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPlatform } from '../helpers/platform.ts'

const noon = '2026-03-01T12:00:00Z'
const get = '/api/v1/feature-service/get-features'
const batch = '/api/v1/feature-service/get-features-batch'
const metadata = '/api/v1/feature-service/metadata'

interface Told {
  readonly result: { readonly features: unknown[] }
  readonly metadata?: { readonly features?: Record<string, unknown>[] }
}

test('what is computed as it is read comes first, in the order of its schema', async (t) => {
  const { post, pay } = await startPlatform(t, noon)
  await pay('2026-03-01T11:30:00Z', 216409)
  const ask = async (context: object): Promise<Told> => {
    const { status, body } = await post(get, {
      params: {
        workspaceName: 'prod',
        featureServiceName: 'scoring',
        joinKeyMap: { user_id: 'u1' },
        requestContextMap: context,
        metadataOptions: {
          includeNames: true,
          includeEffectiveTimes: true,
          includeDataTypes: true,
          includeServingStatus: true,
        },
      },
    })
    assert.equal(status, 200, JSON.stringify(body))
    return body as Told
  }
  const { result, metadata } = await ask({ amt: Number('12345678901234567'), more: 'passed over' })
  assert.deepEqual(result, { features: ['1', '1', 216409, 216409] })
  const int64 = { dataType: { type: 'int64' } }
  const float64 = { dataType: { type: 'float64' } }
  const present = { status: 'PRESENT' }
  const high = 'transaction_amount_is_high.transaction_amount_is_high'
  const last = { effectiveTime: '2026-03-01T11:30:00Z', ...float64, ...present }
  const spent = { effectiveTime: noon, ...float64, ...present }
  assert.deepEqual(metadata!.features, [
    { name: high, ...int64, ...present },
    { name: 'transaction_amount_is_high.is_higher_than_last', ...int64, ...present },
    { name: 'last_transaction.amount', ...last },
    { name: 'spending.sum_1h', ...spent },
  ])
  const failed = await ask({ amt: -1 })
  assert.deepEqual(failed.result, { features: [null, null, 216409, 216409] })
  const statuses = failed.metadata!.features!.map(({ status }) => status)
  assert.deepEqual(statuses, ['UNKNOWN', 'UNKNOWN', 'PRESENT', 'PRESENT'])
})

test('request data that a service takes is told, and has to be there', async (t) => {
  const { post } = await startPlatform(t, noon)
  const named = { workspaceName: 'prod', featureServiceName: 'scoring' }
  const { body } = await post(metadata, { params: named })
  assert.deepEqual((body as { inputRequestContextKeys: unknown }).inputRequestContextKeys, [
    { name: 'amt', dataType: { type: 'float64' }, type: 'float64' },
  ])
  const refused = await post(get, { params: { ...named, joinKeyMap: { user_id: 'u1' } } })
  const message = 'request field "amt": missing'
  assert.deepEqual(refused, { status: 400, body: { error: message, code: 3, message } })
})

test('rows of a batch have request data of their own', async (t) => {
  const { post, pay } = await startPlatform(t, noon)
  await pay('2026-03-01T11:30:00Z', 50)
  const row = (user_id: string | null, amt: number) => ({
    join_key_map: { user_id },
    request_context_map: { amt },
  })
  const { body } = await post(batch, {
    params: {
      feature_service_name: 'scoring',
      request_data: [row('u1', 2000), row(null, 1), row('u1', 51), row('u2', 2)],
    },
  })
  const features = (body as { result: { features: unknown[] }[] }).result.map(
    ({ features }) => features,
  )
  assert.deepEqual(features, [
    ['1', '1', 50, 50],
    ['0', '0', null, null],
    ['0', '1', 50, 50],
    ['0', '0', null, null],
  ])
})

test('a query by a part of a key answers every key that is known', async (t) => {
  const { post, pay } = await startPlatform(t, noon)
  for (const [merchant_id, amt] of [
    [9, 1],
    [7, 2],
    [8, 4],
  ] as const) {
    await pay('2026-03-01T11:30:00Z', amt, { merchant_id })
  }
  await pay('2026-03-01T11:30:00Z', 8, { cust_id: 2 })
  const named = { workspaceName: 'prod', featureServiceName: 'merchants' }
  const metadataOptions = { includeNames: true, includeDataTypes: true }
  const ask = async (joinKeyMap: object) => {
    const params = { ...named, joinKeyMap, metadataOptions }
    return post('/api/v1/feature-service/query-features', { params })
  }
  const told = {
    features: [{ name: 'merchants.sum', dataType: { type: 'float64' } }],
    joinKeys: [{ name: 'merchant_id', dataType: { type: 'int64' } }],
  }
  const results = [
    { features: [2], joinKeys: ['7'] },
    { features: [4], joinKeys: ['8'] },
    { features: [1], joinKeys: ['9'] },
  ]
  assert.deepEqual(await ask({ cust_id: '1' }), { status: 200, body: { results, metadata: told } })
  const nobody = { status: 200, body: { results: [], metadata: told } }
  assert.deepEqual(await ask({ cust_id: 3 }), nobody)
  assert.deepEqual(await ask({ cust_id: null }), nobody)
  const { body } = await post(metadata, { params: named })
  const { featureServiceType, inputJoinKeys, outputJoinKeys } = body as Record<string, unknown>
  const int64 = { dataType: { type: 'int64' }, type: 'int64' }
  assert.deepEqual(
    [featureServiceType, inputJoinKeys, outputJoinKeys],
    ['WILDCARD', [{ name: 'cust_id', ...int64 }], [{ name: 'merchant_id', ...int64 }]],
  )
})
