/**
 * `read`: how fast features are read by key, over HTTP and over a WebSocket, with and without
 * ingest beside it.
 *
 * A key has some hundred events over the last 23 hours, and is asked for ten features: five
 * aggregates over an hour and a day, of some thirty tiles. The most that HTTP can do is compared
 * with what the same generator gets from a server that does nothing, in the same run. Some answers
 * of every kind are compared with what was sent; a run in which one differs has no result.
 */
import { decodeServerFrame } from '../../src/wire/protocol.ts'
import { startDaemon, type Daemon } from '../daemon.ts'
import {
  checksum,
  defineBench,
  latencies,
  type Measurement,
  type Settings,
  type Values,
} from '../harness.ts'
import type { Gauge } from '../gauge.ts'
import { httpGet, runHttp, type HttpLoadOptions } from '../http-load.ts'
import { beginLoad, runLoad } from '../load.ts'
import { startHello } from '../peers/hello.ts'
import { runStream } from '../stream-load.ts'
import { backMsOf, createImpressions, userId } from '../workload.ts'
import { checkAll, rowsOf, SentEvents } from './read-check.ts'

const options = {
  keys: { standard: 10_000, smoke: 100, description: 'Different entity keys' },
  events: { standard: 1_000_000, smoke: 5000, description: 'Events sent before anything is read' },
  most: {
    standard: 2_000_000,
    smoke: 40_000,
    description: 'Events sent to find the most that the daemon takes',
  },
  rate: { standard: 5000, smoke: 500, description: 'HTTP requests a second in the open loops' },
  connections: { standard: 64, smoke: 4, description: 'HTTP connections' },
  warmup: { standard: 1, smoke: 0.05, description: 'Seconds before each of those that count' },
  seconds: { standard: 4, smoke: 0.15, description: 'Seconds of each part that are measured' },
} as const

const service = 'spending'
const features = 10

/** Keys that are read, at most; all of them are checked. */
const readKeysMax = 1000

/** Events lie back evenly, up to less than the day that counts them, ms. */
const backMsMax = 23 * 3_600_000

/** Events in a frame of the ingest beside reads, and events in flight to find its maximum. */
const frameEvents = 1000
const inFlight = 20_000

/** Of so many answers one is checked. */
const keptOneIn = 50

type ReadFigures = ReturnType<typeof figuresOf>

export const read = defineBench({
  name: 'read',
  question: 'How fast are features read by key, over HTTP and WebSockets, with ingest and without?',
  options,
  headline: 'requestsPerSecond',
  columns: {
    'HTTP/s': ({ requestsPerSecond }: ReadFigures) => grouped(requestsPerSecond),
    'min – max': ({ min, max }) => `${grouped(min)} – ${grouped(max)}`,
    '/ hello-world': ({ ratioToHelloWorld }) => ratioToHelloWorld.toFixed(2),
    'main µs': ({ cpuUs }) => cpuUs.requestMain.toFixed(1),
    'shard µs': ({ cpuUs }) => cpuUs.requestShard.toFixed(1),
    'hello µs': ({ cpuUs }) => cpuUs.helloWorld.toFixed(1),
    'p50 ms': ({ httpMs }) => httpMs.p50.toFixed(2),
    'p99 ms': ({ httpMs }) => httpMs.p99.toFixed(2),
    'max ms': ({ httpMs }) => httpMs.max.toFixed(1),
    'ingest events/s': ({ ingestEventsPerSecond }) => grouped(ingestEventsPerSecond),
    'its p50 ms': ({ httpIngestMs }) => httpIngestMs.p50.toFixed(2),
    'its p99 ms': ({ httpIngestMs }) => httpIngestMs.p99.toFixed(2),
    'its max ms': ({ httpIngestMs }) => httpIngestMs.max.toFixed(1),
    'vectors/s': ({ vectorsPerSecond }) => grouped(vectorsPerSecond),
    'a key of 10 µs': ({ keyUsP99 }) => keyUsP99.of10.toFixed(1),
    'of 100': ({ keyUsP99 }) => keyUsP99.of100.toFixed(1),
    'of 1000': ({ keyUsP99 }) => keyUsP99.of1000.toFixed(1),
  },
  rows: [{}],
  measure,
})

type Sizes = Values<typeof options>

async function measure(
  values: Sizes,
  { seed, profileDir }: Settings,
): Promise<Measurement<ReadFigures>> {
  const sent = new SentEvents(values.keys, Math.min(values.keys, readKeysMax))
  const helloWorld = await startHello()
  const daemon = await startDaemon({ profileDir })
  try {
    const before = { keys: values.keys, zipf: 0, frameEvents, seed, backMsMax }
    await fill(values, before, daemon, sent)
    const http = httpOptions(values, daemon, sent)
    const most = await runHttp({ ...http, rate: null })
    const { url, cpu } = helloWorld
    const hello = await runHttp({ ...http, rate: null, url, cpu, requests: [httpGet('/')] })
    const idle = await runHttp(http)
    checkHttp(sent, most)
    checkHttp(sent, idle)
    const stream = await runStreams(values, daemon, sent)
    const ingest = await runBesideIngest(values, seed, daemon, sent, http)
    const lines = await checkAll(daemon.url, sent)
    const figures = figuresOf({ values, most, hello, idle, stream, ingest })
    return { figures, checksum: checksum(lines) }
  } finally {
    await helloWorld.stop()
    await daemon.stop()
  }
}

/** Sends what is read later. */
async function fill(
  { events }: Sizes,
  about: Parameters<typeof createImpressions>[0],
  { url }: Daemon,
  sent: SentEvents,
): Promise<void> {
  const workload = createImpressions(about)
  const loop = { kind: 'closed', inFlight } as const
  const times = { warmupMs: 0, measuredMs: 0 }
  const load = await runLoad({ url, workload, connections: 4, loop, events, ...times })
  const { frameTimesMs } = load
  sent.add({ workload, frameTimesMs, backMsOf: (n) => backMsOf(about, n) })
}

function httpOptions(values: Sizes, { url, cpu }: Daemon, { keys }: SentEvents): HttpLoadOptions {
  const { connections, rate, warmup, seconds } = values
  const requests = keys.map((key) => httpGet(`/v1/features/${service}?user_id=${userId(key)}`))
  const times = { warmupMs: warmup * 1000, measuredMs: seconds * 1000 }
  return { url, cpu, requests, connections, rate, keptOneIn, ...times }
}

function checkHttp(sent: SentEvents, { kept }: Gauge<string>): void {
  for (const { request, answer } of kept) {
    const { edgeMs, values } = rowsOf(answer)[0]!
    sent.check(request, edgeMs, values)
  }
}

/** Batches of 100 as many as go; and of each size one after the other. */
async function runStreams({ warmup, seconds }: Sizes, { url, cpu }: Daemon, sent: SentEvents) {
  const batches = async (keysPerRead: number, connections: number, inFlight: number) => {
    const count = 16 * connections * inFlight
    const places = Array.from({ length: count }, (_, id) =>
      Array.from({ length: keysPerRead }, (_, n) => (id * 37 + n) % sent.keys.length),
    )
    const gauge = await runStream({
      url,
      cpu,
      service,
      reads: places.map((each) => each.map((n) => ({ user_id: userId(sent.keys[n]!) }))),
      connections,
      inFlight,
      keptOneIn,
      warmupMs: warmup * 1000,
      measuredMs: seconds * 1000,
    })
    checkStream(sent, gauge, places)
    return gauge
  }
  return {
    most: await batches(100, 4, 2),
    of10: await batches(10, 1, 1),
    of100: await batches(100, 1, 1),
    of1000: await batches(1000, 1, 1),
  }
}

function checkStream(
  sent: SentEvents,
  { kept }: Gauge<Uint8Array>,
  places: readonly (readonly number[])[],
): void {
  for (const { request, answer } of kept) {
    const frame = decodeServerFrame(answer)
    if (frame?.kind !== 'features') throw new Error('a READ is not answered by FEATURES')
    const { names, rows } = frame.table
    for (const [n, place] of places[request]!.entries()) {
      const { values, edgeNs } = rows[n]!
      const named = Object.fromEntries(names.map((name, i) => [name, values[i]]))
      sent.check(place, Number(edgeNs[0]! / 1_000_000n), named)
    }
  }
}

/** The open loop again, with ingest at half of the rate that it reaches alone. */
async function runBesideIngest(
  values: Sizes,
  seed: number,
  { url }: Daemon,
  sent: SentEvents,
  http: HttpLoadOptions,
) {
  const { keys, warmup, most: events } = values
  const before = new SentEvents(keys, sent.keys.length)
  const workloadOf = (more: number) =>
    createImpressions({ keys, zipf: 0, frameEvents, seed: seed + more })
  const common = { url, connections: 4, warmupMs: warmup * 1000 }
  const closed = { kind: 'closed', inFlight } as const
  const alone = workloadOf(1)
  const counted = { ...common, measuredMs: 0, events, producer: 'alone' }
  const most = await runLoad({ ...counted, workload: alone, loop: closed })
  const rate = ((most.events / most.measuredMs) * 1000) / 2
  const beside = workloadOf(2)
  const unended = { ...common, measuredMs: 3_600_000, events: 0, producer: 'beside' }
  const load = beginLoad({ ...unended, workload: beside, loop: { kind: 'open', rate } })
  const gauge = await runHttp(http).finally(() => load.stop())
  const { frameTimesMs } = await load.ended
  sent.add({ workload: alone, frameTimesMs: most.frameTimesMs })
  before.copy(sent)
  sent.add({ workload: beside, frameTimesMs })
  for (const { request, answer } of gauge.kept) {
    const { edgeMs, values } = rowsOf(answer)[0]!
    sent.checkBetween(before, request, edgeMs, values)
  }
  return { gauge, rate }
}

interface Measured {
  readonly values: Sizes
  readonly most: Gauge<string>
  readonly hello: Gauge<string>
  readonly idle: Gauge<string>
  readonly stream: Readonly<Record<'most' | 'of10' | 'of100' | 'of1000', Gauge<Uint8Array>>>
  readonly ingest: { readonly gauge: Gauge<string>; readonly rate: number }
}

function figuresOf({ values, most, hello, idle, stream, ingest }: Measured) {
  const keyUs = (gauge: Gauge<Uint8Array>, keys: number): number =>
    gauge.latencyUs.percentile(99) / keys
  return {
    requestsPerSecond: Math.round(most.answersPerSecond),
    helloWorldPerSecond: Math.round(hello.answersPerSecond),
    ratioToHelloWorld: most.answersPerSecond / hello.answersPerSecond,
    httpMs: latencies(idle.latencyUs),
    httpIngestMs: latencies(ingest.gauge.latencyUs),
    ingestEventsPerSecond: Math.round(ingest.rate),
    vectorsPerSecond: Math.round(stream.most.answersPerSecond * 100),
    keyUsP99: {
      of10: keyUs(stream.of10, 10),
      of100: keyUs(stream.of100, 100),
      of1000: keyUs(stream.of1000, 1000),
    },
    /** CPU time, of which other programs on the machine take less than of the time. */
    cpuUs: {
      requestMain: most.cpuUs.main,
      requestShard: most.cpuUs.shard,
      helloWorld: hello.cpuUs.main,
      vectorMain: stream.most.cpuUs.main / 100,
      vectorShard: stream.most.cpuUs.shard / 100,
    },
    /** Of each measured time: how long the thread that sends and receives was not idle. */
    generatorBusyShare: {
      http: most.busyShare,
      helloWorld: hello.busyShare,
      open: idle.busyShare,
      stream: stream.most.busyShare,
    },
    keys: values.keys,
    rate: values.rate,
    connections: values.connections,
    features,
  }
}

function grouped(number: number): string {
  return String(Math.round(number)).replaceAll(/(?<=\d)(?=(\d{3})+$)/g, ' ')
}
