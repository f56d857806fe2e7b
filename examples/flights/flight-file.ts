/**
 * The flights of the Parquet file, in its order, as columns of numbers.
 *
 * DuckDB decodes the file into chunks of 2048 rows. What it hands over is chosen so that JavaScript
 * does little per flight: numbers as doubles, which a typed array shows without a copy (a BIGINT
 * would be a `bigint` object each), and airports as places in one list of names, so that three
 * million flights share a few hundred strings.
 */
import { fileURLToPath } from 'node:url'
import {
  DuckDBDoubleVector,
  DuckDBInstance,
  DuckDBUTinyIntVector,
  type DuckDBConnection,
  type DuckDBDataChunk,
} from '@duckdb/node-api'

/** Some consecutive flights; a column has `count` values. */
export interface FlightChunk {
  readonly count: number
  /** ms since 1970-01-01 UTC. */
  readonly dateMs: Float64Array
  /** Minutes. */
  readonly delay: Float64Array
  /** Miles. */
  readonly distance: Float64Array
  /** Places in {@link FlightFile.airports}. */
  readonly origin: Uint8Array
  readonly destination: Uint8Array
}

export interface FlightFile {
  readonly path: string
  /** Flights that are read: the first of the file, or all. */
  readonly count: number
  /** Days of the first and the last flight, `2001-01-01`. */
  readonly days: readonly [string, string]
  /** How many airports flights depart from. */
  readonly originCount: number
  /** IATA codes of every origin and destination. */
  readonly airports: readonly string[]
  /** Asks DuckDB. */
  readonly connection: DuckDBConnection
  /** The flights, in the order of the file. */
  chunks(): AsyncGenerator<FlightChunk>
  close(): void
}

/** `flights-3m.parquet` of the package `vega-datasets`. */
export function defaultFlightPath(): string {
  return fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')))
}

/** @param countMax  Read no more than the first so many flights. */
export async function openFlightFile(path: string, countMax: number): Promise<FlightFile> {
  // One thread: the cores are for the daemon and the producers.
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  const from = `FROM ${flightsTable(path, countMax)}`
  await connection.run(`CREATE TYPE airport AS ENUM
    (SELECT origin ${from} UNION SELECT destination ${from} ORDER BY 1)`)
  const names = await connection.runAndReadAll('SELECT unnest(enum_range(NULL::airport))')
  const facts = await connection.runAndReadAll(
    `SELECT count(*), count(DISTINCT origin), min(date)::DATE::VARCHAR, max(date)::DATE::VARCHAR
      ${from}`,
  )
  const row = facts.getRows()[0] as [bigint, bigint, string, string]
  const [count, originCount, firstDay, lastDay] = row

  async function* chunks(): AsyncGenerator<FlightChunk> {
    const result = await connection.stream(`SELECT epoch_ms(date)::DOUBLE, delay::DOUBLE,
      distance::DOUBLE, enum_code(origin::airport), enum_code(destination::airport) ${from}`)
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return
      yield columnsOf(chunk)
    }
  }

  return {
    path,
    count: Number(count),
    originCount: Number(originCount),
    days: [firstDay, lastDay],
    airports: names.getColumns()[0] as string[],
    connection,
    chunks,
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

/** The file as a table of SQL, its first `countMax` rows, each with its `file_row_number`. */
export function flightsTable(path: string, countMax: number): string {
  const table = `read_parquet('${path.replaceAll("'", "''")}', file_row_number = true)`
  const rows = Number.isFinite(countMax) ? ` WHERE file_row_number < ${countMax}` : ''
  return `(SELECT * FROM ${table}${rows})`
}

function columnsOf(chunk: DuckDBDataChunk): FlightChunk {
  return {
    count: chunk.rowCount,
    dateMs: doubles(chunk, 0),
    delay: doubles(chunk, 1),
    distance: doubles(chunk, 2),
    origin: places(chunk, 3),
    destination: places(chunk, 4),
  }
}

function doubles(chunk: DuckDBDataChunk, column: number): Float64Array {
  const vector = chunk.getColumnVector(column)
  if (vector instanceof DuckDBDoubleVector) return (vector as unknown as Items<Float64Array>).items
  throw new TypeError(`column ${column} is not DOUBLE`)
}

function places(chunk: DuckDBDataChunk, column: number): Uint8Array {
  const vector = chunk.getColumnVector(column)
  if (vector instanceof DuckDBUTinyIntVector) return (vector as unknown as Items<Uint8Array>).items
  throw new TypeError(`column ${column} is not UTINYINT: there are more than 256 airports`)
}

/** DuckDB's types keep the array of a vector private; at run time it is there. */
interface Items<T> {
  readonly items: T
}
