/**
 * `ingest`: how many events a second become durable and counted, and how long an ACK takes.
 *
 * The whole path: producers over WebSocket in this process, the daemon in another, one view of
 * six aggregates over an hour and a day. When all is acknowledged, features of some keys are read
 * over HTTP and compared with what was sent to them; a run in which they differ has no result.
 * Before the daemon starts, each peer gets the same events on the same machine.
 */
import {
  checksum,
  defineBench,
  latencies,
  type Measurement,
  type Settings,
  type Values,
} from '../harness.ts'
import { startDaemon, type Daemon, type ThreadTimes } from '../daemon.ts'
import { runLoad, type LoadOutcome } from '../load.ts'
import type { Workload } from '../../src/load/workload.ts'
import { measureRates, noRates, ratiosOf, type PeerRates } from '../peers/rates.ts'
import { perSecond, withWorkload, type PeerOptions } from '../peers/options.ts'
import { createImpressions } from '../workload.ts'
import { checkFeatures } from './ingest-check.ts'

/** `bench/paths/peers.ts` has them, too. */
export const ingestOptions = {
  keys: { standard: 100_000, smoke: 1000, description: 'Different entity keys' },
  frame: { standard: 1000, smoke: 100, description: 'Events in a frame' },
  connections: { standard: 4, smoke: 2, description: 'Producers, a WebSocket each' },
  'in-flight': {
    standard: 14_000,
    smoke: 2000,
    description: 'Events sent and not acknowledged, all producers together',
  },
  zipf: { standard: 0, description: "Exponent of Zipf's law for the keys; 0 is uniform" },
  warmup: { standard: 3, description: 'Seconds before those that are measured' },
  seconds: { standard: 10, description: 'Seconds that are measured' },
  events: {
    standard: 0,
    smoke: 20_000,
    description: 'Send so many events instead, and measure the last three quarters of them',
  },
  peers: {
    standard: 1.5,
    smoke: 0.2,
    description: 'Seconds for which each peer is measured, before the daemon; 0 leaves them out',
  },
} as const

export type IngestValues = Values<typeof ingestOptions>

type IngestFigures = ReturnType<typeof figuresOf>

export const ingest = defineBench({
  name: 'ingest',
  question: 'How many events a second become durable and counted, and how long does an ACK take?',
  options: ingestOptions,
  headline: 'eventsPerSecond',
  columns: {
    frame: ({ frameEvents }: IngestFigures) => grouped(frameEvents),
    keys: ({ keys }) => grouped(keys),
    'events/s': ({ eventsPerSecond }) => grouped(eventsPerSecond),
    'min – max': ({ min, max }) => `${grouped(min)} – ${grouped(max)}`,
    'ack p50 ms': ({ ackMs }) => ackMs.p50.toFixed(1),
    'p99 ms': ({ ackMs }) => ackMs.p99.toFixed(1),
    'max ms': ({ ackMs }) => ackMs.max.toFixed(0),
    'main ns': ({ cpuNsPerEvent }) => grouped(cpuNsPerEvent.main),
    'shard ns': ({ cpuNsPerEvent }) => grouped(cpuNsPerEvent.shard),
    'rest ns': ({ cpuNsPerEvent }) => grouped(cpuNsPerEvent.rest),
    'generator ns': ({ cpuNsPerEvent }) => grouped(cpuNsPerEvent.generator),
    'RSS MiB': ({ rssBytes }) => grouped(rssBytes / 2 ** 20),
  },
  rows: [1, 10, 100, 1000].flatMap((frame) =>
    [1000, 100_000, 1_000_000].map((keys) => ({
      frame,
      keys,
      // Who sends one event a frame has many connections, and waits sooner.
      connections: frame === 1 ? 50 : 4,
      'in-flight': frame === 1 ? 2000 : 14_000,
      warmup: 2,
      seconds: 4,
      // They have a table of their own.
      peers: 0,
    })),
  ),
  measure,
})

async function measure(
  values: IngestValues,
  settings: Settings,
): Promise<Measurement<IngestFigures>> {
  const rates = values.peers === 0 ? noRates : await measureRates(peerOptions(values, settings))
  const run = await runIngest(values, settings)
  return { figures: figuresOf(values, run, rates), checksum: run.checksum }
}

/** The same events for a peer. */
export function peerOptions(values: IngestValues, { seed }: Settings): PeerOptions {
  const { keys, zipf, frame: frameEvents, connections, peers: seconds } = values
  // Some of them are a tenth as fast. When they have few events, fewer are in flight, or all would
  // be answered at once.
  const events = Math.ceil(values.events / 10)
  const inFlight = events === 0 ? values['in-flight'] : Math.min(values['in-flight'], events / 8)
  return withWorkload({
    impressions: { keys, zipf, frameEvents, seed },
    connections,
    inFlight,
    warmupMs: seconds * 500,
    measuredMs: seconds * 1000,
    events,
  })
}

export interface IngestRun {
  readonly load: LoadOutcome
  readonly cpu: CpuTimes
  readonly rssBytes: number
  /** Of the features that were compared. */
  readonly checksum: string
}

/** Once, without the peers. Throws when a feature is wrong. */
export async function runIngest(
  values: IngestValues,
  { seed, profileDir }: Settings,
): Promise<IngestRun> {
  const { keys, zipf, frame: frameEvents } = values
  const workload = createImpressions({ keys, zipf, frameEvents, seed })
  const daemon = await startDaemon({ profileDir })
  try {
    const { load, cpu } = await runMeasured(values, workload, daemon)
    const lines = await checkFeatures({ url: daemon.url, keys, workload, load })
    const rssBytes = await daemon.rssBytesMax()
    return { load, cpu, rssBytes, checksum: checksum(lines) }
  } finally {
    await daemon.stop()
  }
}

export function eventsPerSecondOf({ load }: IngestRun): number {
  return perSecond(load.events, load.measuredMs)
}

/** CPU time of the measured seconds, ns by thread. */
interface CpuTimes {
  readonly generator: number
  readonly main: number
  /** The busiest other thread of the daemon: the shard's, where there is one. */
  readonly shard: number
  readonly rest: number
}

async function runMeasured(
  values: IngestValues,
  workload: Workload,
  daemon: Daemon,
): Promise<{ load: LoadOutcome; cpu: CpuTimes }> {
  const marks: { own: NodeJS.CpuUsage; daemon: Promise<ThreadTimes> }[] = []
  const load = await runLoad({
    url: daemon.url,
    workload,
    connections: values.connections,
    loop: { kind: 'closed', inFlight: values['in-flight'] },
    warmupMs: values.warmup * 1000,
    measuredMs: values.seconds * 1000,
    events: values.events,
    onMeasure: () => marks.push({ own: process.cpuUsage(), daemon: daemon.cpu() }),
  })
  const [begin, end] = marks as [(typeof marks)[0], (typeof marks)[0]]
  const before = await begin.daemon
  const after = await end.daemon
  const own = (usage: NodeJS.CpuUsage): number => (usage.user + usage.system) * 1000
  const others = [...after.others]
    .map(([thread, ns]) => ns - (before.others.get(thread) ?? 0))
    .sort((a, b) => b - a)
  return {
    load,
    cpu: {
      generator: own(end.own) - own(begin.own),
      main: after.main - before.main,
      shard: others[0] ?? 0,
      rest: others.slice(1).reduce((sum, ns) => sum + ns, 0),
    },
  }
}

function figuresOf(values: IngestValues, run: IngestRun, rates: PeerRates) {
  const { load, cpu, rssBytes } = run
  const { events, measuredMs, ackUs } = load
  const eventsPerSecond = eventsPerSecondOf(run)
  return {
    eventsPerSecond,
    ...ratiosOf(eventsPerSecond, rates),
    peerEventsPerSecond: { ...rates },
    ackMs: latencies(ackUs),
    frameEvents: values.frame,
    keys: values.keys,
    zipf: values.zipf,
    connections: values.connections,
    inFlight: values['in-flight'],
    seconds: measuredMs / 1000,
    events,
    cpuNsPerEvent: {
      generator: Math.round(cpu.generator / events),
      main: Math.round(cpu.main / events),
      shard: Math.round(cpu.shard / events),
      rest: Math.round(cpu.rest / events),
    },
    rssBytes,
  }
}

/** Groups of three digits. */
export function grouped(number: number): string {
  return String(Math.round(number)).replaceAll(/(?<=\d)(?=(\d{3})+$)/g, ' ')
}
