/**
 * `scale`: how the rate of events changes with the number of keys and of threads, and whether
 * anything grows or slows down over time.
 *
 * Three loads, each on a daemon of its own and with features compared at the end: as fast as it
 * goes over a thousand keys, the same over many, and a soak over the many at a share of that rate.
 */
import { startDaemon } from '../daemon.ts'
import {
  checksum,
  defineBench,
  latencies,
  type Measurement,
  type Settings,
  type Values,
} from '../harness.ts'
import { runLoad } from '../load.ts'
import { soak, type Interval } from '../soak.ts'
import { createImpressions } from '../workload.ts'
import { checkFeatures } from './ingest-check.ts'

const options = {
  keys: { standard: 10_000_000, smoke: 2000, description: 'Different entity keys' },
  'few-keys': { standard: 1000, smoke: 100, description: 'Those that it is compared with' },
  threads: { standard: 1, description: 'Threads that own the shards' },
  memory: { standard: 4096, smoke: 512, description: 'Budget of state, MiB' },
  'huge-pages': { standard: 0, description: 'Whether the daemon asks for them: 1 or 0' },
  frame: { standard: 1000, smoke: 100, description: 'Events in a frame' },
  connections: { standard: 4, smoke: 2, description: 'Producers, a WebSocket each' },
  'in-flight': { standard: 20_000, smoke: 2000, description: 'Events not acknowledged, together' },
  warmup: { standard: 30, smoke: 1, description: 'Seconds that are not measured, over many keys' },
  seconds: { standard: 10, smoke: 1, description: 'Seconds that are measured' },
  'soak-minutes': { standard: 0.5, smoke: 0.07, description: 'Minutes of the soak; 0 is none' },
  'soak-share': { standard: 0.8, description: 'Of the measured rate, that of the soak' },
} as const

/** Seconds that are not measured, over few keys. */
const fewWarmupMax = 3

// A type: an interface has no index signature.
type Figures = {
  /** Over many keys by over few. */
  readonly scaleRatio: number
  readonly keys: number
  readonly fewKeys: number
  readonly threads: number
  readonly eventsPerSecond: number
  readonly fewEventsPerSecond: number
  readonly ackMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** Events before and in the measured time, by key. */
  readonly eventsPerKey: number
  /** The most memory that the daemon held over many keys, and over few. */
  readonly rssBytes: number
  readonly fewRssBytes: number
  /** The budget of state. */
  readonly budgetBytes: number
  /** Whether its state was in huge pages: 1 or 0. */
  readonly hugePages: number
  readonly soakMinutes: number
  readonly soakEventsPerSecond: number
  /** Events of the soak that were due and could not be sent in time: 0 when it held its rate. */
  readonly soakUnsentEvents: number
  /** Last third by second third: 1 is flat. All 0 without a soak. */
  readonly soakDrift: Interval
  /** In the last interval. */
  readonly soakEnd: Interval
}

export const scale = defineBench({
  name: 'scale',
  question: 'What do more keys and more threads do to the rate, and does anything grow with time?',
  options,
  headline: 'scaleRatio',
  columns: {
    threads: ({ threads }: Figures) => String(threads),
    keys: ({ keys }) => grouped(keys),
    'events/s': ({ eventsPerSecond }) => grouped(eventsPerSecond),
    'few keys': ({ fewKeys }) => grouped(fewKeys),
    'their events/s': ({ fewEventsPerSecond }) => grouped(fewEventsPerSecond),
    ratio: ({ scaleRatio }) => scaleRatio.toFixed(2),
    'events a key': ({ eventsPerKey }) => eventsPerKey.toFixed(1),
    'RSS MiB': ({ rssBytes }) => grouped(rssBytes / 2 ** 20),
    'budget MiB': ({ budgetBytes }) => grouped(budgetBytes / 2 ** 20),
    'huge pages': ({ hugePages }) => (hugePages === 0 ? 'no' : 'yes'),
    'soak events/s': ({ soakEventsPerSecond }) => grouped(soakEventsPerSecond),
    unsent: ({ soakUnsentEvents }) => grouped(soakUnsentEvents),
    'drift: memory': ({ soakDrift }) => soakDrift.anonymousBytes.toFixed(2),
    stores: ({ soakDrift }) => soakDrift.storeBytes.toFixed(2),
    'ack p50': ({ soakDrift }) => soakDrift.ackMsP50.toFixed(2),
    p99: ({ soakDrift }) => soakDrift.ackMsP99.toFixed(2),
  },
  rows: [
    { threads: 1, keys: 100_000, warmup: 3, memory: 512, 'soak-minutes': 0.5 },
    { threads: 2, keys: 100_000, warmup: 3, memory: 512, 'soak-minutes': 0 },
    { threads: 1, keys: 1_000_000, warmup: 10, memory: 512, 'soak-minutes': 0 },
    { threads: 1, keys: 10_000_000, warmup: 30, memory: 4096, 'soak-minutes': 0 },
    { threads: 1, keys: 10_000_000, warmup: 30, 'huge-pages': 1, 'soak-minutes': 0 },
  ],
  measure,
})

async function measure(
  values: Values<typeof options>,
  settings: Settings,
): Promise<Measurement<Figures>> {
  const { keys, warmup, memory, threads } = values
  const fewKeys = values['few-keys']
  const few = await fullSpeed(values, settings, fewKeys, Math.min(warmup, fewWarmupMax))
  const many = await fullSpeed(values, settings, keys, warmup)
  const minutes = values['soak-minutes']
  const rate = Math.max(1, Math.round(many.eventsPerSecond * values['soak-share']))
  const soaked = minutes === 0 ? noSoak : await soakOf(values, settings, rate)
  return {
    figures: {
      scaleRatio: many.eventsPerSecond / few.eventsPerSecond,
      keys,
      fewKeys,
      threads,
      eventsPerSecond: many.eventsPerSecond,
      fewEventsPerSecond: few.eventsPerSecond,
      ackMs: many.ackMs,
      eventsPerKey: many.events / keys,
      rssBytes: many.rssBytes,
      fewRssBytes: few.rssBytes,
      budgetBytes: memory * 2 ** 20,
      hugePages: values['huge-pages'],
      soakMinutes: minutes,
      soakEventsPerSecond: soaked.eventsPerSecond,
      soakUnsentEvents: soaked.unsentEvents,
      soakDrift: soaked.drift,
      soakEnd: soaked.intervals.at(-1)!,
    },
    checksum: checksum([...few.lines, ...many.lines, ...soaked.lines]),
  }
}

const nothing: Interval = { anonymousBytes: 0, storeBytes: 0, ackMsP50: 0, ackMsP99: 0 }
const noSoak = {
  eventsPerSecond: 0,
  unsentEvents: 0,
  drift: nothing,
  intervals: [nothing],
  lines: [],
}

/** A closed loop, as fast as it goes. */
async function fullSpeed(
  values: Values<typeof options>,
  { seed, profileDir }: Settings,
  keys: number,
  warmup: number,
) {
  const { frame: frameEvents, connections, seconds } = values
  const workload = createImpressions({ keys, zipf: 0, frameEvents, seed })
  const daemon = await startDaemon({
    profileDir,
    flags: flagsOf(values),
    hugePages: isHuge(values),
  })
  try {
    const load = await runLoad({
      url: daemon.url,
      workload,
      connections,
      loop: { kind: 'closed', inFlight: values['in-flight'] },
      warmupMs: warmup * 1000,
      measuredMs: seconds * 1000,
      events: 0,
    })
    const lines = await checkFeatures({ url: daemon.url, keys, workload, load })
    return {
      eventsPerSecond: Math.round((load.events / load.measuredMs) * 1000),
      ackMs: latencies(load.ackUs),
      events: load.frameTimesMs.length * frameEvents,
      rssBytes: await daemon.rssBytesMax(),
      lines,
    }
  } finally {
    await daemon.stop()
  }
}

function soakOf(values: Values<typeof options>, { seed }: Settings, rate: number) {
  return soak({
    keys: values.keys,
    frameEvents: values.frame,
    connections: values.connections,
    rate,
    durationMs: values['soak-minutes'] * 60_000,
    flags: flagsOf(values),
    hugePages: isHuge(values),
    seed,
  })
}

function flagsOf({ threads, memory }: Values<typeof options>): string[] {
  return ['--threads', String(threads), '--memory', `${memory}MiB`]
}

function isHuge(values: Values<typeof options>): boolean {
  return values['huge-pages'] !== 0
}

function grouped(number: number): string {
  return String(Math.round(number)).replaceAll(/(?<=\d)(?=(\d{3})+$)/g, ' ')
}
