/**
 * What is wrong with the views of a service, of a realtime view, and with a serving index.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aggregate } from '../../src/define/aggregate.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { entity } from '../../src/define/entity.ts'
import { realtimeFeatureView, type RealtimeFeatureView } from '../../src/define/realtime.ts'
import { featureService } from '../../src/define/service.ts'
import { pushSource } from '../../src/define/source.ts'
import { t } from '../../src/define/types.ts'
import { streamFeatureView } from '../../src/define/view.ts'
import { loose, problemsOf } from '../helpers/wrong-definitions.ts'

const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
const ad = entity({ name: 'ad', joinKeys: { ad_id: t.Int64() } })
const clicks = pushSource({
  name: 'clicks',
  schema: { user_id: t.String(), ad_id: t.Int64(), at: t.Timestamp() },
})
const features = [aggregate('at', 'count', '1h', { name: 'count' })] as const
const byUser = streamFeatureView({ name: 'by_user', source: clicks, entities: [user], features })
const byAd = streamFeatureView({ name: 'by_ad', source: clicks, entities: [ad], features })
const byBoth = { name: 'by_both', source: clicks, entities: [user, ad], features } as const

const realtime = realtimeFeatureView as (options: object) => RealtimeFeatureView

test('a selection of keys and names that there are not, or that are taken', () => {
  const rename = byUser.withJoinKeyMap as (names: object) => unknown
  const named = byUser.withName as (name: string) => unknown
  const both = streamFeatureView(byBoth)
  const parts = [
    byUser,
    byUser.withJoinKeyMap({ user_id: 'other_id' }),
    byAd.withName('by_user'),
    rename({ ad_id: 'x' }),
    rename({ user_id: 'not a name' }),
    rename({ user_id: 7 }),
    named('no name!'),
    both.withJoinKeyMap({ ad_id: 'user_id' }),
  ]
  assert.deepEqual(problemsOf(loose.service({ name: 's', features: parts })), [
    's.features[1]: "by_user" stands for other keys before; give one a name with withName',
    's.features[2]: "by_user" stands for another view before; give one a name with withName',
    's.features[3]: view "by_user" has no join key "ad_id"',
    's.features[3]: "by_user.count" is there already',
    's.features[4]: "not a name" is not a field name: up to 64 letters, digits and underscores, ' +
      'no digit first',
    's.features[4]: "by_user" stands for other keys before; give one a name with withName',
    's.features[5]: 7 is not a name for join key "user_id"',
    's.features[5]: "by_user.count" is there already',
    's.features[6]: "no name!" is not a name: up to 64 letters, digits and single underscores, ' +
      'a letter first',
    's.features[7]: join key "user_id" is Int64 here and String before',
    's.features[7]: two join keys of view "by_both" have one name',
  ])
})

test('a realtime view without what it needs, or with what it cannot have', () => {
  const outputSchema = { score: t.Float64() }
  const transform = (): null => null
  const fine = realtime({ name: 'fine', sources: [byUser], outputSchema, transform })
  assert.deepEqual(
    problemsOf(
      realtime({ name: 'a', outputSchema, transform }),
      realtime({ name: 'b', sources: [], outputSchema: {}, transform: async () => {} }),
      realtime({ name: 'c', sources: [fine, user], outputSchema, transform: 7 }),
      realtime({ name: 'd', sources: [byUser.withName('request')], outputSchema, transform }),
      realtime({ name: 'e', requestSchema: { x: 1 }, outputSchema: { a__b: t.Bool() }, transform }),
      realtime({
        name: 'by_ad',
        requestSchema: { x: t.Bool() },
        outputSchema,
        transform,
        ttl: '1d',
      }),
      byAd,
    ).map((line) => line.replace(/; they are .*/, '')),
    [
      'by_ad: this realtimeFeatureView has the name of another streamFeatureView',
      'a: it needs a requestSchema or sources',
      'b.transform: it must be a plain function, which returns a row or null and no promise',
      'b.sources: name at least one view',
      'b.outputSchema: name at least one field, such as { user_id: t.String() }',
      'by_ad: "ttl" is not an option of realtimeFeatureView',
      'c.transform: 7 is not a function',
      'c.sources[0]: a realtime view does not read another one',
      'c.sources[1]: an object is neither a view nor a selection of one',
      'd.sources[0]: "request" is request data; give it a name with withName',
      'e.requestSchema.x: not a type made with t, such as t.String()',
      'e.outputSchema.a__b: "a__b" is not a name: up to 64 letters, digits and single ' +
        'underscores, a letter first',
    ],
  )
})

test('request data of two types in one service', () => {
  const of = (name: string, type: unknown) =>
    realtime({
      name,
      requestSchema: { amount: type },
      outputSchema: { score: t.Float64() },
      transform: () => null,
    })
  const service = loose.service({ name: 's', features: [of('a', t.Int64()), of('b', t.String())] })
  assert.deepEqual(problemsOf(service, byUser), [
    's.features[1]: request field "amount" is String here and Int64 before',
  ])
})

test('a serving index that is none', () => {
  const indexed = (name: string, onlineServingIndex: unknown) =>
    loose.view({ ...byBoth, name, onlineServingIndex })
  const wrong = [[], ['user_id', 'ad_id'], ['user_id', 'user_id'], ['shop'], 'user_id']
  assert.deepEqual(problemsOf(...wrong.map((index, n) => indexed(`v${n}`, index))), [
    'v0.onlineServingIndex: name at least one join key',
    'v1.onlineServingIndex: leave out the join keys that are to be found; it names all of them',
    'v2.onlineServingIndex: a join key is named twice',
    'v3.onlineServingIndex: "shop" is not a join key of the view',
    'v4.onlineServingIndex: name at least one join key',
  ])
})

test('a service is queried by what its views with an index have in common', () => {
  const view = (name: string, index?: readonly ('user_id' | 'ad_id')[]) =>
    streamFeatureView({ ...byBoth, name, ...(index && { onlineServingIndex: index }) })
  const [a, b, c, plain] = [
    view('a', ['user_id']),
    view('b', ['user_id']),
    view('c', ['ad_id']),
    view('d'),
  ]
  const names = ['both', 'contrary', 'moved', 'none', 'with_others'] as const
  const services = [
    featureService({ name: 'both', features: [a, b] }),
    featureService({ name: 'contrary', features: [a, c] }),
    featureService({ name: 'moved', features: [a.withJoinKeyMap({ ad_id: 'x', user_id: 'y' })] }),
    featureService({ name: 'none', features: [plain] }),
    featureService({
      name: 'with_others',
      features: [plain, a, byUser.withJoinKeyMap({ user_id: 'z' })],
    }),
  ]
  const catalog = buildCatalog(services)
  const indexOf = (name: string) => catalog.services.find((one) => one.name === name)?.servingIndex
  assert.deepEqual(names.map(indexOf), [['user_id'], null, ['y'], null, ['user_id', 'z']])
  assert.deepEqual(['a', 'c', 'd'].map(indexOf), [['user_id'], ['ad_id'], null])
})
