import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aggregate } from '../../src/define/aggregate.ts'
import { attribute } from '../../src/define/attribute.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { entity } from '../../src/define/entity.ts'
import {
  approxCountDistinct,
  approxPercentile,
  firstDistinct,
  functionsShown,
  last,
} from '../../src/define/function.ts'
import { pushSource } from '../../src/define/source.ts'
import { t } from '../../src/define/types.ts'
import { streamFeatureView } from '../../src/define/view.ts'
import { lifetimeWindow, timeWindow, windowSeries } from '../../src/define/window.ts'
import { loose, problemsOf } from '../helpers/wrong-definitions.ts'

const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
const impressions = pushSource({
  name: 'impressions',
  schema: {
    user_id: t.String(),
    clicked: t.Int64(),
    price: t.nullable(t.Float64()),
    at: t.Timestamp(),
  },
})
const view = { name: 'v', source: impressions, entities: [user] }
const clicks = [aggregate('clicked', 'sum', '1h')] as const

test('windows that the mode of their view does not keep are refused', () => {
  const windows = (options: object, ...list: string[]) =>
    problemsOf(
      loose.view({
        ...view,
        ...options,
        features: list.map((window, i) =>
          loose.aggregate('clicked', 'sum', window, { name: `f${i}` }),
        ),
      }),
    )
  assert.deepEqual(windows({}, '10s', '9s', '1830d', '1831d', '10500ms', '0s', 'soon'), [
    'v.features[1]: window "9s" is shorter than 10s',
    'v.features[3]: window "1831d" reaches back further than 1830d',
    'v.features[5]: "0s" is not a duration such as "90s", "1h", "1h30m" or "7d"',
    'v.features[6]: "soon" is not a duration such as "90s", "1h", "1h30m" or "7d"',
  ])
  const interval = { mode: 'interval', aggregationInterval: '2s' }
  assert.deepEqual(windows(interval, '2s', '3s', '200000s', '200002s'), [
    'v.features[1]: window "3s" is not a multiple of the aggregation interval 2s',
    'v.features[3]: window "200002s" has 100001 intervals of 2s, more than 100000',
  ])
  assert.deepEqual(windows({ mode: 'interval' }, '1h'), [
    'v.aggregationInterval: mode "interval" needs one, such as "5m"',
  ])
  assert.deepEqual(windows({ aggregationInterval: '1m' }, '1h'), [
    'v.aggregationInterval: only mode "interval" has an aggregation interval',
  ])
  assert.deepEqual(windows({ mode: 'sliding' }, '1h'), [
    'v.mode: "sliding" is not one of "sawtooth", "interval", "continuous"',
  ])
})

test('windows that do not fit together are refused, and a lifetime without a beginning', () => {
  const refused = (options: object, ...features: unknown[]) =>
    problemsOf(loose.view({ ...view, ...options, features }))
  const sum = (window: unknown) => aggregate('clicked', 'sum', window as '1h')
  assert.deepEqual(refused({}, sum(timeWindow('7d', { offset: '3d' }))), [])
  assert.deepEqual(refused({}, sum(windowSeries('1d', { from: '7d', to: '1d' }))), [])
  assert.deepEqual(
    refused(
      {},
      sum(timeWindow('7d', { offset: '1824d' })),
      sum(windowSeries('1d', { from: '1d' })),
      sum(windowSeries('1d', { from: '36h' })),
      sum(windowSeries('1d', { from: '36h', step: '5h' })),
      sum(windowSeries('10s', { from: '10010s' })),
      sum({}),
    ),
    [
      'v.features[0]: window "7d_offset_1824d" reaches back further than 1830d',
      'v.features[1]: window "1d_series_1d_0s_1d" holds fewer than two windows',
      'v.features[2]: window "1d_series_36h_0s_1d" holds fewer than two windows',
      'v.features[3]: window "1d_series_36h_0s_5h" does not end where it should: ' +
        'from − to − size is not a multiple of the step',
      'v.features[4]: window "10s_series_10010s_0s_10s" has 1001 windows, more than 1000',
      'v.features[5]: an object is neither a duration nor a window',
    ],
  )
  const interval = { mode: 'interval', aggregationInterval: '1h' }
  assert.deepEqual(
    refused(
      interval,
      sum(timeWindow('2h', { offset: '30m' })),
      sum(windowSeries('2h', { from: '4h', step: '30m' })),
      sum(lifetimeWindow()),
    ),
    [
      'v.features[0]: window "2h_offset_30m" is not a multiple of the aggregation interval ' +
        '1h: its 30m',
      'v.features[1]: window "2h_series_4h_0s_30m" is not a multiple of the aggregation ' +
        'interval 1h: its 30m',
      'v.features[2]: window "lifetime" is not for mode "interval": it has no complete tiles',
    ],
  )
  assert.deepEqual(refused({}, sum(lifetimeWindow())), [
    'v.features[0]: window "lifetime" needs the view to have a lifetimeStart',
  ])
  assert.deepEqual(refused({ lifetimeStart: '2024-01-01T00:00:00Z' }, sum(lifetimeWindow())), [])
  assert.deepEqual(refused({ lifetimeStart: 'once' }, sum(lifetimeWindow())), [
    'v.lifetimeStart: "once" is not a time such as "2024-01-01T00:00:00Z"',
  ])
  const late = 'is after 2100-01-01T00:00:00Z: until then nothing would count'
  for (const [lifetimeStart, written] of [
    ['2190-01-01T00:00:00Z', '"2190-01-01T00:00:00Z"'],
    [new Date(1_700_000_000_000_000), 'the Date'],
  ]) {
    assert.deepEqual(refused({ lifetimeStart }, sum(lifetimeWindow())), [
      `v.lifetimeStart: ${String(written)} ${late}`,
    ])
  }
})

test('calls for windows are refused without the options that they need, and with others', () => {
  const windows = {
    time: timeWindow as unknown as (...values: unknown[]) => '1h',
    series: windowSeries as unknown as (...values: unknown[]) => '1h',
  }
  const refused = (...list: '1h'[]) =>
    problemsOf(
      loose.view({ ...view, features: list.map((each) => aggregate('clicked', 'sum', each)) }),
    )
  const { time, series } = windows
  assert.deepEqual(refused(time('7d'), series('1d'), series('1d', { to: '1d' })), [
    'v.features[0]: timeWindow needs options such as { offset: "7d" }',
    'v.features[1]: windowSeries needs options such as { from: "7d" }',
    'v.features[2]: windowSeries needs options such as { from: "7d" }',
  ])
  assert.deepEqual(
    refused(time('7d', { offset: '1d', of: 1 }), series('1d', { from: '7d', until: '1d' })),
    [
      'v.features[0]: "of" is not an option of timeWindow; they are offset',
      'v.features[1]: "until" is not an option of windowSeries; they are from, to, step',
    ],
  )
  const notDuration = 'is not a duration such as "90s", "1h", "1h30m" or "7d"'
  assert.deepEqual(
    refused(time('7d', { offset: '-3d' }), series('1d', { from: '7d', to: '-1d' })),
    [`v.features[0]: "-3d" ${notDuration}`, `v.features[1]: "-1d" ${notDuration}`],
  )
})

test('options that no feature of the view heeds are refused', () => {
  const refused = (options: object) => problemsOf(loose.view({ ...view, ...options }))
  const features = [attribute('price')]
  assert.deepEqual(refused({ features, mode: 'sawtooth' }), [])
  assert.deepEqual(refused({ features, mode: 'continuous' }), [
    'v.mode: is for views of aggregates; an attribute has no window',
  ])
  assert.deepEqual(refused({ features, mode: 'interval', aggregationInterval: '1h' }), [
    'v.mode: is for views of aggregates; an attribute has no window',
  ])
  assert.deepEqual(refused({ features, aggregationSecondaryKey: 'clicked' }), [
    'v.aggregationSecondaryKey: is for views of aggregates; an attribute is of the latest row',
  ])
  for (const each of [features, clicks]) {
    assert.deepEqual(refused({ features: each, lifetimeStart: '2024-01-01T00:00:00Z' }), [
      'v.lifetimeStart: is for a lifetimeWindow(); the view has none',
    ])
  }
})

test('functions are refused with parameters or types that they do not take', () => {
  const features = [
    aggregate('clicked', last(1001), '1h'),
    aggregate('clicked', firstDistinct(0), '1h'),
    aggregate('clicked', approxCountDistinct(3), '1h'),
    aggregate('clicked', approxPercentile(1.5), '1h'),
    aggregate('clicked', approxPercentile(0.5, 501), '1h', { name: 'median' }),
    aggregate('user_id', approxPercentile(0.99), '1h'),
  ]
  assert.deepEqual(problemsOf(loose.view({ ...view, features })), [
    'v.features[0]: last has n 1001, which is not a whole number in 1 … 1000',
    'v.features[1]: firstDistinct has n 0, which is not a whole number in 1 … 1000',
    'v.features[2]: approxCountDistinct has precision 3, which is not a whole number in 4 … 16',
    'v.features[3]: approxPercentile has percentile 1.5, which is not a number in 0 … 1',
    'v.features[4]: approxPercentile has precision 501, which is not a whole number in 20 … 500',
    'v.features[5]: cannot take the approxPercentile of String of column "user_id"',
  ])
})

test('functions are refused that are not called, or not with numbers', () => {
  const percentile = approxPercentile as unknown as (p: string) => unknown
  const lastOf = last as unknown as (n: string) => unknown
  const functions = [last, approxCountDistinct, lastOf('3'), percentile('0.5'), { fn: null }, null]
  const features = functions.map((fn) => loose.aggregate('clicked', fn, '1h'))
  const unknown = `is not an aggregate function; they are ${functionsShown}`
  assert.deepEqual(problemsOf(loose.view({ ...view, features })), [
    'v.features[0]: the function is not called; call it: last(n)',
    'v.features[1]: the function is not called; call it: approxCountDistinct()',
    'v.features[2]: last has n "3", which is not a whole number in 1 … 1000',
    'v.features[3]: approxPercentile has percentile "0.5", which is not a number in 0 … 1',
    `v.features[4]: an object ${unknown}`,
    `v.features[5]: null ${unknown}`,
  ])
})

test('attributes go without aggregates, and aggregates without a time to live', () => {
  const attributes = [attribute('clicked'), attribute('user_id', { name: 'who' })]
  assert.deepEqual(problemsOf(loose.view({ ...view, features: attributes, ttl: '30d' })), [])
  assert.deepEqual(problemsOf(loose.view({ ...view, features: [...attributes, ...clicks] })), [
    'v.features: are aggregates or attributes, not both in one view',
  ])
  assert.deepEqual(problemsOf(loose.view({ ...view, features: clicks, ttl: '30d' })), [
    'v.ttl: is for views of attributes; a window says how long an event counts',
  ])
  assert.deepEqual(problemsOf(loose.view({ ...view, features: [attribute('clickd')] })), [
    'v.features[0]: no column is named "clickd"; they are user_id, clicked, price, at',
  ])
})

test('a secondary key makes lists of aggregates, and adds one of its own for each window', () => {
  const { features, columns, secondaryKey } = buildCatalog([
    streamFeatureView({
      ...view,
      aggregationSecondaryKey: 'clicked',
      features: [
        aggregate('price', 'sum', '1h'),
        aggregate('price', last(2), '1h'),
        aggregate('price', 'sum', timeWindow('1d', { offset: '1h' })),
      ],
    }),
  ]).views[0]!
  assert.equal(secondaryKey, 'clicked')
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['clicked', 'price'],
  )
  const price = { kind: 'Float64', nullable: true }
  const list = (element: object): object => ({ kind: 'Array', element, nullable: true })
  assert.deepEqual(
    features.map(({ name, type }) => [name, type]),
    [
      ['clicked_keys_1h', list({ kind: 'Int64', nullable: false })],
      ['price_sum_1h', list(price)],
      ['price_last_2_1h', list(list({ kind: 'Float64', nullable: false }))],
      ['clicked_keys_1d_offset_1h', list({ kind: 'Int64', nullable: false })],
      ['price_sum_1d_offset_1h', list(price)],
    ],
  )
})

test('nothing else has the name of the keys of a window', () => {
  const refused = (...features: unknown[]) =>
    problemsOf(loose.view({ ...view, aggregationSecondaryKey: 'clicked', features }))
  const taken = aggregate('price', 'sum', '1d', { name: 'clicked_keys_1h' })
  const hour = aggregate('price', 'sum', '1h')
  assert.deepEqual(refused(hour, aggregate('price', 'mean', '1h')), [])
  assert.deepEqual(refused(taken, hour), [
    'v.features[1]: its secondary keys are named "clicked_keys_1h", as another feature is',
  ])
  const again = 'another feature is named "clicked_keys_1h"'
  assert.deepEqual(refused(hour, taken), [`v.features[1]: ${again}`])
  const own = aggregate('price', 'sum', '1h', { name: 'clicked_keys_1h' })
  assert.deepEqual(refused(own), [`v.features[0]: ${again}`])
})

test('a secondary key is a column that can be a key, and goes without series', () => {
  const refused = (aggregationSecondaryKey: unknown, window: unknown = '1h') => {
    const features = [aggregate('price', 'sum', window as '1h')]
    return problemsOf(loose.view({ ...view, aggregationSecondaryKey, features }))
  }
  const at = 'v.aggregationSecondaryKey'
  const kinds = 'is one of String, Int64, Int32, Bool, and not nullable'
  assert.deepEqual(refused('shop'), [
    `${at}: no column is named "shop"; they are user_id, clicked, price, at`,
  ])
  assert.deepEqual(refused('user_id'), [`${at}: "user_id" is a join key already`])
  assert.deepEqual(refused('price'), [`${at}: ${kinds}; "price" is Float64?`])
  assert.deepEqual(refused('clicked', windowSeries('1d', { from: '7d' })), [
    'v.features[0]: a series of windows does not go with a secondary key',
  ])
})
