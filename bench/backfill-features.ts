/**
 * What the `backfill` bench counts: flights of a Parquet file in the daemon's working directory,
 * all of them before the stream begins, in two views.
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
  batch: parquet('flights.parquet'),
  streamStartTime: '2002-01-01T00:00:00Z',
})

export const delays = streamFeatureView({
  name: 'delays',
  source: flights,
  entities: [airport],
  leadingEdge: 'latest-event',
  features: [
    aggregate('delay', 'count', '1h'),
    aggregate('delay', 'mean', '1h'),
    aggregate('delay', 'max', '1h'),

    aggregate('delay', 'count', '1d'),
    aggregate('delay', 'mean', '1d'),
    aggregate('delay', 'max', '1d'),

    aggregate('delay', 'count', '7d'),
    aggregate('delay', 'mean', '7d'),
    aggregate('delay', 'max', '7d'),

    aggregate('delay', 'count', '30d'),
    aggregate('delay', 'mean', '30d'),
    aggregate('delay', 'max', '30d'),

    aggregate('destination', 'last', '7d'),
  ],
})

export const distances = streamFeatureView({
  name: 'distances',
  source: flights,
  entities: [airport],
  leadingEdge: 'latest-event',
  features: [aggregate('distance', 'sum', '30d'), aggregate('distance', 'mean', '30d')],
})
