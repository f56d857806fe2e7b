/**
 * Random points of the stream, and what DuckDB says of them: airports at moments, and the values of
 * every function in every window there.
 *
 * A moment is a number of flights: those before it have departed, and the latest of them is where
 * windows end. The file is in the order of time, so the row of a flight says which came first.
 */
import { flightsTable, type FlightFile } from './flight-file.ts'

/** A moment of the stream, and the airports that are read at it. */
export interface Moment {
  /** Flights that have departed. */
  readonly flights: number
  readonly airports: readonly string[]
}

/** Moments in the order of the stream. @param seed  The same for the same points. */
export async function choosePoints(
  { path, count, connection }: FlightFile,
  { moments, airports, seed }: { moments: number; airports: number; seed: number },
): Promise<Moment[]> {
  const flights = flightsTable(path, count)
  await connection.run(`
    CREATE TABLE point AS
      WITH moment AS (SELECT file_row_number + 1 AS departed FROM ${flights}
                       ORDER BY hash(file_row_number, ${seed}) LIMIT ${moments}),
           airport AS (SELECT DISTINCT origin FROM ${flights})
      SELECT departed, origin FROM moment, airport
     QUALIFY row_number() OVER (PARTITION BY departed ORDER BY hash(origin, departed, ${seed}))
             <= ${airports}`)
  const rows = await connection.runAndReadAll(
    'SELECT departed, list(origin ORDER BY origin) FROM point GROUP BY departed ORDER BY departed',
  )
  return (rows.getRowsJS() as [bigint, string[]][]).map(([departed, airports]) => ({
    flights: Number(departed),
    airports,
  }))
}

/** Values of one airport at one moment in one window: `delay_sum`, `destination_last_3`, … */
export type WindowValues = Readonly<Record<string, unknown>>

export interface PointValues {
  /** Where windows end at a moment, ms since 1970-01-01 UTC. */
  edgeMs(flights: number): number
  /** Null where no flight of the airport is in the window. */
  valuesIn(place: WindowPlace): WindowValues | null
}

/** A window of a view of `every-function.ts` at a point. */
export interface WindowPlace {
  readonly flights: number
  readonly airport: string
  readonly mode: string
  /** `1h` */
  readonly window: string
}

/** Computes what the points of {@link choosePoints} have. */
export async function computePoints({ path, count, connection }: FlightFile): Promise<PointValues> {
  await connection.run(windowsSql(flightsTable(path, count)))
  const edges = await connection.runAndReadAll('SELECT departed, t FROM edge')
  const edgeOf = new Map(edges.getRowsJS().map(([departed, t]) => [Number(departed), Number(t)]))
  const result = await connection.runAndReadAll(valuesSql)
  const found = new Map<string, WindowValues>()
  for (const row of result.getRowObjectsJS()) {
    const { departed, origin, mode, name } = row as Readonly<Record<string, string>>
    found.set(`${departed} ${origin} ${mode} ${name}`, row)
  }
  return {
    edgeMs: (flights) => edgeOf.get(flights)!,
    valuesIn: ({ flights, airport, mode, window }) =>
      found.get(`${flights} ${airport} ${mode} ${window}`) ?? null,
  }
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** The windows, and the tiles that serve them in a sawtooth: a tenth of it or less. */
const windows = [
  { name: '1h', size: hourMs, tile: 5 * minuteMs },
  { name: '1d', size: dayMs, tile: hourMs },
  { name: '7d', size: 7 * dayMs, tile: 6 * hourMs },
]

/** `aggregationInterval` of the view. */
const intervalMs = 30 * minuteMs

/** The table `spot`, of windows at points, and `seen`, of the flights in each. */
function windowsSql(flights: string): string {
  const rows = windows.map(({ name, size, tile }) => `('${name}', ${size}, ${tile})`)
  return `
    CREATE TABLE edge AS
      SELECT departed, epoch_ms(date) AS t FROM ${flights}
        JOIN (SELECT DISTINCT departed FROM point) ON file_row_number = departed - 1;

    CREATE TABLE near AS
      SELECT departed, origin, t, file_row_number AS flight, epoch_ms(date) AS ms,
             delay, destination
        FROM ${flights} JOIN point USING (origin) JOIN edge USING (departed)
       WHERE file_row_number < departed AND epoch_ms(date) >= t - ${8 * dayMs};

    CREATE TABLE bounds AS
      WITH size(name, size, tile) AS (VALUES ${rows.join(', ')})
      SELECT departed, 'sawtooth' AS mode, name, (t - size) // tile * tile AS opens,
             t + 1 AS closes FROM edge, size
      UNION ALL
      SELECT departed, 'continuous', name, t - size + 1, t + 1 FROM edge, size
      UNION ALL
      SELECT departed, 'interval', name, t // ${intervalMs} * ${intervalMs} - size,
             t // ${intervalMs} * ${intervalMs} FROM edge, size;

    CREATE TABLE spot AS
      SELECT row_number() OVER () AS spot, * FROM point JOIN bounds USING (departed);

    CREATE TABLE seen AS
      SELECT spot, flight, delay, destination FROM near JOIN spot USING (departed, origin)
       WHERE ms >= opens AND ms < closes`
}

/** What every function says of \`x\`, a column; flights are in the order of time and arrival. */
const ofAnything = (x: string): string => `
  count(${x}) AS ${x}_count,
  min(${x}) AS ${x}_min,
  max(${x}) AS ${x}_max,
  arg_min(${x}, flight) AS ${x}_first,
  arg_max(${x}, flight) AS ${x}_last,
  arg_min(${x}, flight, 3) AS ${x}_first_3,
  list_reverse(arg_max(${x}, flight, 3)) AS ${x}_last_3,
  count(DISTINCT ${x}) AS ${x}_approx_count_distinct`

/** Quotients of exact integers, so that they are rounded once, as the daemon's are. */
const ofNumbers = (x: string): string => `
  sum(${x})::BIGINT AS ${x}_sum,
  sum(${x})::DOUBLE / count(*) AS ${x}_mean,
  (count(*) * sum(${x} * ${x}) - sum(${x}) * sum(${x}))::DOUBLE AS n2_variance,
  n2_variance / (count(*) * count(*)) AS ${x}_var_pop,
  n2_variance / nullif(count(*) * (count(*) - 1), 0) AS ${x}_var_samp,
  sqrt(${x}_var_pop) AS ${x}_stddev_pop,
  sqrt(${x}_var_samp) AS ${x}_stddev_samp,
  quantile_disc(${x}, 0.5)::DOUBLE AS ${x}_approx_percentile_p0_5,
  quantile_disc(${x}, 0.99)::DOUBLE AS ${x}_approx_percentile_p0_99`

/** Each value once, by the first or by the last flight that has it. */
const distinct = (x: string): string => `
  SELECT spot, list(${x} ORDER BY earliest)[:3] AS ${x}_first_distinct_3,
         list(${x} ORDER BY latest)[-3:] AS ${x}_last_distinct_3
    FROM (SELECT spot, ${x}, min(flight) AS earliest, max(flight) AS latest
            FROM seen GROUP BY spot, ${x})
   GROUP BY spot`

const valuesSql = `
  WITH plain AS (SELECT spot, ${ofAnything('delay')}, ${ofNumbers('delay')},
                        ${ofAnything('destination')}
                   FROM seen GROUP BY spot),
       delays AS (${distinct('delay')}),
       destinations AS (${distinct('destination')})
  SELECT * FROM spot JOIN plain USING (spot)
    JOIN delays USING (spot) JOIN destinations USING (spot)`
