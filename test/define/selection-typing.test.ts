/**
 * What the compiler says about views under other names and keys, and about realtime views; see
 * `typing.test.ts`.
 */
import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { aggregate } from '../../src/define/aggregate.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { entity } from '../../src/define/entity.ts'
import { realtimeFeatureView } from '../../src/define/realtime.ts'
import {
  featureService,
  type FeaturesOf,
  type JoinKeysOf,
  type RequestOf,
} from '../../src/define/service.ts'
import { pushSource } from '../../src/define/source.ts'
import { t } from '../../src/define/types.ts'
import { streamFeatureView } from '../../src/define/view.ts'
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
    browser: t.String(),
    tags: t.Array(t.String()),
  },
})
const userClicks = streamFeatureView({
  name: 'user_clicks',
  source: impressions,
  entities: [user],
  features: [
    aggregate('clicked', 'count', '1h'),
    aggregate('position', 'mean', '30d', { name: 'mean_position' }),
    aggregate('tags', 'last', '7d'),
  ],
})
const adClicks = streamFeatureView({
  name: 'ad_clicks',
  source: impressions,
  entities: [ad],
  features: [aggregate('clicked', 'sum', '1h'), aggregate('clicked', 'mean', '1h')],
})
const ranking = featureService({ name: 'ranking', features: [userClicks, adClicks] })

describe('types', () => {
  it('a view under another name and by other keys has the features and keys of that', () => {
    const sent = userClicks.select('clicked_count_1h').withName('sent')
    const sender = sent.withJoinKeyMap({ user_id: 'sender_id' })
    const receiver = userClicks.withJoinKeyMap({ user_id: 'receiver_id' }).select('mean_position')
    const both = featureService({ name: 'both', features: [sender, receiver, adClicks] })
    holds<
      Equal<
        JoinKeysOf<typeof both>,
        {
          readonly sender_id: string
          readonly receiver_id: string
          readonly ad_id: number | bigint
        }
      >
    >()
    holds<
      Equal<
        FeaturesOf<typeof both>,
        {
          readonly 'sent.clicked_count_1h': bigint | null
          readonly 'user_clicks.mean_position': number | null
          readonly 'ad_clicks.clicked_sum_1h': bigint | null
          readonly 'ad_clicks.clicked_mean_1h': number | null
        }
      >
    >()
    assert.deepEqual(buildCatalog([both]).services.find(({ name }) => name === 'both')!.parts, [
      { namespace: 'sent', isRealtime: false, view: 1, keyPlaces: [0] },
      { namespace: 'user_clicks', isRealtime: false, view: 1, keyPlaces: [1] },
      { namespace: 'ad_clicks', isRealtime: false, view: 0, keyPlaces: [2] },
    ])
  })

  it('a realtime view knows what its function is given, and what a read has to say', () => {
    const risk = realtimeFeatureView({
      name: 'risk',
      requestSchema: { amount: t.Int64(), at: t.nullable(t.Timestamp()) },
      sources: [userClicks.select('clicked_count_1h', 'tags_last_7d'), adClicks.withName('ad')],
      outputSchema: { score: t.Float64(), tags: t.nullable(t.Array(t.String())) },
      transform(input) {
        holds<
          Equal<
            typeof input,
            {
              readonly request: { readonly amount: bigint; readonly at: bigint | null }
              readonly user_clicks: {
                readonly clicked_count_1h: bigint | null
                readonly tags_last_7d: readonly string[] | null
              }
              readonly ad: {
                readonly clicked_sum_1h: bigint | null
                readonly clicked_mean_1h: number | null
              }
            }
          >
        >()
        return { score: Number(input.request.amount), tags: input.user_clicks.tags_last_7d }
      },
    })
    holds<
      Equal<
        FeaturesOf<typeof risk>,
        { readonly score: number | null; readonly tags: readonly string[] | null }
      >
    >()
    holds<
      Equal<JoinKeysOf<typeof risk>, { readonly user_id: string; readonly ad_id: number | bigint }>
    >()
    type Request = {
      readonly amount: number | bigint
      readonly at?: Date | number | string | null | undefined
    }
    holds<Equal<RequestOf<typeof risk>, Request>>()
    const service = featureService({
      name: 'scored',
      features: [adClicks, risk.select('score').withJoinKeyMap({ user_id: 'buyer' })],
    })
    holds<Equal<RequestOf<typeof service>, Request>>()
    holds<Equal<FeaturesOf<typeof service>['risk.score'], number | null>>()
    holds<
      Equal<JoinKeysOf<typeof service>, { readonly ad_id: number | bigint; readonly buyer: string }>
    >()
    assert.equal(risk.kind, 'millrace.realtimeFeatureView')
  })
})

describe('mistakes that do not compile', () => {
  it('a join key that a view does not have, of a selection or an index', () => {
    // @ts-expect-error no such feature
    userClicks.select('clicked')
    // @ts-expect-error no such feature is left
    userClicks.select('clicked_count_1h').select('mean_position')
    // @ts-expect-error no such join key
    userClicks.withJoinKeyMap({ ad_id: 'x' })
    // @ts-expect-error it has another name by then
    userClicks.withJoinKeyMap({ user_id: 'x' }).withJoinKeyMap({ user_id: 'y' })
    streamFeatureView({
      name: 'indexed',
      source: impressions,
      entities: [user, ad],
      // @ts-expect-error no such join key
      onlineServingIndex: ['browser'],
      features: [aggregate('clicked', 'sum', '1h')],
    })
  })

  it('a function of a realtime view that makes other rows, or reads what is not there', () => {
    realtimeFeatureView({
      name: 'r',
      requestSchema: { amount: t.Int64() },
      outputSchema: { score: t.Float64() },
      // @ts-expect-error a score is a number
      transform: ({ request }) => ({ score: request.amount }),
    })
    realtimeFeatureView({
      name: 'r',
      sources: [adClicks],
      outputSchema: { score: t.nullable(t.Float64()) },
      // @ts-expect-error no such source
      transform: ({ user_clicks }) => ({ score: user_clicks }),
    })
    realtimeFeatureView({
      name: 'r',
      // @ts-expect-error a service is no source
      sources: [ranking],
      outputSchema: { score: t.nullable(t.Float64()) },
      transform: () => null,
    })
  })
})
