/**
 * `training`: how long a training set takes, and how long DuckDB takes for the same values by SQL.
 *
 * Events are the flights of `vega-datasets`, questions every so many of them at a moment of the
 * same day: thirty features, count, mean and maximum over ten sawtooth windows. In SQL each is a
 * window function whose frame begins where the sawtooth does. Both write Parquet, and every value
 * is compared. CPU time tells more than time where other processes share the cores.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultFlightPath, flightsTable } from '../../examples/flights/flight-file.ts'
import { systemClock } from '../../src/base/clock.ts'
import { parseDuration } from '../../src/base/duration.ts'
import { openDatabase, sqlText, type Database } from '../../src/duckdb/database.ts'
import {
  aggregate,
  duckdb,
  entity,
  pushSource,
  streamFeatureView,
  t,
  trainingSet,
} from '../../src/index.ts'
import { sawtoothTileMs } from '../../src/model/tiles.ts'
import { checksum, defineBench, type Measurement, type Values } from '../harness.ts'
import { grouped } from './ingest.ts'

const options = {
  events: { standard: 3_000_000, smoke: 20_000, description: 'Flights: the first so many' },
  every: { standard: 3, smoke: 20, description: 'A question for every so many flights' },
  threads: { standard: 2, smoke: 1, description: 'Threads of each' },
} as const

const memoryBytesMax = 2 ** 30
const windows = ['1h', '3h', '6h', '12h', '1d', '2d', '3d', '7d', '14d', '30d'] as const

type TrainingFigures = ReturnType<typeof figuresOf>

export const training = defineBench({
  name: 'training',
  question: 'How long does a training set take, beside the same values by SQL of DuckDB?',
  options,
  headline: 'seconds',
  columns: {
    questions: ({ questions }: TrainingFigures) => grouped(questions),
    seconds: ({ seconds }) => seconds.toFixed(1),
    'of DuckDB': ({ duckdbSeconds }) => duckdbSeconds.toFixed(1),
    'CPU, s': ({ cpuSeconds }) => cpuSeconds.toFixed(1),
    'of DuckDB, s': ({ duckdbCpuSeconds }) => duckdbCpuSeconds.toFixed(1),
    'RSS MiB': ({ rssBytes }) => grouped(rssBytes / 2 ** 20),
  },
  rows: [{}],
  measure,
})

async function measure(values: Values<typeof options>): Promise<Measurement<TrainingFigures>> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const { threads } = values
  const database = await openDatabase({ threads, memoryBytesMax })
  try {
    const flights = flightsTable(defaultFlightPath(), values.events)
    const spine = join(dir, 'spine.parquet')
    const out = join(dir, 'out.parquet')
    const expected = join(dir, 'expected.parquet')
    await database.run(
      `COPY (
        SELECT origin, date + to_seconds((file_row_number * 7919) % 86400) AS moment,
          file_row_number AS label
        FROM ${flights} WHERE file_row_number % ${values.every} = 0
      ) TO ${sqlText(spine)}`,
    )
    const features = definitions(flights)
    const own = await timed(async () => {
      const service = 'departures'
      await trainingSet({ features, service, spine, out, threads, memoryBytesMax })
    })
    // The most that the process has held, before DuckDB's turn.
    const rssBytes = process.resourceUsage().maxRSS * 1024
    const theirs = await timed(() => database.run(bySql(flights, spine, expected)))
    const questions = await assertEqual(database, out, expected)
    const figures = figuresOf(questions, own, theirs, rssBytes)
    return { figures, checksum: checksum([String(questions)]) }
  } finally {
    await database.close()
    await rm(dir, { recursive: true })
  }
}

interface Times {
  readonly seconds: number
  readonly cpuSeconds: number
}

function figuresOf(questions: number, own: Times, theirs: Times, rssBytes: number) {
  return {
    questions,
    ...own,
    duckdbSeconds: theirs.seconds,
    duckdbCpuSeconds: theirs.cpuSeconds,
    questionsPerSecond: questions / own.seconds,
    rssBytes,
  }
}

async function timed(run: () => Promise<void>): Promise<Times> {
  const startMs = systemClock.monotonicMs()
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return {
    seconds: (systemClock.monotonicMs() - startMs) / 1000,
    cpuSeconds: (user + system) / 1e6,
  }
}

function definitions(flights: string): readonly unknown[] {
  const airport = entity({ name: 'airport', joinKeys: { origin: t.String() } })
  const source = pushSource({
    name: 'flights',
    schema: { date: t.Timestamp(), delay: t.Int64(), origin: t.String() },
    batch: duckdb(`SELECT date, delay, origin FROM ${flights}`),
  })
  const departures = streamFeatureView({
    name: 'departures',
    source,
    entities: [airport],
    features: windows.flatMap((window) => [
      aggregate('delay', 'count', window),
      aggregate('delay', 'mean', window),
      aggregate('delay', 'max', window),
    ]),
  })
  return [departures]
}

/** The same values by window functions, times in seconds. */
function bySql(flights: string, spine: string, out: string): string {
  const frames = windows.map((window) => {
    const ms = parseDuration(window, 'window')
    const tile = sawtoothTileMs(ms) / 1000
    const start = `time - (time - ${ms / 1000}) // ${tile} * ${tile}`
    return `w${window} AS (PARTITION BY origin ORDER BY time
      RANGE BETWEEN (${start}) PRECEDING AND CURRENT ROW)`
  })
  const columns = windows.flatMap((window) => [
    `nullif(count(delay) OVER w${window}, 0) AS departures__delay_count_${window}`,
    // Of exact integers: the quotient is rounded once, which that of `avg` is not always.
    `sum(delay) OVER w${window}::DOUBLE / count(delay) OVER w${window}
      AS departures__delay_mean_${window}`,
    `max(delay) OVER w${window} AS departures__delay_max_${window}`,
  ])
  return `COPY (
    SELECT * EXCLUDE (time, delay) FROM (
      SELECT origin, time, label, delay, ${columns.join(', ')} FROM (
        SELECT origin, epoch(date)::BIGINT AS time, delay, NULL AS label FROM ${flights}
        UNION ALL
        SELECT origin, epoch(moment)::BIGINT, NULL, label FROM read_parquet(${sqlText(spine)})
      ) WINDOW ${frames.join(', ')}
    ) WHERE label IS NOT NULL ORDER BY label
  ) TO ${sqlText(out)}`
}

/** Throws at a value that is not the same; returns how many rows there are. */
async function assertEqual(database: Database, out: string, expected: string): Promise<number> {
  const ours = `SELECT * EXCLUDE (moment) FROM read_parquet(${sqlText(out)})`
  const [[count, differing]] = (await database.rows(
    `SELECT (SELECT count(*) FROM (${ours})),
      (SELECT count(*) FROM (${ours} EXCEPT SELECT * FROM read_parquet(${sqlText(expected)})))`,
  )) as [[bigint, bigint]]
  if (differing > 0n) throw new Error(`${differing} of ${count} rows are not what DuckDB says`)
  return Number(count)
}
