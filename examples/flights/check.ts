/**
 * Every function at random points of the stream: read from a daemon, and compared with DuckDB.
 *
 * The stream stops at random moments: every flight up to there is acknowledged, none after it has
 * been sent. Then some airports are read, in all windows of `every-function.ts`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FeatureVector, MillraceClient } from 'millrace'
import { PointComparison, type PointReading } from './check-report.ts'
import { startDaemon, type Daemon } from './daemon.ts'
import { continuous, interval, sawtooth } from './every-function.ts'
import { defaultFlightPath, openFlightFile, type FlightFile } from './flight-file.ts'
import { choosePoints, computePoints, type Moment, type PointValues } from './points.ts'
import { createClients, streamFlights, Tally } from './producers.ts'
import { Progress, type Output } from './progress.ts'
import { aborted } from './run.ts'
import { integerText } from './text.ts'

export interface CheckOptions {
  /** The definitions that the daemon serves: path of `every-function.ts`. */
  readonly features: string
  readonly output: Output
  /** How many flights, the first of the file. @defaultValue all of them */
  readonly events?: number
  /** @defaultValue 20 */
  readonly moments?: number
  /** Airports that are read at each moment. @defaultValue 50 */
  readonly airports?: number
  /** Of another number, other points. @defaultValue 1 */
  readonly seed?: number
  /** Ends the check before its time. */
  readonly signal?: AbortSignal
  /** What the values must be. @defaultValue what DuckDB says */
  readonly expect?: (file: FlightFile) => Promise<PointValues>
}

const producerCount = 4

/** @returns the exit code: 0 when every value is as it must be, else 1. */
export async function runCheck(options: CheckOptions): Promise<number> {
  const { features, output, signal, expect = computePoints } = options
  const { moments = 20, airports = 50, seed = 1 } = options
  const file = await openFlightFile(defaultFlightPath(), options.events ?? Infinity)
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-flights-'))
  try {
    const points = await choosePoints(file, { moments, airports, seed })
    const daemon = await startDaemon(features, dataDir)
    try {
      output.write(introductionText(file, points))
      const ended = Promise.race([daemon.died, aborted(signal)])
      const readings = await streamAndRead({ file, points, daemon, output, ended })
      const { text, isRight } = new PointComparison(await expect(file)).reportOf(readings)
      output.write(text)
      return isRight ? 0 : 1
    } finally {
      await daemon.stop()
    }
  } finally {
    file.close()
    await rm(dataDir, { recursive: true })
  }
}

function introductionText({ count }: FlightFile, points: readonly Moment[]): string {
  return [
    '',
    '  Every function, in every kind of window, at random points.',
    '',
    `  flights    the first ${integerText(count)}, into a daemon of its own`,
    `  points     the stream stops at ${points.length} random moments; random airports are read`,
    '  features   all aggregate functions over 1 h, 1 d and 7 d: sawtooth, continuous, and in',
    '             intervals of half an hour; then DuckDB computes them from the file',
    '',
    '',
  ].join('\n')
}

async function streamAndRead({
  file,
  points,
  daemon,
  output,
  ended,
}: {
  readonly file: FlightFile
  readonly points: readonly Moment[]
  readonly daemon: Daemon
  readonly output: Output
  /** Rejects when there is no point in going on. */
  readonly ended: Promise<never>
}): Promise<PointReading[]> {
  const clients = createClients(daemon.url, producerCount)
  const tally = new Tally()
  const progress = new Progress(file.count, tally, output)
  const readings: PointReading[] = []
  const streaming = streamFlights({
    file,
    clients,
    tally,
    onReceipt: () => progress.update(),
    pauses: points.map(({ flights, airports }) => ({
      flights,
      run: async () => {
        readings.push(...(await readPoints(clients[0]!, flights, airports)))
      },
    })),
  })
  try {
    await Promise.race([streaming, ended])
    progress.clear()
    if (tally.accepted !== file.count) throw new Error(`a flight was rejected: ${tally.rejection}`)
    return readings
  } finally {
    await Promise.all(clients.map((client) => client.close()))
    await streaming.catch(() => {})
  }
}

/** The features of all views for some airports, as they are now. */
async function readPoints(
  client: MillraceClient,
  flights: number,
  airports: readonly string[],
): Promise<PointReading[]> {
  const keys = airports.map((origin) => ({ origin }))
  const readings: PointReading[] = []
  for (const view of [sawtooth, interval, continuous]) {
    const vectors: FeatureVector[] = await client.get(view, keys)
    const { mode } = view
    readings.push(
      ...vectors.map(({ values, edges }, n) => ({
        flights,
        airport: airports[n]!,
        mode,
        values,
        edges,
      })),
    )
  }
  return readings
}
