/**
 * Worked examples of the platform's rules, over its own HTTP API.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { aggregate, entity, pushSource, streamFeatureView, t as type } from '../../src/index.ts'
import { startDaemon } from '../helpers/daemons.ts'
import { startPlatform, type Platform } from '../helpers/platform.ts'

const get = '/api/v1/feature-service/get-features'

interface Told {
  readonly values: unknown[]
  readonly statuses: string[]
}

async function read(
  { post }: Pick<Platform, 'post'>,
  featureViewName: string,
  requestOptions: object = {},
): Promise<Told> {
  const joinKeyMap = { user_id: 'u1' }
  const metadataOptions = { includeServingStatus: true }
  const params = { workspaceName: 'prod', featureViewName, joinKeyMap, metadataOptions }
  const { status, body } = await post(get, { params: { ...params, requestOptions } })
  assert.equal(status, 200, JSON.stringify(body))
  const { result, metadata } = body as {
    result: { features: unknown[] }
    metadata: { features: { status: string }[] }
  }
  return { values: result.features, statuses: metadata.features.map((each) => each.status) }
}

test('G7: a key that was never seen has nulls, and its data are missing', async (t) => {
  const platform = await startPlatform(t, '2026-03-01T12:00:00Z')
  const missing = ['MISSING_DATA', 'MISSING_DATA', 'MISSING_DATA']
  assert.deepEqual(await read(platform, 'spending'), {
    values: [null, null, null],
    statuses: missing,
  })
  assert.deepEqual(await read(platform, 'spending', { coerceNullCountsToZero: true }), {
    values: ['0', null, null],
    statuses: missing,
  })
})

test('G8: a count over an empty window is null and present, and zero on demand', async (t) => {
  const platform = await startPlatform(t, '2026-03-01T12:00:00Z')
  await platform.pay('2026-03-01T10:00:00Z', 100)
  assert.deepEqual(await read(platform, 'spending'), {
    values: [null, 100, null],
    statuses: ['PRESENT', 'PRESENT', 'PRESENT'],
  })
  const coerced = await read(platform, 'spending', { coerceNullCountsToZero: true })
  assert.deepEqual(coerced.values, ['0', 100, null])
})

test('a key behind its only window is there, without a value', async (t) => {
  const platform = await startPlatform(t, '2026-03-01T12:00:00Z')
  await platform.pay('2026-03-01T11:30:00Z', 100)
  assert.deepEqual(await read(platform, 'recent'), { values: ['1'], statuses: ['PRESENT'] })
  platform.clock.set(Date.parse('2026-03-01T14:00:00Z'))
  assert.deepEqual(await read(platform, 'recent'), { values: [null], statuses: ['PRESENT'] })
})

test('an attribute beyond its time to live is missing', async (t) => {
  const platform = await startPlatform(t, '2026-03-01T12:00:00Z')
  await platform.pay('2026-03-01T12:00:00Z', 100)
  const present = { values: [100], statuses: ['PRESENT'] }
  assert.deepEqual(await read(platform, 'last_transaction'), present)
  platform.clock.set(Date.parse('2026-04-01T12:00:00Z'))
  const missing = { values: [null], statuses: ['MISSING_DATA'] }
  assert.deepEqual(await read(platform, 'last_transaction'), missing)
})

test('G9: windows end at the wall clock, or where the stream has come', async (t) => {
  const platform = await startPlatform(t, '2026-03-01T03:00:00Z')
  for (const at of ['01:32', '01:55', '02:10']) await platform.pay(`2026-03-01T${at}:00Z`, 1)
  await platform.pay('2026-03-01T02:31:00Z', 1, { user_id: 'another' })
  const sumAt = async (aggregationLeadingEdge: string): Promise<unknown> =>
    (await read(platform, 'spending', { aggregationLeadingEdge })).values[2]
  assert.equal((await read(platform, 'spending')).values[2], 1)
  assert.equal(await sumAt('AGGREGATION_MODE_WALL_CLOCK_TIME'), 1)
  assert.equal(await sumAt('AGGREGATION_MODE_LATEST_EVENT_TIME'), 3)
})

test('windows of the latest event end where the stream is said to have come', async (t) => {
  const platform = await startPlatform(t, '2026-03-01T03:00:00Z')
  for (const at of ['01:32', '01:55', '02:10']) await platform.pay(`2026-03-01T${at}:00Z`, 1)
  const ask = (highWatermarkOverride: string, edge = 'LATEST_EVENT') =>
    platform.post(get, {
      params: {
        featureViewName: 'spending',
        joinKeyMap: { user_id: 'u1' },
        metadataOptions: { includeEffectiveTimes: true },
        requestOptions: {
          aggregationLeadingEdge: `AGGREGATION_MODE_${edge}_TIME`,
          highWatermarkOverride,
        },
      },
    })
  const told = (sum: number, effectiveTime: string) => ({
    status: 200,
    body: {
      result: { features: [String(sum), 1, sum] },
      metadata: { features: [{ effectiveTime }, { effectiveTime }, { effectiveTime }] },
    },
  })
  assert.deepEqual(await ask('2026-03-01T02:31:00Z'), told(3, '2026-03-01T02:31:00Z'))
  assert.deepEqual(await ask('2026-03-01T02:44:00.5+00:00'), told(2, '2026-03-01T02:44:00.5Z'))
  assert.deepEqual(await ask('2026-03-01T02:31:00Z', 'WALL_CLOCK'), told(1, '2026-03-01T03:00:00Z'))
  for (const [at, reason] of [
    ['02:09', 'is before the newest event that view "spending" has counted'],
    ['03:01', 'is ahead of the clock'],
  ] as const) {
    const { status, body } = await ask(`2026-03-01T${at}:00Z`)
    const { message } = body as { message: string }
    assert.deepEqual([status, message], [400, `watermark: ${reason}`])
  }
})

test('G10: a series of days, the earliest first, each day without events null', async (t) => {
  const platform = await startPlatform(t, '2024-05-18T00:00:00Z')
  for (const [n, amt] of [1, 3, 6, 11, 23].entries()) {
    await platform.pay(`2024-05-${14 + n}T00:00:00Z`, amt)
  }
  const sums = async (): Promise<unknown> => (await read(platform, 'daily')).values[1]
  assert.deepEqual(await sums(), [null, null, null, 1, 3, 6, 11])
  platform.clock.set(Date.parse('2024-05-24T00:00:00Z'))
  assert.deepEqual(await sums(), [11, 23, null, null, null, null, null])
  platform.clock.set(Date.parse('2024-05-26T00:00:00Z'))
  assert.deepEqual(await sums(), [null, null, null, null, null, null, null])
  const coerced = await read(platform, 'daily', { coerce_null_counts_to_zero: true })
  assert.deepEqual(coerced.values[0], ['0', '0', '0'])
})

test('G12: with a secondary key, values stand in lists beside that of the keys', async (t) => {
  const ads = pushSource({
    name: 'ads',
    schema: {
      user_id: type.String(),
      ad_id: type.String(),
      timestamp: type.Timestamp(),
      seconds: type.Int64(),
    },
  })
  const watched = streamFeatureView({
    name: 'watched',
    source: ads,
    entities: [entity({ name: 'user', joinKeys: { user_id: type.String() } })],
    aggregationSecondaryKey: 'ad_id',
    mode: 'interval',
    aggregationInterval: '1d',
    features: [
      aggregate('seconds', 'sum', '7d', { name: 'seconds_7d' }),
      aggregate('seconds', 'sum', '1d', { name: 'seconds_1d' }),
    ],
  })
  const clock = new ManualClock(Date.parse('2024-05-19T00:00:00Z'))
  const daemon = await startDaemon(t, { features: [watched], clock })
  const seconds = [7, 4, 5, 6, 34, 10, 11, 12, 42]
  await daemon.ingest(
    ads,
    seconds.map((value, n) => ({
      user_id: 'u1',
      ad_id: `ad_${n + 1}`,
      timestamp: `2024-05-1${n < 8 ? 2 + (n % 6) : 8}T08:00:00Z`,
      seconds: value,
    })),
  )
  const post: Platform['post'] = async (path, body) => {
    const text = JSON.stringify(body)
    const response = await fetch(`${daemon.url}${path}`, { method: 'POST', body: text })
    return { status: response.status, body: await response.json() }
  }
  const { values } = await read({ post }, 'watched')
  assert.deepEqual(values, [
    ['ad_9'],
    ['ad_1', 'ad_2', 'ad_3', 'ad_4', 'ad_5', 'ad_6', 'ad_7', 'ad_8', 'ad_9'],
    ['42'],
    ['7', '4', '5', '6', '34', '10', '11', '12', '42'],
  ])
})
