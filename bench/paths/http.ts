/**
 * `http`: how fast are single records taken and feature vectors read in the dialect of the hosted
 * platform, a request each?
 *
 * A record is answered when it is on disk and features show it. What was taken is counted at the
 * end by reading it: as many as were answered, and no more than were sent. A vector is of ten views
 * with three aggregates each; some of them are compared with what was sent before. Beside it stands
 * what the same generator gets from a server that does nothing.
 */
import { extname } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { startDaemon, type Daemon } from '../daemon.ts'
import { checksum, defineBench, latencies, type Settings, type Values } from '../harness.ts'
import type { Gauge } from '../gauge.ts'
import { httpGet, httpPost, runHttp, type HttpLoadOptions } from '../http-load.ts'
import { startHello } from '../peers/hello.ts'
import { userId } from '../workload.ts'

const options = {
  keys: { standard: 1000, smoke: 50, description: 'Different entity keys' },
  rate: { standard: 1000, smoke: 200, description: 'Records a second in the open loop' },
  'read-rate': { standard: 1000, smoke: 200, description: 'Vectors a second in the open loop' },
  connections: { standard: 64, smoke: 8, description: 'HTTP connections' },
  warmup: { standard: 1, smoke: 0.05, description: 'Seconds before each of those that count' },
  seconds: { standard: 4, smoke: 0.15, description: 'Seconds of each part that are measured' },
} as const

type Sizes = Values<typeof options>
type Figures = ReturnType<typeof figuresOf>

/** Payments of each key before anything is read. */
const payments = 8

/** Views of a vector. */
const views = 10

/** Of so many vectors one is checked. */
const keptOneIn = 20

const features = new URL(`../http-features${extname(import.meta.url)}`, import.meta.url)
const getFeatures = '/api/v1/feature-service/get-features'

export const http = defineBench({
  name: 'http',
  question: 'How fast are single records taken and vectors read as the hosted platform does it?',
  options,
  headline: 'getFeaturesMaxPerSecond',
  columns: {
    'records/s': ({ ingestMaxPerSecond }: Figures) => String(ingestMaxPerSecond),
    'at 1000/s: p50 ms': ({ ingest1kMs }) => ingest1kMs.p50.toFixed(2),
    'p99 ms': ({ ingest1kMs }) => ingest1kMs.p99.toFixed(2),
    'vectors/s': ({ getFeaturesMaxPerSecond }) => String(getFeaturesMaxPerSecond),
    'min – max': ({ min, max }) => `${min} – ${max}`,
    'its p50 ms': ({ getFeaturesMs }) => getFeaturesMs.p50.toFixed(2),
    'its p99 ms': ({ getFeaturesMs }) => getFeaturesMs.p99.toFixed(2),
    'hello-world/s': ({ helloWorldPerSecond }) => String(helloWorldPerSecond),
    'hello p50 ms': ({ helloWorldMs }) => helloWorldMs.p50.toFixed(2),
    'hello p99 ms': ({ helloWorldMs }) => helloWorldMs.p99.toFixed(2),
  },
  rows: [{}],
  measure,
})

async function measure(values: Sizes, { seed, profileDir }: Settings) {
  const helloWorld = await startHello()
  const daemon = await startDaemon({ profileDir, features })
  try {
    const load = loadOf(values, daemon)
    const hello = { ...load, ...helloWorld, requests: [httpGet('/')], keptOneIn }
    const idle = await runHttp({ ...hello, rate: values.rate })
    const most = await runHttp({ ...hello, rate: null })
    const records = await measureRecords(values, seed, daemon, load)
    const vectors = await measureVectors(values, seed, daemon, load)
    const lines = Array.from({ length: values.keys }, (_, key) => vectorText(key, seed))
    const figures = figuresOf({ records, vectors, hello: { idle, most } })
    return { figures, checksum: checksum(lines) }
  } finally {
    await helloWorld.stop()
    await daemon.stop()
  }
}

/** One load in an open loop, and as much of it as goes in a closed one. */
interface Loops {
  readonly idle: Gauge<string>
  readonly most: Gauge<string>
}

async function measureRecords(
  values: Sizes,
  seed: number,
  daemon: Daemon,
  load: Load,
): Promise<Loops> {
  const records = recordsOf(values, seed)
  const idle = await runHttp({ ...load, ...records, rate: values.rate })
  const most = await runHttp({ ...load, ...records, rate: null })
  await assertCounted(daemon, values, idle.kept.length + most.kept.length)
  return { idle, most }
}

async function measureVectors(
  values: Sizes,
  seed: number,
  daemon: Daemon,
  load: Load,
): Promise<Loops> {
  await pay(daemon, values, seed)
  const vectors = vectorsOf(values)
  const idle = await runHttp({ ...load, ...vectors, rate: values['read-rate'] })
  const most = await runHttp({ ...load, ...vectors, rate: null })
  for (const { request, answer } of [...idle.kept, ...most.kept]) {
    assertVector(answer, vectorText(request, seed))
  }
  return { idle, most }
}

function figuresOf({ records, vectors, hello }: Record<'records' | 'vectors' | 'hello', Loops>) {
  const ratio = ({ most }: Loops): number => most.answersPerSecond / hello.most.answersPerSecond
  return {
    ingest1kMs: latencies(records.idle.latencyUs),
    ingestMaxPerSecond: Math.round(records.most.answersPerSecond),
    getFeaturesMs: latencies(vectors.idle.latencyUs),
    getFeaturesMaxPerSecond: Math.round(vectors.most.answersPerSecond),
    /** At the rate of the records. */
    helloWorldMs: latencies(hello.idle.latencyUs),
    helloWorldPerSecond: Math.round(hello.most.answersPerSecond),
    ratioToHelloWorld: { records: ratio(records), vectors: ratio(vectors) },
    /** CPU time. */
    cpuUs: {
      recordMain: records.most.cpuUs.main,
      recordShard: records.most.cpuUs.shard,
      vectorMain: vectors.most.cpuUs.main,
      vectorShard: vectors.most.cpuUs.shard,
      helloWorld: hello.most.cpuUs.main,
    },
    /** Of each measured time: how long the thread that sends and receives was not idle. */
    generatorBusyShare: {
      records: records.most.busyShare,
      vectors: vectors.most.busyShare,
      helloWorld: hello.most.busyShare,
    },
  }
}

type Load = ReturnType<typeof loadOf>

function loadOf({ connections, warmup, seconds }: Sizes, { url, cpu }: Daemon) {
  return { url, cpu, connections, warmupMs: warmup * 1000, measuredMs: seconds * 1000 }
}

type Requests = Pick<HttpLoadOptions, 'requests' | 'keptOneIn'>

/** Every answer is kept: they are counted. */
function recordsOf({ keys }: Sizes, seed: number): Requests {
  const timestamp = new Date(systemClock.nowMs()).toISOString()
  const requests = Array.from({ length: keys }, (_, key) => {
    const record = { user_id: userId(key), timestamp, amount: amountOf(key, 0, seed) }
    const records = { clicks: [{ record }] }
    return httpPost('/ingest', { workspace_name: 'bench', dry_run: false, records })
  })
  return { requests, keptOneIn: 1 }
}

function vectorsOf({ keys }: Sizes): Requests {
  const requests = Array.from({ length: keys }, (_, key) =>
    httpPost(getFeatures, {
      params: {
        workspace_name: 'bench',
        feature_service_name: 'profile',
        join_key_map: { user_id: userId(key) },
      },
    }),
  )
  return { requests, keptOneIn }
}

/** Requests that were cut at the end may have counted, and nobody was told. */
async function assertCounted(daemon: Daemon, values: Sizes, answered: number): Promise<void> {
  const requestData = Array.from({ length: values.keys }, (_, key) => ({
    joinKeyMap: { user_id: userId(key) },
  }))
  const params = { workspaceName: 'bench', featureViewName: 'clicked', requestData }
  const { result } = (await post(daemon, `${getFeatures}-batch`, { params })) as {
    result: { features: [string | null] }[]
  }
  const counted = result.reduce((sum, { features: [count] }) => sum + Number(count), 0)
  if (counted >= answered && counted <= answered + values.connections) return
  throw new Error(`${answered} records were answered, and ${counted} counted`)
}

async function pay(daemon: Daemon, { keys }: Sizes, seed: number): Promise<void> {
  const timestamp = new Date(systemClock.nowMs()).toISOString()
  for (let key = 0; key < keys; key++) {
    const amounts = amountsOf(key, seed)
    const records = {
      payments: amounts.map((amount) => ({ record: { user_id: userId(key), timestamp, amount } })),
    }
    await post(daemon, '/ingest', { workspace_name: 'bench', dry_run: false, records })
  }
}

function amountsOf(key: number, seed: number): number[] {
  return Array.from({ length: payments }, (_, n) => amountOf(key, n, seed))
}

/** A multiple of 1/8, so that sums are exact. */
function amountOf(key: number, n: number, seed: number): number {
  return (key + n * seed) / 8
}

function vectorText(key: number, seed: number): string {
  const amounts = amountsOf(key, seed)
  const sum = amounts.reduce((total, amount) => total + amount, 0)
  const view = [String(payments), sum / payments, sum]
  const features = Array.from({ length: views }, () => view).flat()
  return JSON.stringify({ result: { features } })
}

function assertVector(answer: string, expected: string): void {
  if (answer !== expected) throw new Error(`${answer} is not ${expected}`)
}

async function post({ url }: Daemon, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${text}`)
  return JSON.parse(text)
}
