/**
 * `freshness`: how long an event takes from when it is due to when a read shows it, while others
 * come in at half, and at four fifths, of the most that the daemon can take.
 *
 * The most is measured first, in a closed loop on the same daemon. Then ingest runs at its share of
 * it in an open loop, and a prober sends marked events of its own at due times and reads until it
 * sees them. Every answer about a key of the prober must show the first of its events and no other;
 * at the end the ingest must have been counted, too.
 */
import type { RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Workload } from '../../src/load/workload.ts'
import { startDaemon } from '../daemon.ts'
import { checksum, defineBench, type Measurement, type Settings, type Values } from '../harness.ts'
import { beginLoad, runLoad } from '../load.ts'
import { Prober } from '../prober.ts'
import { createImpressions } from '../workload.ts'
import { checkAll, SentEvents } from './read-check.ts'

const options = {
  keys: { standard: 100_000, smoke: 1000, description: 'Different entity keys of the ingest' },
  frame: { standard: 1000, smoke: 100, description: 'Events in a frame of it' },
  // More of them would be a load of their own: a key that waits is asked for all the time.
  probes: { standard: 100, smoke: 200, description: 'Probes a second' },
  most: {
    standard: 2_000_000,
    smoke: 40_000,
    description: 'Events sent to find the most that the daemon takes',
  },
  warmup: { standard: 2, smoke: 0.1, description: 'Seconds before each of those that count' },
  seconds: { standard: 30, smoke: 0.3, description: 'Seconds that are measured, at each rate' },
} as const

const connections = 4
const inFlight = 20_000

/** Keys of the ingest that are compared at the end, at most. */
const checkedKeysMax = 1000

type FreshnessFigures = ReturnType<typeof figuresOf>

export const freshness = defineBench({
  name: 'freshness',
  question: 'How long from when an event is due to when a read shows it, with ingest beside it?',
  options,
  headline: 'halfP99Ms',
  columns: {
    frame: ({ frameEvents }: FreshnessFigures) => grouped(frameEvents),
    keys: ({ keys }) => grouped(keys),
    'most events/s': ({ mostEventsPerSecond }) => grouped(mostEventsPerSecond),
    'at half p50 ms': ({ halfMs }) => halfMs.p50.toFixed(2),
    'p99 ms': ({ halfMs }) => halfMs.p99.toFixed(2),
    'p99.9 ms': ({ halfMs }) => halfMs.p999.toFixed(1),
    'max ms': ({ halfMs }) => halfMs.max.toFixed(1),
    'min – max of p99': ({ min, max }) => `${min.toFixed(2)} – ${max.toFixed(2)}`,
    'at 80 % p50 ms': ({ fourFifthsMs }) => fourFifthsMs.p50.toFixed(2),
    ' p99 ms': ({ fourFifthsMs }) => fourFifthsMs.p99.toFixed(2),
    ' p99.9 ms': ({ fourFifthsMs }) => fourFifthsMs.p999.toFixed(1),
    ' max ms': ({ fourFifthsMs }) => fourFifthsMs.max.toFixed(1),
  },
  rows: [{}],
  measure,
})

type Sizes = Values<typeof options>

async function measure(
  values: Sizes,
  { seed, profileDir }: Settings,
): Promise<Measurement<FreshnessFigures>> {
  const sent = new SentEvents(values.keys, Math.min(values.keys, checkedKeysMax))
  const daemon = await startDaemon({ profileDir })
  try {
    const { url } = daemon
    const { keys, frame: frameEvents } = values
    const workload = createImpressions({ keys, zipf: 0, frameEvents, seed })
    const common = { url, workload, sent, values }
    const most = await findMost(common)
    const half = await probeAt(0.5, most, common)
    const fourFifths = await probeAt(0.8, most, common)
    const lines = await checkAll(url, sent)
    return { figures: figuresOf(values, most, half, fourFifths), checksum: checksum(lines) }
  } finally {
    await daemon.stop()
  }
}

interface Common {
  readonly url: string
  readonly workload: Workload
  readonly sent: SentEvents
  readonly values: Sizes
}

/** Events a second in a closed loop. */
async function findMost({ url, workload, sent, values }: Common): Promise<number> {
  const load = await runLoad({
    url,
    workload,
    connections,
    loop: { kind: 'closed', inFlight },
    warmupMs: 0,
    measuredMs: 0,
    events: values.most,
    producer: 'most',
  })
  sent.add({ workload, frameTimesMs: load.frameTimesMs })
  return (load.events / load.measuredMs) * 1000
}

interface Probed {
  readonly probes: number
  readonly reads: number
  readonly eventsPerSecond: number
  readonly freshnessUs: RecordableHistogram
}

async function probeAt(share: number, most: number, common: Common): Promise<Probed> {
  const { url, workload, sent, values } = common
  const name = `share-${share * 100}`
  const load = beginLoad({
    url,
    workload,
    connections,
    loop: { kind: 'open', rate: most * share },
    warmupMs: values.warmup * 1000,
    measuredMs: 3_600_000,
    events: 0,
    producer: name,
  })
  const prober = new Prober({ url, rate: values.probes, name: `probe-${name}` })
  try {
    await prober.start()
    await Promise.race([sleep(values.warmup * 1000), load.ended])
    prober.measure()
    await Promise.race([sleep(values.seconds * 1000), load.ended])
    const probes = await prober.stop()
    load.stop()
    const { events, measuredMs, frameTimesMs } = await load.ended
    sent.add({ workload, frameTimesMs })
    const eventsPerSecond = (events / measuredMs) * 1000
    return { probes, reads: prober.reads, eventsPerSecond, freshnessUs: prober.freshnessUs }
  } finally {
    load.stop()
    await prober.close()
  }
}

function figuresOf(values: Sizes, most: number, half: Probed, fourFifths: Probed) {
  const halfMs = freshnessMs(half)
  return {
    halfP99Ms: halfMs.p99,
    halfMs,
    fourFifthsMs: freshnessMs(fourFifths),
    mostEventsPerSecond: Math.round(most),
    halfEventsPerSecond: Math.round(half.eventsPerSecond),
    fourFifthsEventsPerSecond: Math.round(fourFifths.eventsPerSecond),
    probes: half.probes + fourFifths.probes,
    readsPerProbe: (half.reads + fourFifths.reads) / (half.probes + fourFifths.probes),
    frameEvents: values.frame,
    keys: values.keys,
    probesPerSecond: values.probes,
  }
}

function freshnessMs({ freshnessUs }: Probed) {
  const ms = (percent: number): number => freshnessUs.percentile(percent) / 1000
  return { p50: ms(50), p99: ms(99), p999: ms(99.9), max: freshnessUs.max / 1000 }
}

function grouped(number: number): string {
  return String(Math.round(number)).replaceAll(/(?<=\d)(?=(\d{3})+$)/g, ' ')
}
