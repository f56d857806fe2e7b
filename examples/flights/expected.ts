/**
 * The same features, computed by DuckDB from the file: what the daemon's answers must be.
 *
 * A sawtooth window of length W at the edge t holds the events from `floor((t − W) / w) · w` to t,
 * w being the width of its tiles. The edge is the time of the latest flight.
 */
import type { FeaturesOf } from 'millrace'
import type { departures } from './features.ts'
import { flightsTable, type FlightFile } from './flight-file.ts'

export type Departures = FeaturesOf<typeof departures>

/** The features of one airport. */
export interface AirportFeatures {
  readonly airport: string
  readonly values: Departures
  /** Time of its latest flight, ms since 1970-01-01 UTC. */
  readonly newestMs: number
  /** Where its windows end: the time of the latest flight of all. */
  readonly edgeMs: number
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** The windows, and the tiles that serve them: the widest that are a tenth of it or less. */
const windows = [
  { name: '1h', windowMs: hourMs, tileMs: 5 * minuteMs },
  { name: '1d', windowMs: dayMs, tileMs: hourMs },
  { name: '7d', windowMs: 7 * dayMs, tileMs: 6 * hourMs },
  { name: '365d', windowMs: 365 * dayMs, tileMs: dayMs },
] as const

type WindowName = (typeof windows)[number]['name']

/** Every airport with a departure, the busiest first. */
export async function computeFeatures(file: FlightFile): Promise<AirportFeatures[]> {
  const result = await file.connection.runAndReadAll(featuresSql(file))
  return result.getRowObjectsJS().map((row) => {
    const { origin, newest_ms, edge_ms, ...values } = row
    return {
      airport: origin as string,
      values: values as unknown as Departures,
      newestMs: Number(newest_ms),
      edgeMs: Number(edge_ms),
    }
  })
}

function featuresSql({ path, count }: FlightFile): string {
  const columns = (['1h', '1d', '7d'] as const).flatMap((window) => [
    `nullif(count(*) ${within(window)}, 0) AS departures_${window}`,
    // Of exact integers, so that the quotient is rounded once, as the daemon's is.
    `sum(delay) ${within(window)}::DOUBLE / departures_${window} AS mean_delay_${window}`,
    `max(delay) ${within(window)} AS max_delay_${window}`,
  ])
  return `
    WITH flight AS (SELECT *, epoch_ms(date) AS ms FROM ${flightsTable(path, count)}),
         edge AS (SELECT max(ms) AS t FROM flight)
    SELECT origin,
           ${columns.join(',\n           ')},
           last(destination ORDER BY date, file_row_number) ${within('7d')} AS last_destination,
           count(*) ${within('365d')} AS departures_365d,
           max(ms) AS newest_ms,
           any_value(t) AS edge_ms
    FROM flight, edge
    GROUP BY origin
    ORDER BY departures_365d DESC, origin`
}

function within(name: WindowName): string {
  const { windowMs, tileMs } = windows.find((window) => window.name === name)!
  return `FILTER (ms >= (t - ${windowMs}) // ${tileMs} * ${tileMs})`
}
