/**
 * The demo: real flights through a real daemon, and every feature compared with DuckDB.
 *
 * Everything it starts and writes is gone afterwards: the daemon, by its own process id, and its
 * directory, unless that is to be kept.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MillraceClient } from 'millrace'
import { peakMemory, startDaemon, type Daemon } from './daemon.ts'
import { computeFeatures, type AirportFeatures } from './expected.ts'
import { departures } from './features.ts'
import { defaultFlightPath, openFlightFile, type FlightFile } from './flight-file.ts'
import { createClients, streamFlights, Tally } from './producers.ts'
import { Progress, type Output } from './progress.ts'
import { introductionText, keptText, reportOf, type Outcome } from './report.ts'

export interface DemoOptions {
  /** The definitions that the daemon serves: path of `features.ts`. */
  readonly features: string
  readonly output: Output
  /** How many flights, the first of the file. @defaultValue all of them */
  readonly events?: number
  /** Whether the daemon's directory stays. @defaultValue false */
  readonly keep?: boolean
  /** Ends the demo before its time. */
  readonly signal?: AbortSignal
  /** What the answers must be. @defaultValue what DuckDB says */
  readonly expect?: (file: FlightFile) => Promise<AirportFeatures[]>
}

const producerCount = 4
const timedReads = 100

/** @returns the exit code: 0 when every flight was counted and every value is equal, else 1. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { features, output, keep = false, signal, expect = computeFeatures } = options
  const file = await openFlightFile(defaultFlightPath(), options.events ?? Infinity)
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-flights-'))
  try {
    const daemon = await startDaemon(features, dataDir)
    try {
      output.write(introductionText({ file, url: daemon.url, pid: daemon.pid, dataDir }))
      const ended = Promise.race([daemon.died, aborted(signal)])
      const answered = await streamAndRead({ file, daemon, output, ended })
      const { text, isRight } = reportOf({ ...answered, file, expected: await expect(file) })
      output.write(text)
      return isRight ? 0 : 1
    } finally {
      await daemon.stop()
    }
  } finally {
    file.close()
    if (keep) output.write(keptText(features, dataDir))
    else await rm(dataDir, { recursive: true })
  }
}

/** Rejects when the signal says so; never resolves. */
export function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(signal!.reason as Error)
    if (signal?.aborted === true) end()
    else signal?.addEventListener('abort', end, { once: true })
  })
}

async function streamAndRead({
  file,
  daemon,
  output,
  ended,
}: {
  readonly file: FlightFile
  readonly daemon: Daemon
  readonly output: Output
  /** Rejects when there is no point in going on. */
  readonly ended: Promise<never>
}): Promise<Omit<Outcome, 'file' | 'expected'>> {
  const clients = createClients(daemon.url, producerCount)
  const tally = new Tally()
  const progress = new Progress(file.count, tally, output)
  const onReceipt = (): void => progress.update()
  const streaming = streamFlights({ file, clients, tally, onReceipt })
  try {
    await Promise.race([streaming, ended])
    const streamMs = progress.elapsedMs
    progress.clear()
    const readStartMs = performance.now()
    const actual = await readFeatures(clients[0]!, file.airports)
    const readMs = performance.now() - readStartMs
    const singleReadMs = await timeReads(clients[0]!, actual.slice(0, timedReads))
    const peakBytes = { daemon: await peakMemory(daemon.pid), demo: await peakMemory(process.pid) }
    return { tally, streamMs, readMs, singleReadMs, actual, peakBytes }
  } finally {
    await Promise.all(clients.map((client) => client.close()))
    // It reads the file until it learns that its clients are closed.
    await streaming.catch(() => {})
  }
}

/** The features of every airport that has any, in one read. */
async function readFeatures(
  client: MillraceClient,
  airports: readonly string[],
): Promise<AirportFeatures[]> {
  const vectors = await client.get(
    departures,
    airports.map((origin) => ({ origin })),
  )
  return vectors.flatMap(({ values, newest, edges }, n) => {
    // All features are of one view, and so from the same events.
    const newestMs = newest.departures_365d?.getTime()
    if (newestMs === undefined) return []
    const edgeMs = edges.departures_365d.getTime()
    return [{ airport: airports[n]!, values, newestMs, edgeMs }]
  })
}

/** Reads airports one after the other. @returns how long each took, ms. */
async function timeReads(
  client: MillraceClient,
  airports: readonly AirportFeatures[],
): Promise<number[]> {
  const tookMs: number[] = []
  for (const { airport } of airports) {
    const startMs = performance.now()
    await client.get(departures, { origin: airport })
    tookMs.push(performance.now() - startMs)
  }
  return tookMs
}
