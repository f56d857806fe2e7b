/**
 * The flights again, with a past: those before May are in a file, those from then on are pushed.
 *
 *     millrace serve examples/flights/history-features.ts
 *     millrace backfill examples/flights/history-features.ts
 */
import { aggregate, entity, parquet, pushSource, streamFeatureView, t } from 'millrace'

export const airport = entity({ name: 'airport', joinKeys: { origin: t.String() } })

export const flights = pushSource({
  name: 'flights',
  schema: {
    date: t.Timestamp(),
    delay: t.Int64(),
    distance: t.Int64(),
    origin: t.String(),
    destination: t.String(),
  },
  timestampField: 'date',
  batch: parquet('node_modules/vega-datasets/data/flights-3m.parquet'),
  streamStartTime: '2001-05-01T00:00:00Z',
})

export const departures = streamFeatureView({
  name: 'departures',
  source: flights,
  entities: [airport],
  leadingEdge: 'latest-event',
  features: [
    aggregate('delay', 'count', '1h', { name: 'departures_1h' }),
    aggregate('delay', 'count', '1d', { name: 'departures_1d' }),
    aggregate('delay', 'count', '7d', { name: 'departures_7d' }),
    aggregate('delay', 'mean', '1h', { name: 'mean_delay_1h' }),
    aggregate('delay', 'mean', '1d', { name: 'mean_delay_1d' }),
    aggregate('delay', 'mean', '7d', { name: 'mean_delay_7d' }),
    aggregate('delay', 'max', '1h', { name: 'max_delay_1h' }),
    aggregate('delay', 'max', '1d', { name: 'max_delay_1d' }),
    aggregate('delay', 'max', '7d', { name: 'max_delay_7d' }),
    aggregate('destination', 'last', '7d', { name: 'last_destination' }),
    aggregate('delay', 'count', '365d', { name: 'departures_365d' }),
  ],
})

export const distances = streamFeatureView({
  name: 'distances',
  source: flights,
  entities: [airport],
  leadingEdge: 'latest-event',
  features: [
    aggregate('distance', 'sum', '30d', { name: 'miles_30d' }),
    aggregate('distance', 'mean', '30d', { name: 'mean_miles_30d' }),
  ],
})
