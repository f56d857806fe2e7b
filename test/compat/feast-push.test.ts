/**
 * Feast's `POST /push`, as its documentation shows it, against a daemon.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { aggregate, entity, pushSource, streamFeatureView, t } from '../../src/index.ts'
import { readHttp, startDaemon } from '../helpers/daemons.ts'

const driver = entity({ name: 'driver', joinKeys: { driver_id: t.Int64() } })

const stats = pushSource({
  name: 'driver_stats_push_source',
  schema: {
    driver_id: t.Int64(),
    event_timestamp: t.Timestamp(),
    created: t.Timestamp(),
    conv_rate: t.Float64(),
    acc_rate: t.Float64(),
    avg_daily_trips: t.Int64(),
    string_feature: t.nullable(t.String()),
  },
  timestampField: 'event_timestamp',
})

const view = streamFeatureView({
  name: 'driver_hourly_stats',
  source: stats,
  entities: [driver],
  features: [
    aggregate('conv_rate', 'last', '7d', { name: 'conv_rate' }),
    aggregate('avg_daily_trips', 'sum', '7d', { name: 'trips' }),
    aggregate('string_feature', 'last', '7d', { name: 'text' }),
  ],
})

/** As `str(datetime)` writes it, with a zone and without. */
const df = {
  driver_id: [1001],
  event_timestamp: ['2022-05-13 10:59:42+00:00'],
  created: ['2022-05-13 10:59:42'],
  conv_rate: [1.0],
  acc_rate: [1.0],
  avg_daily_trips: [1000],
}

async function setUp(t: TestContext) {
  const clock = new ManualClock(Date.parse('2022-05-13T11:00:00Z'))
  const { url } = await startDaemon(t, { features: [driver, stats, view], clock })
  async function push(body: unknown): Promise<[number, unknown]> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(`${url}/push`, { method: 'POST', body: text })
    return [response.status, await response.json()]
  }
  const values = async (driver_id: number | string) => {
    const [row] = await readHttp(url, view.name, { driver_id })
    return row!.values
  }
  return { push, values }
}

const named = { push_source_name: stats.name }

test('the documented pushes are taken', async (t) => {
  const { push, values } = await setUp(t)
  assert.deepEqual(await push({ ...named, df, to: 'online_and_offline' }), [200, null])
  assert.deepEqual(await values(1001), { conv_rate: 1, trips: '1000', text: null })
  // One value for every row.
  const broadcast = { ...df, string_feature: 'test2' }
  assert.deepEqual(await push({ ...named, df: broadcast, to: 'online' }), [200, null])
  assert.deepEqual(await push({ df, ...named, allow_registry_cache: true }), [200, null])
  assert.deepEqual(await values(1001), { conv_rate: 1, trips: '3000', text: 'test2' })
})

test('columns become rows, and integers keep their digits', async (t) => {
  const { push, values } = await setUp(t)
  const text = JSON.stringify({
    df: { ...df, driver_id: [1, 2, 3], avg_daily_trips: [4, 5, 6], conv_rate: [0.5, 1, 1e300] },
    ...named,
  })
    .replace('[1,2,3]', '[1,2,9007199254740993]')
    .replaceAll(/("(?:event_timestamp|created|acc_rate)":)\[([^\]]*)\]/g, '$1$2')
  assert.deepEqual(await push(text), [200, null])
  assert.deepEqual(await values(2), { conv_rate: 1, trips: '5', text: null })
  const last = await values('9007199254740993')
  assert.deepEqual(last, { conv_rate: 1e300, trips: '6', text: null })
})

test('rows that are wrong are named, and none is taken', async (t) => {
  const { push, values } = await setUp(t)
  const columns = { ...df, driver_id: [1, 'x'], event_timestamp: df.event_timestamp[0] }
  const two = { ...columns, created: df.created[0], conv_rate: 1, acc_rate: 1, avg_daily_trips: 1 }
  const [status, body] = await push({ ...named, df: two })
  const { detail } = body as { detail: { row: number; code: string; path: string }[] }
  assert.equal(status, 422)
  assert.deepEqual(
    detail.map(({ row, code, path }) => [row, code, path]),
    [[1, 'EVENT_FIELD_TYPE', '/driver_id']],
  )
  assert.equal((await values(1))['trips'], null)
})

test('a push of another form is refused', async (t) => {
  const { push } = await setUp(t)
  const cases: [unknown, RegExp][] = [
    ['{', /^not JSON/],
    ['', /^not JSON/],
    [{ df }, /push_source_name: is missing/],
    [{ ...named }, /df: is missing/],
    [{ ...named, df: [] }, /df: is not an object/],
    [{ ...named, df: {} }, /df: has no column that is a list/],
    [{ ...named, df: { driver_id: 1 } }, /df: has no column that is a list/],
    [{ ...named, df: { ...df, created: [] } }, /df: has columns of unequal lengths/],
    [{ ...named, df: { ...df, created: { 0: 'x' } } }, /df.created: is neither a list/],
    [{ ...named, df, to: 'offline' }, /to: is not one of online/],
    [{ push_source_name: 'nowhere', df }, /no push source is named "nowhere"/],
    [{ push_source_name: 1, df }, /push_source_name: is not a string/],
  ]
  for (const [body, message] of cases) {
    const [status, answer] = await push(body)
    assert.equal(status, 422)
    assert.match((answer as { detail: string }).detail, message)
  }
})
