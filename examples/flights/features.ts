/**
 * Flights: what an airport's departures look like lately.
 *
 * One event per flight, pushed as it departs. The flights of the demo are from 2001, so windows end
 * at the latest flight of the stream and not at the wall clock, which would find them all empty.
 *
 *     millrace serve examples/flights/features.ts
 */
import { aggregate, entity, featureService, pushSource, streamFeatureView, t } from 'millrace'

export const airport = entity({
  name: 'airport',
  description: 'Where a flight departs, by its IATA code',
  joinKeys: { origin: t.String() },
})

export const flights = pushSource({
  name: 'flights',
  description: 'One event per departure',
  owner: 'operations@example.com',
  schema: {
    date: t.Timestamp(), // To the minute.
    delay: t.Int64(), // Minutes; negative when early.
    distance: t.Int64(), // Miles.
    origin: t.String(),
    destination: t.String(),
  },
  timestampField: 'date',
})

export const departures = streamFeatureView({
  name: 'departures',
  description: 'How many flights leave an airport, how late they are, and where the last one went',
  owner: 'operations@example.com',
  source: flights,
  entities: [airport],
  leadingEdge: 'latest-event',
  mode: 'sawtooth',
  features: [
    // Every flight has a delay, so counting delays counts flights.
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

    // Longer than the half year of the file: it holds every flight.
    aggregate('delay', 'count', '365d', { name: 'departures_365d' }),
  ],
})

/** What a model of delays might read. */
export const delayForecast = featureService({
  name: 'delay_forecast',
  description: 'Features of a model that forecasts the delay of the next departure',
  features: [departures.select('departures_1h', 'mean_delay_1h', 'mean_delay_1d', 'max_delay_1d')],
})
