/**
 * `backfill`: how fast a daemon counts the past of a stream from a Parquet file.
 *
 * The rows are the flights of `vega-datasets`, in two views. When the last row is counted, every
 * feature of every airport is read over HTTP and must equal what DuckDB computes of the file.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { defaultFlightPath, flightsTable } from '../../examples/flights/flight-file.ts'
import { parseDuration } from '../../src/base/duration.ts'
import { openDatabase, sqlText } from '../../src/duckdb/database.ts'
import { sawtoothTileMs } from '../../src/model/tiles.ts'
import { startDaemon, type Daemon } from '../daemon.ts'
import { checksum, defineBench, type Measurement, type Settings, type Values } from '../harness.ts'
import { grouped } from './ingest.ts'

const options = {
  rows: { standard: 3_000_000, smoke: 20_000, description: 'Flights: the first so many' },
} as const

const features = new URL(`../backfill-features${extname(import.meta.url)}`, import.meta.url)

/** How often the daemon is asked how far it is, ms. */
const pollMs = 100

interface BackfillFigures extends Record<string, number> {
  readonly rows: number
  readonly seconds: number
  readonly rowsPerSecond: number
  /** CPU time of the daemon meanwhile, ns a row: of its main thread, of the two busiest others. */
  readonly mainNs: number
  readonly busiestNs: number
  readonly nextNs: number
  /** Of all others: disk, DuckDB, compiler, garbage collection. */
  readonly restNs: number
  readonly rssBytes: number
}

export const backfill = defineBench({
  name: 'backfill',
  question: 'How fast is the past of a stream counted from a file?',
  options,
  headline: 'rowsPerSecond',
  columns: {
    rows: ({ rows }: BackfillFigures) => grouped(rows),
    'rows/s': ({ rowsPerSecond }) => grouped(rowsPerSecond),
    'min – max': ({ min, max }) => `${grouped(min)} – ${grouped(max)}`,
    'main ns': ({ mainNs }) => grouped(mainNs),
    'busiest ns': ({ busiestNs }) => grouped(busiestNs),
    'next ns': ({ nextNs }) => grouped(nextNs),
    'rest ns': ({ restNs }) => grouped(restNs),
    'RSS MiB': ({ rssBytes }) => grouped(rssBytes / 2 ** 20),
  },
  rows: [{}],
  measure,
})

async function measure(
  { rows }: Values<typeof options>,
  { profileDir }: Settings,
): Promise<Measurement<BackfillFigures>> {
  const cwd = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 30 })
  try {
    const file = join(cwd, 'flights.parquet')
    const flights = flightsTable(defaultFlightPath(), rows)
    await database.run(`COPY (SELECT * EXCLUDE (file_row_number) FROM ${flights})
      TO ${sqlText(file)} (FORMAT parquet)`)
    const expected = await database.rows(expectedSql(file))
    const daemon = await startDaemon({ profileDir, features, cwd })
    try {
      const figures = await count(daemon, rows)
      const lines = await check(daemon.url, expected)
      return { figures, checksum: checksum(lines) }
    } finally {
      await daemon.stop()
    }
  } finally {
    await database.close()
    await rm(cwd, { recursive: true })
  }
}

interface Status {
  readonly state: string
  readonly rows: number
  readonly rejected: number
  readonly run: { readonly elapsedMs: number }
}

async function count(daemon: Daemon, rows: number): Promise<BackfillFigures> {
  const before = await daemon.cpu()
  const url = `${daemon.url}/v1/backfill`
  const headers = { 'content-type': 'application/json' }
  await fetch(url, { method: 'POST', headers, body: '{}' })
  let main = 0
  // The thread that reads the file is gone with the last row: what it took is known from before.
  const others = new Map<number, number>()
  for (;;) {
    const { backfills } = (await (await fetch(url)).json()) as { backfills: readonly [Status] }
    const { state, run, rejected, ...status } = backfills[0]
    const cpu = await daemon.cpu()
    main = cpu.main - before.main
    for (const [thread, ns] of cpu.others) others.set(thread, ns - (before.others.get(thread) ?? 0))
    if (state === 'running') {
      await sleep(pollMs)
      continue
    }
    if (state !== 'complete' || status.rows !== rows || rejected > 0) {
      throw new Error(`not every row is counted: ${JSON.stringify(backfills)}`)
    }
    const [busiest = 0, next = 0, ...rest] = [...others.values()].toSorted((a, b) => b - a)
    return {
      rows,
      seconds: run.elapsedMs / 1000,
      rowsPerSecond: (rows / run.elapsedMs) * 1000,
      mainNs: main / rows,
      busiestNs: busiest / rows,
      nextNs: next / rows,
      restNs: rest.reduce((sum, ns) => sum + ns, 0) / rows,
      rssBytes: await daemon.rssBytesMax(),
    }
  }
}

/** Of each airport, all features, as the daemon must answer: whole numbers as text. */
function expectedSql(file: string): string {
  const within = (window: string): string => {
    const ms = parseDuration(window, 'window')
    const tile = sawtoothTileMs(ms)
    return `FILTER (ms >= (edge - ${ms}) // ${tile} * ${tile})`
  }
  const columns = ['1h', '1d', '7d', '30d'].flatMap((window) => [
    `'delay_count_${window}': nullif(count(*) ${within(window)}, 0)::VARCHAR`,
    `'delay_mean_${window}': sum(delay) ${within(window)}::DOUBLE / count(*) ${within(window)}`,
    `'delay_max_${window}': (max(delay) ${within(window)})::VARCHAR`,
  ])
  return `WITH
    flight AS (
      SELECT *, epoch_ms(date) AS ms FROM read_parquet(${sqlText(file)}, file_row_number = true)
    ),
    edge AS (SELECT max(ms) AS edge FROM flight)
    SELECT origin,
      to_json({ ${columns.join(', ')},
        'destination_last_7d': last(destination ORDER BY ms, file_row_number) ${within('7d')} }),
      to_json({
        'distance_sum_30d': (sum(distance) ${within('30d')})::VARCHAR,
        'distance_mean_30d': sum(distance) ${within('30d')}::DOUBLE / count(*) ${within('30d')} })
    FROM flight, edge GROUP BY origin ORDER BY origin`
}

/**
 * Compares every feature of every airport.
 *
 * @returns a line for each airport.
 * @throws at the first that is not the same.
 */
async function check(url: string, expected: readonly (readonly unknown[])[]): Promise<string[]> {
  const keys = expected.map(([origin]) => ({ origin }))
  const views: Record<string, unknown>[][] = []
  for (const view of ['delays', 'distances']) {
    const response = await fetch(`${url}/v1/features/${view}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ keys }),
    })
    const { rows } = (await response.json()) as { rows: { values: Record<string, unknown> }[] }
    views.push(rows.map(({ values }) => values))
  }
  return expected.map(([origin, ...rows], n) => {
    const lines = rows.map((json, view) => {
      const values = JSON.parse(json as string) as Record<string, unknown>
      for (const [name, value] of Object.entries(values)) {
        const actual = views[view]![n]![name]
        if (actual === value) continue
        throw new Error(`${String(origin)}: ${name} is ${String(actual)}, not ${String(value)}`)
      }
      return JSON.stringify(values)
    })
    return [origin, ...lines].join(' ')
  })
}
