/**
 * The platform's clients, as strict as they are, against a running daemon.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everything } from '../fixtures/platform.ts'
import { JavaClient, type JavaFeature } from '../helpers/java-client.ts'
import { startPlatform, type Platform } from '../helpers/platform.ts'
import { PythonClient } from '../helpers/python-client.ts'

const noon = '2026-03-01T12:00:00Z'
const rows = 200
const service = 'fraud_detection_feature_service'

/** Two of every three users have a transaction of their own amount. */
async function payAll({ daemon }: Platform): Promise<void> {
  const { rejected } = await daemon.ingest(
    'transactions',
    Array.from({ length: rows }, (_, n) => ({
      user_id: `u${n}`,
      cust_id: n,
      merchant_id: 7,
      transaction_id: `t${n}`,
      timestamp: '2026-03-01T11:30:00Z',
      amt: n / 4,
    })).filter((_, n) => n % 3 > 0),
  )
  assert.deepEqual(rejected, [])
}

const amountOf = (n: number): number | null => (n % 3 > 0 ? n / 4 : null)

const all = {
  user_id: 'u1',
  at: '2026-03-01T11:00:00Z',
  int64: -9007199254740993n,
  int32: -3,
  float64: 1e300,
  float32: 1.5,
  string: 'ü "quoted"',
  bool: false,
  instant: '2026-03-01T11:00:00.5Z',
  int64s: [9007199254740993n, null],
  float32s: [0.5, -2],
  float64s: [0.1, null],
  strings: ['', 'b'],
  nested: [[123n, null], null, []],
  struct: { name: 'fake-string', int64: 12n, float64: 123 },
  map: { this: 123n },
}

test('the Python client reads 200 vectors side by side', async (t) => {
  const platform = await startPlatform(t, noon)
  await payAll(platform)
  const client = new PythonClient(platform.url)
  const answers = await Promise.all(
    Array.from({ length: rows }, (_, n) =>
      client.getFeatures({ service, joinKeys: { user_id: `u${n}` } }),
    ),
  )
  for (const [n, { features }] of answers.entries()) {
    assert.equal(features['last_transaction.amount'], amountOf(n))
    assert.equal(features['spending.sum_1h'], amountOf(n))
    assert.equal(features['spending.count_1h'], n % 3 > 0 ? 1n : null)
  }
})

test('the Python client reads integer keys sent as numbers, and nulls', async (t) => {
  const platform = await startPlatform(t, noon)
  await payAll(platform)
  const client = new PythonClient(platform.url)
  const read = async (cust_id: number | null): Promise<unknown> =>
    (await client.getFeatures({ service: 'fs', joinKeys: { cust_id, merchant_id: 7 } })).features
  assert.deepEqual(await read(100), { 'pairs.sum': 25 })
  assert.deepEqual(await read(null), { 'pairs.sum': null })
})

test('the Python client converts every type', async (t) => {
  const { url, daemon } = await startPlatform(t, noon)
  await daemon.ingest(everything, [all])
  const client = new PythonClient(url)
  const joinKeys = { user_id: 'u1' }
  const { features } = await client.getFeatures({ service: 'plain', joinKeys })
  assert.deepEqual(features, {
    'plain.int64': all.int64,
    'plain.int32': -3n,
    'plain.float64': 1e300,
    'plain.float32': 1.5,
    'plain.string': all.string,
    'plain.bool': false,
    'plain.int64s': all.int64s,
    'plain.float32s': all.float32s,
    'plain.float64s': all.float64s,
    'plain.strings': all.strings,
  })
  const nested = await client.getFeatures({ service: 'nested', joinKeys })
  assert.deepEqual(nested.features, {
    'nested.nested': all.nested,
    'nested.struct': all.struct,
    'nested.map': all.map,
    'nested.instant': all.instant,
  })
  const struct = nested.metadata.find(({ name }) => name === 'nested.struct')
  assert.deepEqual(
    struct?.dataType?.fields?.map(({ name }) => name),
    ['name', 'int64', 'float64'],
  )
})

test('the Python client reads what is told beside the values', async (t) => {
  const platform = await startPlatform(t, noon)
  await platform.pay('2026-03-01T11:30:00Z', 2)
  const client = new PythonClient(platform.url)
  const flags = { includeEffectiveTimes: true, includeSloInfo: true, includeServingStatus: true }
  const { metadata } = await client.getFeatures({ service, joinKeys: { user_id: 'u1' }, flags })
  assert.deepEqual(new Set(metadata.map(({ status }) => status)), new Set(['PRESENT']))
  assert.ok(metadata.every(({ effectiveTime }) => effectiveTime?.endsWith('Z')))
  const { featureNames, joinKeys } = await client.getMetadata(service)
  assert.deepEqual(
    featureNames,
    metadata.map(({ name }) => name),
  )
  assert.deepEqual(joinKeys, ['user_id'])
})

test('the Python client raises what it has a class for', async (t) => {
  const { url } = await startPlatform(t, noon)
  const client = new PythonClient(url)
  await assert.rejects(
    client.getFeatures({ service: 'unknown', joinKeys: {} }),
    /^PythonError: NotFoundError: Unable to query FeatureService `unknown` for workspace/,
  )
  await assert.rejects(
    client.getFeatures({ service, joinKeys: {} }),
    /^PythonError: BadRequestError: Missing required join key: `user_id`$/,
  )
})

test('the Java client reads a batch of 200, and 200 vectors side by side', async (t) => {
  const platform = await startPlatform(t, noon)
  await payAll(platform)
  const client = new JavaClient(platform.url)
  const keys = Array.from({ length: rows }, (_, n) => ({ user_id: `u${n}` }))
  const flags = ['include_serving_status', 'include_slo_info', 'include_effective_times']
  const batch = await client.getFeaturesBatch(service, keys, flags)
  assert.equal(batch.length, rows)
  for (const [n, vector] of batch.entries()) {
    const { value, status } = vector.find(({ name }) => name === 'sum_1h')!
    assert.deepEqual([value, status], [amountOf(n), n % 3 > 0 ? 'PRESENT' : 'MISSING_DATA'])
  }
  const single = await Promise.all(keys.map((key) => client.getFeatures(service, key, flags)))
  // A batch has one time for all of its rows.
  const timeless = (vectors: JavaFeature[][]) =>
    vectors.map((vector) => vector.map((each) => ({ ...each, effectiveTime: null })))
  assert.deepEqual(timeless(single), timeless(batch))
})

test('the Java client casts every type that it has', async (t) => {
  const { url, daemon } = await startPlatform(t, noon)
  await daemon.ingest(everything, [all, { ...all, user_id: 'u2', int64: null, int64s: null }])
  const client = new JavaClient(url)
  const read = async (user_id: string | null): Promise<unknown> =>
    (await client.getFeatures('plain', { user_id })).map(({ value }) => value)
  const values: unknown[] = [
    false,
    1.5,
    all.float32s,
    1e300,
    all.float64s,
    -3n,
    all.int64,
    all.int64s,
    all.string,
    all.strings,
  ]
  assert.deepEqual(await read('u1'), values)
  assert.deepEqual(await read('u2'), values.with(6, null).with(7, null))
  assert.deepEqual(
    await read(null),
    values.map(() => null),
  )
  assert.equal((await client.getMetadata('plain')).length, values.length)
})

test('the Java client has no types for structs, maps and instants', async (t) => {
  const { url } = await startPlatform(t, noon)
  const client = new JavaClient(url)
  await assert.rejects(client.getFeatures('nested', { user_id: 'u1' }), /NoSuchElementException/)
})

test('the Java client is told what is wrong', async (t) => {
  const { url } = await startPlatform(t, noon)
  const client = new JavaClient(url)
  await assert.rejects(
    client.getFeatures('unknown', {}),
    /^Error: 404 Not Found 5: Unable to query/,
  )
  await assert.rejects(
    client.getFeaturesBatch(service, [{ merchant: 'm' }]),
    /^Error: 400 Bad Request 3: Missing required join key: `user_id`$/,
  )
})
