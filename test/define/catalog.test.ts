import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MillraceError } from '../../src/base/errors.ts'
import { aggregate } from '../../src/define/aggregate.ts'
import { attribute } from '../../src/define/attribute.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { entity } from '../../src/define/entity.ts'
import { functionsShown } from '../../src/define/function.ts'
import { featureService } from '../../src/define/service.ts'
import { pushSource } from '../../src/define/source.ts'
import { t } from '../../src/define/types.ts'
import { streamFeatureView } from '../../src/define/view.ts'
import { loose, problemsOf } from '../helpers/wrong-definitions.ts'

const user = entity({ name: 'user', joinKeys: { user_id: t.String() }, owner: 'ads' })
const ad = entity({ name: 'ad', joinKeys: { ad_id: t.Int64() } })
const impressions = pushSource({
  name: 'impressions',
  schema: {
    user_id: t.String(),
    ad_id: t.Int64(),
    timestamp: t.Timestamp(),
    clicked: t.Int64(),
    price: t.nullable(t.Float32()),
  },
  tags: { team: 'ads' },
})
const clicks = [aggregate('clicked', 'sum', '1h'), aggregate('clicked', 'count', '1h')] as const
const byUser = streamFeatureView({
  name: 'by_user',
  source: impressions,
  entities: [user],
  features: clicks,
})
const byAd = streamFeatureView({
  name: 'by_ad',
  source: impressions,
  entities: [ad],
  features: [...clicks, aggregate('price', 'max', '10m', { name: 'top_price' })],
  mode: 'interval',
  aggregationInterval: '5m',
  leadingEdge: 'latest-event',
  online: false,
})
const moreByUser = streamFeatureView({
  name: 'more_by_user',
  source: impressions,
  entities: [user],
  rowSchema: { cents: t.Int32() },
  transform: (event) => ({ cents: Math.round(event.price ?? 0) }),
  features: [aggregate('cents', 'mean', '1d')],
})
const ranking = featureService({
  name: 'ranking',
  features: [moreByUser, byUser.select('clicked_count_1h'), byAd],
})

describe('a catalog', () => {
  it('resolves views against their source, with routes by join keys', () => {
    const catalog = buildCatalog([ranking])
    assert.deepEqual(
      catalog.views.map((view) => [view.index, view.name, view.source, view.route]),
      [
        [0, 'by_ad', 0, 0],
        [1, 'by_user', 0, 1],
        [2, 'more_by_user', 0, 1],
      ],
    )
    const joinKeys = (name: string, kind: string) => [{ name, type: { kind, nullable: false } }]
    assert.deepEqual(catalog.routes, [
      { index: 0, source: 0, joinKeys: joinKeys('ad_id', 'Int64'), views: [0] },
      { index: 1, source: 0, joinKeys: joinKeys('user_id', 'String'), views: [1, 2] },
    ])
    assert.deepEqual(catalog.sources[0]!.routes, [0, 1])
    assert.equal(catalog.sources[0]!.timestampField, 'timestamp')
    assert.deepEqual(catalog.sources[0]!.tags, { team: 'ads' })
    assert.deepEqual(
      catalog.entities.map((found) => [found.name, found.owner]),
      [
        ['ad', undefined],
        ['user', 'ads'],
      ],
    )
  })

  it('says how windows are kept and what features are', () => {
    const [byAdView, byUserView, rowsView] = buildCatalog([ranking]).views
    assert.deepEqual(
      [byAdView!.mode, byAdView!.intervalMs, byAdView!.leadingEdge, byAdView!.online],
      ['interval', 300_000, 'latest-event', false],
    )
    assert.deepEqual(
      [byUserView!.mode, byUserView!.intervalMs, byUserView!.leadingEdge, byUserView!.online],
      ['sawtooth', 0, 'wall-clock', true],
    )
    assert.deepEqual(
      byAdView!.columns.map((column) => column.name),
      ['clicked', 'price'],
    )
    assert.deepEqual(byAdView!.features[2], {
      kind: 'aggregate',
      name: 'top_price',
      column: 'price',
      fn: { name: 'max' },
      window: { kind: 'time', sizeMs: 600_000, offsetMs: 0 },
      type: { kind: 'Float32', nullable: true },
    })
    assert.equal(byUserView!.transform, null)
    assert.equal(byUserView!.rowSchema, null)
    assert.equal(rowsView!.transform, moreByUser.transform)
    assert.notEqual(rowsView!.rowSchema, null)
    assert.deepEqual(rowsView!.columns, [
      { name: 'cents', type: { kind: 'Int32', nullable: false } },
    ])
  })

  it('has every view as a service, and services in the order of their features', () => {
    const { services, views } = buildCatalog([ranking])
    assert.deepEqual(
      services.map((service) => service.name),
      ['by_ad', 'by_user', 'more_by_user', 'ranking'],
    )
    const service = services[3]!
    assert.deepEqual(
      service.features.map((feature) => feature.name),
      [
        'more_by_user.cents_mean_1d',
        'by_user.clicked_count_1h',
        'by_ad.clicked_sum_1h_5m',
        'by_ad.clicked_count_1h_5m',
        'by_ad.top_price',
      ],
    )
    for (const { name, part, feature } of service.features) {
      const view = views[service.parts[part]!.view]!
      assert.equal(name, `${view.name}.${view.features[feature]!.name}`)
    }
    assert.deepEqual(
      service.joinKeys.map((key) => key.name),
      ['user_id', 'ad_id'],
    )
  })

  it('does not depend on the order of exports, lists of them, or what else is exported', () => {
    const one = buildCatalog([user, ad, impressions, byUser, byAd, moreByUser, ranking])
    const other = buildCatalog([null, 7, 'x', [ranking, [ad]], { kind: 'other' }, clicks, byUser])
    assert.deepEqual(other, one)
  })

  it('is the same from definitions that went through structuredClone', () => {
    const definitions = [byUser, byAd, user]
    assert.deepEqual(buildCatalog(structuredClone(definitions)), buildCatalog(definitions))
  })

  it('makes one key of the join keys of several entities, each once', () => {
    const both = entity({ name: 'both', joinKeys: { user_id: t.String(), ad_id: t.Int64() } })
    const view = streamFeatureView({
      name: 'v',
      source: impressions,
      entities: [ad, both],
      features: clicks,
    })
    const catalog = buildCatalog([view])
    assert.deepEqual(
      catalog.views[0]!.joinKeys.map((key) => key.name),
      ['ad_id', 'user_id'],
    )
  })
})

describe('a wrong definition', () => {
  const view = { name: 'v', source: impressions, entities: [user] }

  it('is told with all others, each with its place in the file', () => {
    const wrong = loose.view({
      ...view,
      features: [
        aggregate('clicked', 'sum', '1h'),
        loose.aggregate('clickd', 'sum', '1h'),
        loose.aggregate('user_id', 'mean', '1h'),
      ],
    })
    assert.throws(
      () => buildCatalog([wrong]),
      (error: MillraceError) => {
        const [head, first, second] = error.message.split('\n')
        assert.equal(head, '2 problems')
        assert.match(
          first!,
          /v\.features\[1\]: no column is named "clickd"; .* \(.*catalog\.test\.\w+:\d+:\d+\)$/,
        )
        assert.match(
          second!,
          /v\.features\[2\]: cannot take the mean of String of column "user_id"/,
        )
        assert.deepEqual(error.details['path'], 'v.features[1]')
        assert.equal(error.details['count'], 2)
        return true
      },
    )
  })

  it('has a wrong name, or the name of another', () => {
    for (const name of ['', '1st', 'a-b', 'a__b', 'a_', '_a', 'a.b', 'a'.repeat(65), undefined]) {
      assert.match(problemsOf(loose.entity({ ...user, name })).join(), /entity: .* is not a name/)
    }
    const serviceNamed = (name: string) =>
      problemsOf(byAd, featureService({ name, features: [byAd] })).join()
    for (const name of ['a-b', 'a:v2', 'a_b-2:c']) assert.equal(serviceNamed(name), '')
    for (const name of ['a--b', 'a-', '-a', 'a:', 'a/b', 'a b', 'a%2f']) {
      assert.match(serviceNamed(name), /featureService: .* is not a name/)
    }
    const again = entity({ name: 'user', joinKeys: { user_id: t.String() } })
    assert.deepEqual(problemsOf(user, again, impressions), [
      'user: this entity has the name of another entity',
    ])
    const service = featureService({ name: 'by_user', features: [byAd] })
    assert.deepEqual(problemsOf(byUser, service), [
      'by_user: this featureService has the name of another streamFeatureView',
    ])
    const twice = [aggregate('clicked', 'sum', '1h'), aggregate('clicked', 'sum', '1h')]
    assert.deepEqual(problemsOf(loose.view({ ...view, features: twice })), [
      'v.features[1]: another feature is named "clicked_sum_1h"',
    ])
  })

  it('has fields that cannot be', () => {
    const at = t.Timestamp()
    const source = (schema: unknown) => loose.pushSource({ name: 's', schema })
    assert.deepEqual(problemsOf(source({ at, a: 'String' })), [
      's.schema.a: not a type made with t, such as t.String()',
    ])
    assert.match(
      problemsOf(source({ at, '7': t.Int32() }))[0]!,
      /^s\.schema\.7: "7" is not a field/,
    )
    assert.match(problemsOf(source({ at, s: t.Struct({ 'a b': at }) }))[0]!, /^s\.schema\.s\.a b: /)
    assert.match(problemsOf(source({})).join(), /s\.schema: name at least one field/)
    assert.match(problemsOf(source(undefined)).join(), /s\.schema: name at least one field/)
    let deep: ReturnType<typeof t.Array> = t.Array(at)
    for (let level = 0; level < 7; level++) deep = t.Array(deep)
    assert.match(problemsOf(source({ at, deep }))[0]!, /nests deeper than the 8 levels/)
  })

  it('has no usable event time', () => {
    const source = (schema: object, timestampField?: string) =>
      problemsOf(loose.pushSource({ name: 's', schema, timestampField }))
    assert.deepEqual(source({ a: t.Int32() }), [
      's.timestampField: the schema has no t.Timestamp() field that is not nullable',
    ])
    assert.deepEqual(source({ a: t.Timestamp(), b: t.Timestamp() }), [
      's.timestampField: name one of a, b',
    ])
    assert.deepEqual(source({ a: t.Timestamp(), b: t.Int64() }, 'b'), [
      's.timestampField: "b" is not a Timestamp field that is not nullable',
    ])
  })

  it('has join keys that cannot be, or that its source does not have', () => {
    const float = loose.entity({ name: 'e', joinKeys: { k: t.Float64() } })
    assert.deepEqual(problemsOf(float, impressions), [
      'e.joinKeys.k: a join key is one of String, Int64, Int32, Bool, and not nullable; ' +
        'it is Float64',
    ])
    const session = entity({ name: 'session', joinKeys: { session_id: t.String() } })
    const intUser = entity({ name: 'int_user', joinKeys: { user_id: t.Int64() } })
    const priced = loose.entity({ name: 'priced', joinKeys: { price: t.Float32() } })
    assert.deepEqual(
      problemsOf(loose.view({ ...view, entities: [session, intUser, 'user'], features: clicks })),
      [
        'v.entities[0]: source "impressions" has no field for join key "session_id"',
        'v.entities[1]: join key "user_id" is Int64, but String in source "impressions"',
        'v.entities[2]: not an entity made with entity',
      ],
    )
    assert.match(
      problemsOf(loose.view({ ...view, entities: [priced], features: clicks })).join(),
      /v\.entities\[0\]: join key "price" is nullable in source "impressions"/,
    )
    assert.deepEqual(problemsOf(loose.view({ ...view, entities: [], features: clicks })), [
      'v.entities: name at least one entity',
    ])
  })

  it('holds something else where a part belongs', () => {
    assert.deepEqual(problemsOf(loose.view({ ...view, source: user, features: clicks })), [
      'v.source: not a source made with pushSource',
    ])
    const median = loose.aggregate('clicked', 'median', '1h')
    const features = ['clicked', null, median]
    assert.deepEqual(problemsOf(loose.view({ ...view, features })), [
      'v.features[0]: "clicked" was not made with aggregate or attribute',
      'v.features[1]: null was not made with aggregate or attribute',
      `v.features[2]: "median" is not an aggregate function; they are ${functionsShown}`,
    ])
    const odd = { leadingEdge: 'now', online: 'yes', transform: 7, owner: 1, tags: { a: 1 } }
    const limit = { newKeysPerDay: -1 }
    assert.deepEqual(problemsOf(loose.view({ ...view, features: clicks, ...odd, ...limit })), [
      'v.transform: 7 is not a function',
      'v.owner: 1 is not text',
      'v.tags: tags are names with texts',
      'v.leadingEdge: "now" is neither "wall-clock" nor "latest-event"',
      'v.newKeysPerDay: -1 is not a whole number from 0 to 1000000000000',
      'v.online: "yes" is neither true nor false',
    ])
    assert.deepEqual(
      problemsOf(loose.view({ ...view, features: clicks, rowSchema: { a: t.Int32() } }))[0],
      'v.rowSchema: describes the rows of a transform; there is none',
    )
    assert.deepEqual(problemsOf('nothing', {}), ['features: no definition is exported'])
    assert.deepEqual(problemsOf(user), ['features: no source and no view is exported'])
  })

  it('has a transform that is no plain function', () => {
    const reason = 'it must be a plain function, which returns rows or null and no promise'
    const generator = function* () {
      yield null
    }
    for (const transform of [async () => Promise.resolve(null), generator]) {
      const wrong = loose.view({ ...view, features: clicks, transform })
      assert.deepEqual(problemsOf(wrong), [`v.transform: ${reason}`])
    }
  })

  it('has a misspelt option', () => {
    const metadata = 'description, owner, tags'
    const at = t.Timestamp()
    const source = loose.pushSource({ name: 's', schema: { at }, dedup: { by: 'event-time' } })
    const features = [
      loose.aggregate('clicked', 'sum', '1h', { nmae: 'x' }),
      loose.aggregate('clicked', 'sum', '1d', { name: 'y', Description: 'y' }),
    ]
    const someone = loose.entity({ name: 'someone', joinKeys: { user_id: t.String() }, owners: 1 })
    const wrong = loose.view({ ...view, entities: [someone], features, lifetimestart: 'x' })
    const service = loose.service({ name: 'all', features: [byUser], view: byUser })
    const attributes = [attribute('clicked', { nam: 'x' } as object)]
    const latest = loose.view({ ...view, name: 'w', features: attributes })
    assert.deepEqual(problemsOf(source, wrong, latest, service), [
      `someone: "owners" is not an option of entity; they are name, joinKeys, ${metadata}`,
      's: "dedup" is not an option of pushSource; they are name, schema, timestampField, dedupe, ' +
        `inputSchema, postProcessor, batch, offline, streamStartTime, ${metadata}`,
      'v: "lifetimestart" is not an option of streamFeatureView; they are name, source, ' +
        'entities, features, mode, aggregationInterval, lifetimeStart, featureStartTime, ' +
        'ttl, aggregationSecondaryKey, leadingEdge, onlineServingIndex, newKeysPerDay, online, ' +
        'transform, ' +
        `rowSchema, ${metadata}`,
      `v.features[0]: "nmae" is not an option of aggregate; they are name, ${metadata}`,
      `v.features[1]: "Description" is not an option of aggregate; they are name, ${metadata}`,
      `w.features[0]: "nam" is not an option of attribute; they are name, ${metadata}`,
      `all: "view" is not an option of featureService; they are name, features, ${metadata}`,
    ])
  })

  it('is a service of features that are not there, twice there, or keyed differently', () => {
    const intUser = entity({ name: 'int_user', joinKeys: { user_id: t.Int64() } })
    const other = pushSource({ name: 'other', schema: { user_id: t.Int64(), at: t.Timestamp() } })
    const byIntUser = streamFeatureView({
      name: 'by_int_user',
      source: other,
      entities: [intUser],
      features: [aggregate('at', 'max', '1h')],
    })
    const select = byUser.select as (...features: string[]) => unknown
    const features = [byUser, select('clicked_sum_2h', 'clicked_sum_1h'), byIntUser, user]
    assert.deepEqual(problemsOf(loose.service({ name: 's', features })), [
      's.features[1]: view "by_user" has no feature "clicked_sum_2h"',
      's.features[1]: "by_user.clicked_sum_1h" is there already',
      's.features[2]: join key "user_id" is Int64 here and String before',
      's.features[3]: an object is neither a view nor a selection of one',
    ])
    assert.deepEqual(problemsOf(loose.service({ name: 's', features: [] }), impressions), [
      's.features: name at least one view',
    ])
  })
})
