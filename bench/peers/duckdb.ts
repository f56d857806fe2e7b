/**
 * The peer `duckdb`: the six aggregates of the flights, by airport and hour, as one batch.
 *
 * What someone has who can wait: no event is visible before the query has run over all of them. It
 * reads the Parquet file each time, with as many threads as there are cores, and its result becomes
 * a table in memory. Afterwards its counts and sums are compared with a plain count of the file.
 */
import { availableParallelism } from 'node:os'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import {
  defaultFlightPath,
  flightsTable,
  openFlightFile,
} from '../../examples/flights/flight-file.ts'
import { systemClock } from '../../src/base/clock.ts'
import { equal } from './check.ts'
import { perSecond } from './options.ts'
import { tileMs } from './tiles.ts'

/** @param flights  The first so many of the file; Infinity for all. @returns flights/s. */
export async function measureDuckDb(flights: number): Promise<number> {
  const threads = String(availableParallelism())
  const instance = await DuckDBInstance.create(':memory:', { threads })
  const connection = await instance.connect()
  try {
    // The first run reads the file into the system's cache.
    await aggregate(connection, flights)
    const beginMs = systemClock.monotonicMs()
    await aggregate(connection, flights)
    const ms = systemClock.monotonicMs() - beginMs
    return perSecond(await check(await groupsOf(connection), flights), ms)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** An airport in an hour. */
interface Group {
  readonly origin: string
  readonly hour: number
  readonly count: number
  readonly sum: number
}

async function aggregate(connection: DuckDBConnection, flights: number): Promise<void> {
  await connection.run(`
    CREATE OR REPLACE TABLE delays AS
    SELECT origin, epoch_ms(date) // ${tileMs.hours} AS hour,
           count(delay) AS count, sum(delay) AS sum, avg(delay) AS mean,
           min(delay) AS min, max(delay) AS max, arg_max(delay, date) AS last
    FROM ${flightsTable(defaultFlightPath(), flights)}
    GROUP BY ALL`)
}

async function groupsOf(connection: DuckDBConnection): Promise<Group[]> {
  const result = await connection.runAndReadAll('SELECT origin, hour, count, sum FROM delays')
  const [origins, hours, counts, sums] = result.getColumns()
  return origins!.map((origin, n) => ({
    origin: origin as string,
    hour: Number(hours![n]),
    count: Number(counts![n]),
    sum: Number(sums![n]),
  }))
}

/** @returns how many flights there are. */
async function check(groups: readonly Group[], flights: number): Promise<number> {
  const file = await openFlightFile(defaultFlightPath(), flights)
  const nameOf = (origin: string, hour: number): string => `${origin} ${hour}`
  const plain = new Map<string, { count: number; sum: number }>()
  for await (const { count, dateMs, delay, origin } of file.chunks()) {
    for (let i = 0; i < count; i++) {
      const name = nameOf(file.airports[origin[i]!]!, Math.floor(dateMs[i]! / tileMs.hours))
      const group = plain.get(name) ?? { count: 0, sum: 0 }
      group.count += 1
      group.sum += delay[i]!
      plain.set(name, group)
    }
  }
  file.close()
  equal('duckdb: groups', groups.length, plain.size)
  for (const { origin, hour, count, sum } of groups) {
    const name = nameOf(origin, hour)
    equal(`duckdb: count of ${name}`, count, plain.get(name)?.count ?? 0)
    equal(`duckdb: sum of ${name}`, sum, plain.get(name)?.sum ?? 0)
  }
  return file.count
}
