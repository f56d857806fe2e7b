/**
 * The definitions of the bench of other products' HTTP dialects: one view for what is pushed, and
 * ten, of three features each, for what is read.
 */
import { aggregate, entity, featureService, pushSource, streamFeatureView, t } from 'millrace'

export const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })

export const clicks = pushSource({
  name: 'clicks',
  schema: { user_id: t.String(), timestamp: t.Timestamp(), amount: t.Float64() },
})

export const clicked = streamFeatureView({
  name: 'clicked',
  source: clicks,
  entities: [user],
  features: [
    aggregate('amount', 'count', '1h'),
    aggregate('amount', 'sum', '1h'),
    aggregate('amount', 'mean', '30d'),
  ],
})

export const payments = pushSource({
  name: 'payments',
  schema: { user_id: t.String(), timestamp: t.Timestamp(), amount: t.Float64() },
})

/** All of them hold what a bench sends, which is a few seconds old. */
const windows = ['30m', '1h', '2h', '6h', '12h', '1d', '3d', '7d', '14d', '30d'] as const

export const spending = windows.map((window) =>
  streamFeatureView({
    name: `spent_${window}`,
    source: payments,
    entities: [user],
    features: [
      aggregate('amount', 'count', window, { name: 'count' }),
      aggregate('amount', 'mean', window, { name: 'mean' }),
      aggregate('amount', 'sum', window, { name: 'sum' }),
    ],
  }),
)

export const profile = featureService({ name: 'profile', features: spending })
