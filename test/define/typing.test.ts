/**
 * What the compiler says about definitions: types that must be equal, and mistakes that must not
 * compile. The compiler is the test; a mistake that compiles is an unused `@ts-expect-error`.
 */
import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import type { Static } from 'typebox'
import { aggregate } from '../../src/define/aggregate.ts'
import { attribute } from '../../src/define/attribute.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { entity } from '../../src/define/entity.ts'
import {
  approxCountDistinct,
  approxPercentile,
  last,
  lastDistinct,
} from '../../src/define/function.ts'
import { featureService, type FeaturesOf, type JoinKeysOf } from '../../src/define/service.ts'
import { pushSource, type EventOf, type RowOf } from '../../src/define/source.ts'
import { t, type Fields, type InputOf, type ValueOf } from '../../src/define/types.ts'
import { streamFeatureView } from '../../src/define/view.ts'
import { lifetimeWindow, timeWindow, windowSeries } from '../../src/define/window.ts'
import { holds, type Equal } from '../helpers/claims.ts'

const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
const ad = entity({ name: 'ad', joinKeys: { ad_id: t.Int64() } })
const impressions = pushSource({
  name: 'impressions',
  schema: {
    user_id: t.String(),
    ad_id: t.Int64(),
    timestamp: t.Timestamp(),
    clicked: t.Int64(),
    position: t.Int32(),
    price: t.nullable(t.Float64()),
    browser: t.String(),
    consent: t.Bool(),
    tags: t.Array(t.String()),
  },
})
const userClicks = streamFeatureView({
  name: 'user_clicks',
  source: impressions,
  entities: [user],
  features: [
    aggregate('clicked', 'count', '1h'),
    aggregate('clicked', 'sum', '1h30m'),
    aggregate('price', 'sum', '30d'),
    aggregate('position', 'mean', '30d', { name: 'mean_position' }),
    aggregate('browser', 'last', '7d', { description: 'Most recent browser' }),
    aggregate('tags', 'last', '7d'),
    aggregate('timestamp', 'max', '7d'),
  ],
})
const adClicks = streamFeatureView({
  name: 'ad_clicks',
  source: impressions,
  entities: [ad],
  features: [aggregate('clicked', 'sum', '1h'), aggregate('clicked', 'mean', '1h')],
})
const ranking = featureService({
  name: 'ranking',
  features: [userClicks.select('clicked_count_1h'), adClicks],
})

const named = [
  aggregate('browser', last(3), '1d'),
  aggregate('price', approxPercentile(0.95), '1h'),
  aggregate('user_id', approxCountDistinct(12), '1h'),
  aggregate('price', 'stddev', timeWindow('7d', { offset: '3d' })),
  aggregate('position', 'max', windowSeries('1d', { from: '7d' })),
] as const
const lifetime = streamFeatureView({
  name: 'lifetime',
  source: impressions,
  entities: [ad],
  lifetimeStart: '2024-01-01T00:00:00Z',
  features: [...named, aggregate('clicked', 'sum', lifetimeWindow())],
})
const hourly = streamFeatureView({
  name: 'hourly',
  source: impressions,
  entities: [ad],
  mode: 'interval',
  aggregationInterval: '1h',
  features: named,
})

describe('types', () => {
  it('a schema has an input and a value type', () => {
    holds<Equal<InputOf<ReturnType<typeof t.Int64>>, number | bigint>>()
    holds<Equal<ValueOf<ReturnType<typeof t.Int64>>, bigint>>()
    holds<Equal<InputOf<ReturnType<typeof t.Timestamp>>, Date | number | string>>()
    holds<Equal<ValueOf<ReturnType<typeof t.Timestamp>>, bigint>>()
    const order = t.Struct({ sku: t.String(), at: t.nullable(t.Timestamp()) })
    holds<Equal<ValueOf<typeof order>, { readonly sku: string; readonly at: bigint | null }>>()
    const map = t.Map(t.Array(t.Int32()))
    holds<Equal<ValueOf<typeof map>, ReadonlyMap<string, readonly number[]>>>()
    holds<Equal<InputOf<typeof map>, Readonly<Record<string, readonly number[]>>>>()
    holds<Equal<Static<typeof map>, ValueOf<typeof map>>>()
    assert.equal(order.millrace.kind, 'Struct')
  })

  it('the event type takes what producers have, and lets nullable fields out', () => {
    const event: EventOf<typeof impressions> = {
      user_id: 'u1',
      ad_id: 7,
      timestamp: new Date(0),
      clicked: 1n,
      position: 3,
      browser: 'firefox',
      consent: true,
      tags: ['new'],
    }
    const row: RowOf<typeof impressions>['price'] = null
    holds<Equal<EventOf<typeof impressions>['price'], number | null | undefined>>()
    holds<Equal<RowOf<typeof impressions>['timestamp'], bigint>>()
    assert.ok(event.user_id === 'u1' && row === null)
  })

  it('features and join keys of a view and a service follow from their definitions', () => {
    holds<
      Equal<
        FeaturesOf<typeof userClicks>,
        {
          readonly clicked_count_1h: bigint | null
          readonly clicked_sum_1h30m: bigint | null
          readonly price_sum_30d: number | null
          readonly mean_position: number | null
          readonly browser_last_7d: string | null
          readonly tags_last_7d: readonly string[] | null
          readonly timestamp_max_7d: bigint | null
        }
      >
    >()
    holds<Equal<JoinKeysOf<typeof userClicks>, { readonly user_id: string }>>()
    holds<
      Equal<
        FeaturesOf<typeof ranking>,
        {
          readonly 'user_clicks.clicked_count_1h': bigint | null
          readonly 'ad_clicks.clicked_sum_1h': bigint | null
          readonly 'ad_clicks.clicked_mean_1h': number | null
        }
      >
    >()
    holds<
      Equal<
        JoinKeysOf<typeof ranking>,
        { readonly user_id: string; readonly ad_id: number | bigint }
      >
    >()
    assert.equal(userClicks.features[3]!.name, 'mean_position')
  })

  it('a transform gets values and returns rows of its row schema, or events', () => {
    const view = streamFeatureView({
      name: 'spend',
      source: impressions,
      entities: [user, ad],
      rowSchema: { cents: t.Int64() },
      transform: (event) => {
        holds<Equal<typeof event.clicked, bigint>>()
        holds<Equal<typeof event.price, number | null>>()
        return event.price === null ? null : [{ cents: BigInt(Math.round(event.price * 100)) }]
      },
      features: [aggregate('cents', 'sum', '1d')],
    })
    const filter = streamFeatureView({
      name: 'clicks',
      source: impressions,
      entities: [user],
      transform: (event) => (event.clicked === 1n ? event : null),
      features: [aggregate('clicked', 'count', '1d')],
    })
    holds<Equal<FeaturesOf<typeof view>, { readonly cents_sum_1d: bigint | null }>>()
    assert.equal(typeof filter.transform, 'function')
  })

  it('default names say the function, the window and how it is kept', () => {
    holds<
      Equal<
        FeaturesOf<typeof lifetime>,
        {
          readonly browser_last_3_1d: readonly string[] | null
          readonly price_approx_percentile_p0_95_1h: number | null
          readonly user_id_approx_count_distinct_1h: bigint | null
          readonly price_stddev_samp_7d_offset_3d: number | null
          readonly position_max_1d_series_7d_0s_1d: readonly (number | null)[] | null
          readonly clicked_sum_lifetime: bigint | null
        }
      >
    >()
    holds<
      Equal<
        keyof FeaturesOf<typeof hourly>,
        | 'browser_last_3_1d_1h'
        | 'price_approx_percentile_p0_95_1h_1h'
        | 'user_id_approx_count_distinct_1h_1h'
        | 'price_stddev_samp_7d_offset_3d_1h'
        | 'position_max_1d_1h_series_7d_0s_1d'
      >
    >()
  })

  it('the loader gives the names that the compiler says', () => {
    const names = buildCatalog([lifetime, hourly]).views.map((view) =>
      view.features.map((feature) => feature.name),
    )
    assert.deepEqual(names, [
      [
        'browser_last_3_1d_1h',
        'price_approx_percentile_p0_95_1h_1h',
        'user_id_approx_count_distinct_1h_1h',
        'price_stddev_samp_7d_offset_3d_1h',
        'position_max_1d_1h_series_7d_0s_1d',
      ],
      [
        'browser_last_3_1d',
        'price_approx_percentile_p0_95_1h',
        'user_id_approx_count_distinct_1h',
        'price_stddev_samp_7d_offset_3d',
        'position_max_1d_series_7d_0s_1d',
        'clicked_sum_lifetime',
      ],
    ])
  })

  it('attributes have the types of their columns', () => {
    const profile = streamFeatureView({
      name: 'profile',
      source: impressions,
      entities: [user],
      ttl: '30d',
      features: [attribute('browser'), attribute('price', { name: 'last_price' })],
    })
    holds<
      Equal<
        FeaturesOf<typeof profile>,
        { readonly browser: string | null; readonly last_price: number | null }
      >
    >()
    assert.equal(profile.ttl, '30d')
  })

  it('definitions whose names the compiler does not know are left to the loader', () => {
    const schema: Fields = impressions.schema
    const source = pushSource({ name: 'dynamic', schema, timestampField: 'timestamp' })
    const windows = ['1h', '1d'] as const
    const view = streamFeatureView({
      name: 'dynamic_clicks',
      source,
      entities: [user],
      features: windows.map((window) => aggregate('clicked', 'sum', window)),
    })
    assert.equal(view.features.length, 2)
  })
})

describe('mistakes that do not compile', () => {
  const view = { name: 'v', source: impressions, entities: [user] } as const

  it('a column that is not there', () => {
    streamFeatureView({
      ...view,
      features: [
        aggregate('clicked', 'sum', '1h'),
        // @ts-expect-error no column is named "clickd"
        aggregate('clickd', 'sum', '1h'),
      ],
    })
    streamFeatureView({
      ...view,
      rowSchema: { cents: t.Int64() },
      transform: () => ({ cents: 1n }),
      features: [
        // @ts-expect-error no column is named "clicked": the rows have "cents" only
        aggregate('clicked', 'sum', '1h'),
      ],
    })
  })

  it('a function of a type that it does not take', () => {
    streamFeatureView({
      ...view,
      features: [
        // @ts-expect-error sum of String
        aggregate('browser', 'sum', '1h'),
        // @ts-expect-error mean of Bool
        aggregate('consent', 'mean', '1h'),
        // @ts-expect-error mean of Timestamp
        aggregate('timestamp', 'mean', '1h'),
        // @ts-expect-error min of Array
        aggregate('tags', 'min', '1h'),
        // @ts-expect-error max of Bool
        aggregate('consent', 'max', '1h'),
        // @ts-expect-error percentile of String
        aggregate('browser', approxPercentile(0.5), '1h'),
        // @ts-expect-error distinct values of Array
        aggregate('tags', lastDistinct(3), '1h'),
        // @ts-expect-error no such column
        attribute('clickd'),
        aggregate('consent', 'last', '1h'),
      ],
    })
    // @ts-expect-error no such function
    aggregate('clicked', 'median', '1h')
    // @ts-expect-error not a duration
    aggregate('clicked', 'sum', '1 hour')
  })

  it('a source without a join key of the entity, or with another type for it', () => {
    const session = entity({ name: 'session', joinKeys: { session_id: t.String() } })
    const intUser = entity({ name: 'int_user', joinKeys: { user_id: t.Int64() } })
    const buyer = entity({ name: 'buyer', joinKeys: { buyer_id: t.String() } })
    const orders = pushSource({
      name: 'orders',
      schema: { buyer_id: t.nullable(t.String()), at: t.Timestamp() },
    })
    const features = [aggregate('clicked', 'sum', '1h')] as const
    streamFeatureView({
      name: 'v',
      source: impressions,
      entities: [
        user,
        // @ts-expect-error source "impressions" has no field for join key "session_id"
        session,
        // @ts-expect-error join key "user_id" is Int64, but String in source "impressions"
        intUser,
      ],
      features,
    })
    streamFeatureView({
      name: 'v',
      source: orders,
      // @ts-expect-error join key "buyer_id" is nullable in source "orders"
      entities: [buyer],
      features: [aggregate('at', 'max', '1h')],
    })
  })

  it('a join key that cannot name an entity', () => {
    // @ts-expect-error Float64
    entity({ name: 'e', joinKeys: { key: t.Float64() } })
    // @ts-expect-error Timestamp
    entity({ name: 'e', joinKeys: { key: t.Timestamp() } })
    // @ts-expect-error nullable
    entity({ name: 'e', joinKeys: { key: t.nullable(t.String()) } })
  })

  it('an event time that is not a timestamp, or not the only one', () => {
    const key = t.String()
    // @ts-expect-error "key" is not a Timestamp
    pushSource({ name: 's', schema: { key, at: t.Timestamp() }, timestampField: 'key' })
    // @ts-expect-error "at" is nullable, and there is no other
    pushSource({ name: 's', schema: { key, at: t.nullable(t.Timestamp()) }, timestampField: 'at' })
    // @ts-expect-error there is none
    pushSource({ name: 's', schema: { key } })
    // @ts-expect-error there are two
    pushSource({ name: 's', schema: { key, from: t.Timestamp(), to: t.Timestamp() } })
  })

  it('interval mode without an interval, and an interval without the mode', () => {
    const features = [aggregate('clicked', 'sum', '1h')] as const
    // @ts-expect-error aggregationInterval is missing
    streamFeatureView({ ...view, features, mode: 'interval' })
    // @ts-expect-error sawtooth has none
    streamFeatureView({ ...view, features, aggregationInterval: '5m' })
  })

  it('a transform whose rows are not those of the row schema', () => {
    streamFeatureView({
      ...view,
      rowSchema: { cents: t.Int64() },
      // @ts-expect-error a number is not an Int64 value
      transform: () => ({ cents: 1 }),
      features: [aggregate('cents', 'sum', '1h')],
    })
  })

  it('a feature that a view does not have', () => {
    // @ts-expect-error no such feature
    userClicks.select('clicked_sum_2h')
  })

  it('a field that was not made with t', () => {
    // @ts-expect-error a name of a type is not a type
    pushSource({ name: 's', schema: { key: 'String', at: t.Timestamp() } })
  })
})
