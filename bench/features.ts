/**
 * The definitions that the benches serve: one view, six aggregates over two windows, and a service
 * with ten of its features.
 *
 * Windows end at the wall clock, as they do when nobody asks for anything else. The events of a
 * bench are minutes old at most when they are read, so that both windows hold all of them.
 */
import { aggregate, entity, featureService, pushSource, streamFeatureView, t } from 'millrace'

export const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })

export const impressions = pushSource({
  name: 'impressions',
  schema: {
    user_id: t.String(),
    timestamp: t.Timestamp(),
    amount: t.Float64(),
    clicked: t.Int64(),
    campaign: t.Int32(),
    country: t.String(),
  },
  timestampField: 'timestamp',
})

export const userSpend = streamFeatureView({
  name: 'user_spend',
  source: impressions,
  entities: [user],
  features: [
    aggregate('amount', 'count', '1h'),
    aggregate('amount', 'sum', '1h'),
    aggregate('amount', 'mean', '1h'),
    aggregate('amount', 'min', '1h'),
    aggregate('amount', 'max', '1h'),
    aggregate('amount', 'last', '1h'),

    aggregate('amount', 'count', '24h'),
    aggregate('amount', 'sum', '24h'),
    aggregate('amount', 'mean', '24h'),
    aggregate('amount', 'min', '24h'),
    aggregate('amount', 'max', '24h'),
    aggregate('amount', 'last', '24h'),
  ],
})

/** What the benches of reads ask for: of a key, all but what depends on the order of its events. */
export const spending = featureService({
  name: 'spending',
  features: [
    userSpend.select(
      'amount_count_1h',
      'amount_sum_1h',
      'amount_mean_1h',
      'amount_min_1h',
      'amount_max_1h',
      'amount_count_24h',
      'amount_sum_24h',
      'amount_mean_24h',
      'amount_min_24h',
      'amount_max_24h',
    ),
  ],
})
