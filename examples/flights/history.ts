/**
 * `npm run demo:history`: the flights before May from the file, by a backfill, those from then on
 * as a stream, both at once; then every feature is compared with DuckDB's over all of them.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { MillraceClient } from 'millrace'
import { differencesOf, differenceText } from './comparison.ts'
import { peakMemory, startDaemon } from './daemon.ts'
import { computeFeatures, type AirportFeatures } from './expected.ts'
import {
  defaultFlightPath,
  openFlightFile,
  type FlightChunk,
  type FlightFile,
} from './flight-file.ts'
import { departures } from './history-features.ts'
import { createClients, streamFlights, Tally } from './producers.ts'
import { integerText, mibText } from './text.ts'

const features = 'examples/flights/history-features.ts'
const boundaryMs = Date.UTC(2001, 4, 1)

interface Backfill {
  readonly state: string
  readonly rows: number
  readonly run: { readonly elapsedMs: number }
  readonly error: { readonly message: string } | null
}

const { stdout } = process
const say = (line: string): void => void stdout.write(`  ${line}\n`)

const file = await openFlightFile(defaultFlightPath(), Infinity)
const dataDir = await mkdtemp(join(tmpdir(), 'millrace-history-'))
const daemon = await startDaemon(features, dataDir)
const clients = createClients(daemon.url, 4)
try {
  await backfillsOf({ method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
  const tally = new Tally()
  const onReceipt = (): void => {}
  const streaming = streamFlights({ file: streamOf(file), clients, tally, onReceipt })
  const [past] = await Promise.all([backfilled(), streaming])
  const rate = (past.rows / past.run.elapsedMs) * 1000
  say(`backfill   ${integerText(past.rows)} flights, ${integerText(rate)} rows/s`)
  say(`stream     ${integerText(tally.accepted)} flights meanwhile`)
  const memory = await peakMemory(daemon.pid)
  if (memory !== null) say(`memory     ${mibText(memory)} at most`)
  const differences = await compare(clients[0]!)
  for (const difference of differences.slice(0, 20)) say(`≠ ${difference}`)
  const isWhole = past.rows + tally.accepted === file.count
  const isRight = isWhole && differences.length === 0
  say(isRight ? "every feature equals DuckDB's: each flight counts once" : 'not as it must be')
  process.exitCode = isRight ? 0 : 1
} finally {
  await Promise.all(clients.map((client) => client.close()))
  await daemon.stop()
  file.close()
  await rm(dataDir, { recursive: true })
}

async function backfillsOf(init: RequestInit = {}): Promise<readonly Backfill[]> {
  const response = await fetch(`${daemon.url}/v1/backfill`, init)
  return ((await response.json()) as { backfills: readonly Backfill[] }).backfills
}

async function backfilled(): Promise<Backfill> {
  for (;;) {
    const [backfill] = await backfillsOf()
    if (backfill!.state === 'complete') return backfill!
    if (backfill!.error !== null) throw new Error(backfill!.error.message)
    await Promise.race([delay(500), daemon.died])
  }
}

/** The flights from the boundary on. */
function streamOf(all: FlightFile): FlightFile {
  async function* chunks(): AsyncGenerator<FlightChunk> {
    for await (const chunk of all.chunks()) {
      const places = [...chunk.dateMs.keys()].filter((i) => chunk.dateMs[i]! >= boundaryMs)
      if (places.length === 0) continue
      yield {
        count: places.length,
        dateMs: Float64Array.from(places, (i) => chunk.dateMs[i]!),
        delay: Float64Array.from(places, (i) => chunk.delay[i]!),
        distance: Float64Array.from(places, (i) => chunk.distance[i]!),
        origin: Uint8Array.from(places, (i) => chunk.origin[i]!),
        destination: Uint8Array.from(places, (i) => chunk.destination[i]!),
      }
    }
  }
  return { ...all, chunks }
}

/** What is read, against what DuckDB computes of the whole file. */
async function compare(client: MillraceClient): Promise<string[]> {
  const expected = await computeFeatures(file)
  const keys = expected.map(({ airport }) => ({ origin: airport }))
  const vectors = await client.get(departures, keys)
  return vectors.flatMap(({ values, newest, edges }, n) => {
    const newestMs = newest.departures_365d?.getTime() ?? Number.NaN
    const edgeMs = edges.departures_365d.getTime()
    const actual: AirportFeatures = { airport: expected[n]!.airport, values, newestMs, edgeMs }
    return differencesOf({ actual, expected: expected[n]! }).map(differenceText)
  })
}
