/**
 * Ad impressions: how often a user clicks.
 *
 * An advertiser's pages push one event per ad that is shown. Milliseconds later, the ad server
 * reads how often this user was shown ads and clicked on them lately, and picks the next ad.
 *
 *     millrace serve examples/ad-impressions.ts
 */
import { aggregate, entity, featureService, pushSource, streamFeatureView, t } from 'millrace'
import type { EventOf, FeaturesOf, JoinKeysOf } from 'millrace'

/** Whom the features are about, and the field of an event that tells. */
export const user = entity({
  name: 'user',
  description: 'A visitor, by the id in the first-party cookie',
  joinKeys: { user_id: t.String() },
})

/** What producers push. An event that does not fit the schema is rejected, and told why. */
export const impressions = pushSource({
  name: 'impressions',
  description: 'One event per ad that was shown',
  owner: 'ads@example.com',
  schema: {
    user_id: t.String(),
    timestamp: t.Timestamp(),
    clicked: t.Int64(), // 1 when the ad was clicked, else 0.
  },
  timestampField: 'timestamp',
})

/**
 * What is computed from them. A feature is named after its column, function and window, so that
 * these are `clicked_count_1h`, `clicked_sum_1h` and so on; `name` gives it another.
 */
export const userClicks = streamFeatureView({
  name: 'user_clicks',
  description: 'Ads shown to a user, and clicked, over an hour, a day and a month',
  owner: 'ads@example.com',
  tags: { stage: 'production' },
  source: impressions,
  entities: [user],
  features: [
    // Every impression has a value in `clicked`, so counting it counts impressions.
    aggregate('clicked', 'count', '1h'),
    aggregate('clicked', 'count', '24h'),
    aggregate('clicked', 'count', '30d'),

    aggregate('clicked', 'sum', '1h'),
    aggregate('clicked', 'sum', '24h'),
    aggregate('clicked', 'sum', '30d'),

    // The mean of zeros and ones is a rate.
    aggregate('clicked', 'mean', '24h', { name: 'click_rate_24h' }),
    aggregate('clicked', 'mean', '30d', { name: 'click_rate_30d' }),

    aggregate('timestamp', 'max', '30d', { name: 'last_seen', description: 'Last impression' }),
  ],
})

/** What the ad server reads: a chosen few of the features, under a name of its own. */
export const adRanking = featureService({
  name: 'ad_ranking',
  description: 'Features of the ad ranking model',
  features: [userClicks.select('clicked_sum_1h', 'click_rate_24h', 'click_rate_30d', 'last_seen')],
})

// The definitions are the types of producers and readers, too.

/** `{ user_id: string, timestamp: Date | number | string, clicked: number | bigint }` */
export type Impression = EventOf<typeof impressions>

/** `{ user_id: string }` */
export type AdRankingKeys = JoinKeysOf<typeof adRanking>

/** `{ 'user_clicks.clicked_sum_1h': bigint | null, … }` */
export type AdRankingFeatures = FeaturesOf<typeof adRanking>
