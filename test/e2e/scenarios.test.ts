/**
 * Worked examples of what windows, edges and states mean: given these events, this is read.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import {
  aggregate,
  attribute,
  entity,
  pushSource,
  streamFeatureView,
  t as type,
  windowSeries,
} from '../../src/index.ts'
import { startDaemon } from '../helpers/daemons.ts'

const user = entity({ name: 'user', joinKeys: { user_id: type.String() } })
const transactions = pushSource({
  name: 'transactions',
  schema: { user_id: type.String(), timestamp: type.Timestamp(), amt: type.Float64() },
})
const byUser = { source: transactions, entities: [user] } as const

interface World {
  readonly daemon: Millrace
  readonly clock: ManualClock
  /** Pushes amounts of a user, each at its time; returns the codes of those that were rejected. */
  readonly push: (
    user_id: string,
    ...events: readonly (readonly [string | Date, number])[]
  ) => Promise<string[]>
  readonly at: (time: string) => void
}

async function worldAt(t: TestContext, time: string, ...views: readonly object[]): Promise<World> {
  const clock = new ManualClock(Date.parse(time))
  const daemon = await startDaemon(t, { features: [...views], clock })
  return {
    daemon,
    clock,
    push: async (user_id, ...events) => {
      const rows = events.map(([timestamp, amt]) => ({ user_id, timestamp, amt }))
      const { rejected } = await daemon.ingest(transactions, rows)
      return rejected.map(({ code }) => code)
    },
    at: (now) => clock.set(Date.parse(now)),
  }
}

const continuous = streamFeatureView({
  ...byUser,
  name: 'continuous',
  mode: 'continuous',
  features: (['1m', '1h', '30d'] as const).flatMap((window) => [
    aggregate('amt', 'sum', window),
    aggregate('amt', 'count', window),
    aggregate('amt', 'mean', window),
  ]),
})
const noon = '2026-03-01T12:00:00Z'
const u1 = { user_id: 'u1' }

test('G1: what was pushed is in every window that it belongs to', async (t) => {
  const { daemon, push } = await worldAt(t, noon, continuous)
  assert.deepEqual(await push('u1', [noon, 100]), [])
  const { values } = await daemon.get(continuous, u1)
  assert.deepEqual(values, {
    amt_sum_1m_continuous: 100,
    amt_count_1m_continuous: 1n,
    amt_mean_1m_continuous: 100,
    amt_sum_1h_continuous: 100,
    amt_count_1h_continuous: 1n,
    amt_mean_1h_continuous: 100,
    amt_sum_30d_continuous: 100,
    amt_count_30d_continuous: 1n,
    amt_mean_30d_continuous: 100,
  })
})

test('G2: an event at a moment takes the place of the one that was there', async (t) => {
  const clock = new ManualClock(Date.parse(noon))
  const source = pushSource({
    name: 'corrections',
    schema: transactions.schema,
    dedupe: { by: 'event-time' },
  })
  const view = streamFeatureView({
    name: 'corrected',
    source,
    entities: [user],
    mode: 'continuous',
    features: [aggregate('amt', 'sum', '1h'), aggregate('amt', 'count', '30d')],
  })
  const daemon = await startDaemon(t, { features: [view], clock })
  const push = async (timestamp: string, amt: number) => {
    const { rejected } = await daemon.ingest(source, [{ user_id: 'u1', timestamp, amt }])
    assert.deepEqual(rejected, [])
    const { amt_sum_1h_continuous: sum, amt_count_30d_continuous: count } = (
      await daemon.get(view, u1)
    ).values
    return [sum, count]
  }
  assert.deepEqual(await push('2026-03-01T11:30:00Z', 100), [100, 1n])
  assert.deepEqual(await push('2026-03-01T11:30:00Z', 100), [100, 1n])
  assert.deepEqual(await push('2026-03-01T11:45:00Z', 10), [110, 2n])
  assert.deepEqual(await push('2026-03-01T11:30:00Z', 60), [70, 2n])
  assert.deepEqual(await push('2026-03-01T11:30:00.000000001Z', 5), [75, 3n])
})

test('G3: events a nanosecond apart are two events', async (t) => {
  const { daemon, push, at } = await worldAt(t, noon, continuous)
  await push('u1', [noon, 100], ['2026-03-01T12:00:00.000000001Z', 100])
  // The second is a nanosecond ahead of the clock, and is counted when its time has come.
  assert.equal((await daemon.get(continuous, u1)).values.amt_sum_1h_continuous, 100)
  at('2026-03-01T12:00:00.001Z')
  assert.equal((await daemon.get(continuous, u1)).values.amt_sum_1h_continuous, 200)
})

test('G6: an event before every window is rejected with its reason', async (t) => {
  const { daemon, push } = await worldAt(t, noon, continuous)
  assert.deepEqual(await push('u1', ['2026-01-30T11:00:00Z', 100]), ['EVENT_TOO_LATE'])
  assert.equal((await daemon.get(continuous, u1)).states.amt_sum_30d_continuous, 'unseen')
})

test('G7: a key that was never seen has no values, and says so', async (t) => {
  const { daemon } = await worldAt(t, noon, continuous)
  const { values, states } = await daemon.get(continuous, u1)
  assert.deepEqual(new Set(Object.values(values)), new Set([null]))
  assert.deepEqual(new Set(Object.values(states)), new Set(['unseen']))
})

test('G8: a count over a window without events is null, though the key is known', async (t) => {
  const { daemon, push } = await worldAt(t, noon, continuous)
  await push('u1', ['2026-03-01T10:00:00Z', 100])
  const { values, states } = await daemon.get(continuous, u1)
  assert.equal(values.amt_count_1h_continuous, null)
  assert.equal(states.amt_count_1h_continuous, 'empty')
  assert.equal(values.amt_count_30d_continuous, 1n)
  assert.equal(states.amt_count_30d_continuous, 'present')
})

test('G9: a window ends at the wall clock, or where the stream of the view has come', async (t) => {
  const { daemon, push } = await worldAt(t, '2026-03-01T03:00:00Z', continuous)
  const at = (time: string): string => `2026-03-01T${time}:00Z`
  await push('u1', [at('01:32'), 1], [at('01:55'), 1], [at('02:10'), 1])
  await push('another', [at('02:31'), 1])
  const wallClock = await daemon.get(continuous, u1)
  assert.equal(wallClock.values.amt_sum_1h_continuous, 1)
  const latest = await daemon.get(continuous, u1, { leadingEdge: 'latest-event' })
  assert.equal(latest.values.amt_sum_1h_continuous, 3)
  assert.equal(latest.edges.amt_sum_1h_continuous.toISOString(), '2026-03-01T02:31:00.000Z')
})

test('the leading edge of tiles is the last complete one before the edge', async (t) => {
  const weekly = streamFeatureView({
    ...byUser,
    name: 'weekly',
    mode: 'interval',
    aggregationInterval: '1h',
    features: [aggregate('amt', 'sum', '7d', { name: 'week' })],
  })
  const { daemon, push, at } = await worldAt(t, '2026-03-01T00:00:00Z', weekly)
  // At either end of the windows that end at 13:00 and at 10:00; each comes at its time.
  const times = ['01T09:59', '01T10:00', '01T12:59', '01T13:00', '08T09:59', '08T10:00', '08T10:30']
  for (const [n, time] of times.entries()) {
    at(`2026-03-${time}:00Z`)
    await push('u1', [`2026-03-${time}:00Z`, 2 ** n])
  }
  at('2026-03-08T13:05:00Z')
  const wallClock = await daemon.get(weekly, u1)
  assert.equal(wallClock.values.week, 8 + 16 + 32 + 64)
  const latest = await daemon.get(weekly, u1, { leadingEdge: 'latest-event' })
  assert.equal(latest.values.week, 2 + 4 + 8 + 16)
})

test('the edges of five minutes at 1:05:20, kept in each of the three ways', async (t) => {
  const features = [aggregate('amt', 'sum', '5m', { name: 'sum' })] as const
  const sliding = streamFeatureView({ ...byUser, name: 'sliding', mode: 'continuous', features })
  const sawtooth = streamFeatureView({ ...byUser, name: 'sawtooth', features })
  const hopping = streamFeatureView({
    ...byUser,
    name: 'hopping',
    mode: 'interval',
    aggregationInterval: '1m',
    features,
  })
  const world = await worldAt(t, '2026-03-01T01:05:20Z', sliding, sawtooth, hopping)
  const { daemon, push } = world
  await push(
    'u1',
    ['2026-03-01T00:59:59.999999999Z', 1],
    ['2026-03-01T01:00:00Z', 2],
    ['2026-03-01T01:00:20Z', 4],
    ['2026-03-01T01:00:20.000000001Z', 8],
    ['2026-03-01T01:04:59.999999999Z', 16],
    ['2026-03-01T01:05:00Z', 32],
    ['2026-03-01T01:05:20Z', 64],
    ['2026-03-01T01:05:20.000000001Z', 128],
  )
  // (1:00:20, 1:05:20]
  assert.equal((await daemon.get(sliding, u1)).values.sum, 8 + 16 + 32 + 64)
  // [1:00:00, 1:05:20]
  assert.equal((await daemon.get(sawtooth, u1)).values.sum, 2 + 4 + 8 + 16 + 32 + 64)
  // [1:00:00, 1:05:00)
  assert.equal((await daemon.get(hopping, u1)).values.sum, 2 + 4 + 8 + 16)
})

test('G10: a series of days, the earliest first, null for one without events', async (t) => {
  const daily = streamFeatureView({
    ...byUser,
    name: 'daily',
    mode: 'interval',
    aggregationInterval: '1d',
    features: [aggregate('amt', 'sum', windowSeries('1d', { from: '7d' }), { name: 'days' })],
  })
  const { daemon, push, at } = await worldAt(t, '2024-05-18T00:00:00Z', daily)
  const days = [1, 3, 6, 11, 23]
  await push('u1', ...days.map((amt, n) => [`2024-05-${14 + n}T00:00:00Z`, amt] as const))
  const read = async (): Promise<unknown> => (await daemon.get(daily, u1)).values.days
  assert.deepEqual(await read(), [null, null, null, 1, 3, 6, 11])
  at('2024-05-24T00:00:00Z')
  assert.deepEqual(await read(), [11, 23, null, null, null, null, null])
  at('2024-05-26T00:00:00Z')
  // Nothing is in any of the windows: no list, and a state that says why.
  assert.equal(await read(), null)
})

test('G11: a value of daily tiles shows a day later and goes five days after that', async (t) => {
  const fiveDays = streamFeatureView({
    ...byUser,
    name: 'five_days',
    mode: 'interval',
    aggregationInterval: '1d',
    features: [aggregate('amt', 'sum', '5d', { name: 'sum' })],
  })
  const day = (n: number, time = '00:00:00'): string => `2024-05-0${n}T${time}Z`
  const { daemon, push, at } = await worldAt(t, day(1, '12:00:00'), fiveDays)
  const pushed = new Map([
    [1, 5],
    [2, 10],
    [6, 20],
    [7, 10],
  ])
  const read: (number | null)[] = []
  for (let n = 1; n <= 8; n++) {
    at(day(n))
    read.push((await daemon.get(fiveDays, u1)).values.sum)
    at(day(n, '12:00:00'))
    if (pushed.has(n)) await push('u1', [day(n, '12:00:00'), pushed.get(n)!])
    assert.equal((await daemon.get(fiveDays, u1)).values.sum, read.at(-1))
  }
  //                       day 1  2   3   4   5   6   7   8
  assert.deepEqual(read, [null, 5, 15, 15, 15, 15, 30, 30])
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
    entities: [user],
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
  const seconds = [7, 4, 5, 6, 34, 10, 11, 12]
  const events = seconds.map((value, n) => ({
    user_id: 'user_1',
    ad_id: `ad_${n + 1}`,
    timestamp: `2024-05-1${2 + (n % 6)}T08:00:00Z`,
    seconds: value,
  }))
  const late = { user_id: 'user_1', ad_id: 'ad_9', timestamp: '2024-05-18T08:00:00Z' }
  await daemon.ingest(ads, [
    { ...late, seconds: 2 },
    ...events.toReversed(),
    { ...late, seconds: 40 },
    { ...late, user_id: 'user_2', seconds: 99 },
  ])
  const { values } = await daemon.get(watched, { user_id: 'user_1' })
  assert.deepEqual(values, {
    ad_id_keys_7d: events.map(({ ad_id }) => ad_id).concat('ad_9'),
    seconds_7d: [7n, 4n, 5n, 6n, 34n, 10n, 11n, 12n, 42n],
    ad_id_keys_1d: ['ad_9'],
    seconds_1d: [42n],
  })
})

test('G15: a time without a zone is UTC', async (t) => {
  const { daemon, push } = await worldAt(t, '2024-11-14T12:00:00Z', continuous)
  await push('u1', ['2024-11-14T11:22:03.520', 100])
  const { newest } = await daemon.get(continuous, u1)
  assert.equal(newest.amt_sum_1h_continuous?.toISOString(), '2024-11-14T11:22:03.520Z')
})

test('attributes are of the latest row; an older one changes nothing', async (t) => {
  const profile = streamFeatureView({
    ...byUser,
    name: 'profile',
    ttl: '30d',
    features: [attribute('amt')],
  })
  const { daemon, push, at } = await worldAt(t, noon, profile)
  const read = async (): Promise<readonly unknown[]> => {
    const { values, states } = await daemon.get(profile, u1)
    return [values.amt, states.amt]
  }
  await push('u1', ['2026-03-01T11:00:00Z', 1])
  await push('u1', ['2026-03-01T10:00:00Z', 2])
  assert.deepEqual(await read(), [1, 'present'])
  await push('u1', ['2026-03-01T11:00:00Z', 3])
  assert.deepEqual(await read(), [3, 'present'])
  at('2026-03-31T10:59:59.999Z')
  assert.deepEqual(await read(), [3, 'present'])
  at('2026-03-31T11:00:00Z')
  assert.deepEqual(await read(), [null, 'expired'])
  assert.deepEqual(await push('u1', ['2026-03-01T10:30:00Z', 4]), ['EVENT_TOO_LATE'])
})
