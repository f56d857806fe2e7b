/**
 * `peers`: what else one could have, measured in the same run with the same events.
 *
 * Lower bounds of the work, upper bounds of what Millrace is built on, and what someone would
 * otherwise do: each is as good as we could make it, and each is checked. None of them does what
 * Millrace does; `bench/README.md` says what each leaves out.
 */
import {
  defineBench,
  type Figure,
  type Measurement,
  type Settings,
  type Values,
} from '../harness.ts'
import { measureDecode } from '../peers/decode.ts'
import { measureDuckDb } from '../peers/duckdb.ts'
import { measureHello } from '../peers/hello.ts'
import { measurePlain } from '../peers/plain.ts'
import { measureRedis } from '../peers/redis.ts'
import { measureSink } from '../peers/sink.ts'
import { eventsPerSecondOf, grouped, ingestOptions, peerOptions, runIngest } from './ingest.ts'

const options = {
  ...ingestOptions,
  peers: { standard: 2, smoke: 0.1, description: 'Seconds for which each peer is measured' },
  flights: {
    standard: 3_000_000,
    smoke: 20_000,
    description: 'Flights that DuckDB aggregates, the first so many of the file',
  },
} as const

type PeersFigures = Awaited<ReturnType<typeof measure>>['figures']

export const peers = defineBench({
  name: 'peers',
  question: 'How fast is what one would otherwise do, and what bounds it?',
  options,
  headline: 'eventsPerSecond',
  columns: {
    frame: ({ frameEvents }: PeersFigures) => grouped(frameEvents),
    Millrace: ({ eventsPerSecond }) => grouped(eventsPerSecond),
    'min – max': ({ min, max }) => `${grouped(min)} – ${grouped(max)}`,
    decode: ({ peerEventsPerSecond }) => cell(peerEventsPerSecond.decode),
    sink: ({ peerEventsPerSecond }) => cell(peerEventsPerSecond.sink),
    'sink, together': ({ peerEventsPerSecond }) => cell(peerEventsPerSecond.sinkTogether),
    'plain, msgpack': ({ peerEventsPerSecond }) => cell(peerEventsPerSecond.plainMsgpack),
    'plain, JSON': ({ peerEventsPerSecond }) => cell(peerEventsPerSecond.plainJson),
    'Redis, pipeline': ({ peerEventsPerSecond }) => cell(peerEventsPerSecond.redisPipeline),
    'Redis, Lua': ({ peerEventsPerSecond }) => cell(peerEventsPerSecond.redisLua),
    DuckDB: ({ peerEventsPerSecond }) => cell(peerEventsPerSecond.duckdb),
    'fastify, requests/s': ({ fastifyRequestsPerSecond }) => grouped(fastifyRequestsPerSecond),
  },
  rows: [1, 100, 1000].map((frame) => ({
    frame,
    connections: frame === 1 ? 50 : 4,
    'in-flight': frame === 1 ? 2000 : 14_000,
    warmup: 2,
    seconds: 4,
  })),
  measure,
})

async function measure(values: Values<typeof options>, settings: Settings) {
  const each = peerOptions(values, settings)
  const redis = await measureRedis(each)
  const peerEventsPerSecond = {
    decode: await measureDecode(each),
    sink: await measureSink(each, 'each'),
    sinkTogether: await measureSink(each, 'together'),
    plainMsgpack: await measurePlain(each, 'msgpack'),
    plainJson: await measurePlain(each, 'json'),
    redisPipeline: redis?.pipeline ?? null,
    redisLua: redis?.lua ?? null,
    duckdb: await measureDuckDb(values.flights),
  }
  const fastifyRequestsPerSecond = await measureHello(each)
  const run = await runIngest(values, settings)
  const figures = {
    eventsPerSecond: eventsPerSecondOf(run),
    frameEvents: values.frame,
    keys: values.keys,
    peerEventsPerSecond,
    fastifyRequestsPerSecond,
  }
  return { figures, checksum: run.checksum } satisfies Measurement<typeof figures>
}

function cell(figure: Figure): string {
  return figure === null ? '–' : grouped(figure)
}
