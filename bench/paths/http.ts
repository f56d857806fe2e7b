/**
 * `http`: how fast are single records taken and feature vectors read in the dialect of the hosted
 * platform, a request each?
 *
 * A record is answered when it is on disk and features show it. What was taken is counted at the
 * end by reading it: as many as were answered, and no more than were sent. A vector is of ten views
 * with three aggregates each; some of them are compared with what was sent before.
 */
import { extname } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { startDaemon, type Daemon } from '../daemon.ts'
import { checksum, defineBench, latencies, type Settings, type Values } from '../harness.ts'
import { httpPost, runHttp, type HttpLoadOptions } from '../http-load.ts'
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
  },
  rows: [{}],
  measure,
})

async function measure(values: Sizes, { profileDir }: Settings) {
  const daemon = await startDaemon({ profileDir, features })
  try {
    const load = loadOf(values, daemon)
    const records = recordsOf(values)
    const taken = await runHttp({ ...load, ...records, rate: values.rate })
    const most = await runHttp({ ...load, ...records, rate: null })
    const answered = taken.kept.length + most.kept.length
    await assertCounted(daemon, values, answered)
    await pay(daemon, values)
    const vectors = vectorsOf(values)
    const read = await runHttp({ ...load, ...vectors, rate: values['read-rate'] })
    const reads = await runHttp({ ...load, ...vectors, rate: null })
    for (const { request, answer } of [...read.kept, ...reads.kept]) assertVector(request, answer)
    const lines = Array.from({ length: values.keys }, (_, key) => vectorText(key))
    return { figures: figuresOf({ taken, most, read, reads }), checksum: checksum(lines) }
  } finally {
    await daemon.stop()
  }
}

type Gauges = Readonly<
  Record<'taken' | 'most' | 'read' | 'reads', Awaited<ReturnType<typeof runHttp>>>
>

function figuresOf({ taken, most, read, reads }: Gauges) {
  return {
    ingest1kMs: latencies(taken.latencyUs),
    ingestMaxPerSecond: Math.round(most.answersPerSecond),
    getFeaturesMs: latencies(read.latencyUs),
    getFeaturesMaxPerSecond: Math.round(reads.answersPerSecond),
    /** CPU time. */
    cpuUs: {
      recordMain: most.cpuUs.main,
      recordShard: most.cpuUs.shard,
      vectorMain: reads.cpuUs.main,
      vectorShard: reads.cpuUs.shard,
    },
    /** Of each measured time: how long the thread that sends and receives was not idle. */
    generatorBusyShare: { records: most.busyShare, vectors: reads.busyShare },
  }
}

function loadOf({ connections, warmup, seconds }: Sizes, { url, cpu }: Daemon) {
  return { url, cpu, connections, warmupMs: warmup * 1000, measuredMs: seconds * 1000 }
}

type Requests = Pick<HttpLoadOptions, 'requests' | 'keptOneIn'>

/** Every answer is kept: they are counted. */
function recordsOf({ keys }: Sizes): Requests {
  const timestamp = new Date(systemClock.nowMs()).toISOString()
  const requests = Array.from({ length: keys }, (_, key) => {
    const record = { user_id: userId(key), timestamp, amount: key / 8 }
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

async function pay(daemon: Daemon, { keys }: Sizes): Promise<void> {
  const timestamp = new Date(systemClock.nowMs()).toISOString()
  for (let key = 0; key < keys; key++) {
    const amounts = Array.from({ length: payments }, (_, n) => amountOf(key, n))
    const records = {
      payments: amounts.map((amount) => ({ record: { user_id: userId(key), timestamp, amount } })),
    }
    await post(daemon, '/ingest', { workspace_name: 'bench', dry_run: false, records })
  }
}

/** A multiple of 1/8, so that sums are exact. */
function amountOf(key: number, n: number): number {
  return (key + n) / 8
}

function vectorText(key: number): string {
  const amounts = Array.from({ length: payments }, (_, n) => amountOf(key, n))
  const sum = amounts.reduce((total, amount) => total + amount, 0)
  const view = [String(payments), sum / payments, sum]
  const features = Array.from({ length: views }, () => view).flat()
  return JSON.stringify({ result: { features } })
}

function assertVector(key: number, answer: string): void {
  if (answer !== vectorText(key)) throw new Error(`${answer} is not ${vectorText(key)}`)
}

async function post({ url }: Daemon, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${text}`)
  return JSON.parse(text)
}
