/**
 * A load that lasts: whether anything grows or slows down while the rate stays the same.
 *
 * An open loop at a fixed rate, cut into intervals. Of each: the memory of the daemon and the size
 * of its stores at its end, and the latencies in it. The first third of the intervals is warm-up;
 * drift is the median of the last third by that of the second: 1 is flat.
 *
 * State grows with every tile that a key has, for as long as its windows are. So the keys get
 * events all over their windows before, as many as a run may take: then tiles come and go.
 */
import { createHistogram } from 'node:perf_hooks'
import { startDaemon, type Daemon } from './daemon.ts'
import { median } from './harness.ts'
import { runLoad } from './load.ts'
import { checkAll, SentEvents } from './paths/read-check.ts'
import { backMsOf, createImpressions } from './workload.ts'

export interface SoakOptions {
  readonly keys: number
  readonly frameEvents: number
  readonly connections: number
  /** Events a second. */
  readonly rate: number
  readonly durationMs: number
  readonly flags: readonly string[]
  readonly hugePages: boolean
  readonly seed: number
}

export interface SoakOutcome {
  readonly eventsPerSecond: number
  /** Events that were due and could not be sent in time: 0 when the rate was held. */
  readonly unsentEvents: number
  /** In order. */
  readonly intervals: readonly Interval[]
  readonly drift: Interval
  /** A line for each key that was read. */
  readonly lines: readonly string[]
}

// A type: an interface has no index signature.
export type Interval = {
  readonly anonymousBytes: number
  readonly storeBytes: number
  /** From when a frame was due to its ACK. */
  readonly ackMsP50: number
  readonly ackMsP99: number
}

/** At most so many intervals, of whole seconds. */
const intervalsMax = 30

const hourMs = 3_600_000

/** Events of each key before the soak, and how far back they lie: a few in each tile. */
const pasts = [
  { backMsMax: hourMs, eventsPerKey: 40 },
  { backMsMax: 24 * hourMs, eventsPerKey: 80 },
]

/** In all of a past; with more keys, some of their tiles are still to come. */
const pastEventsMax = 10_000_000

/** Events of a past that are not acknowledged. */
const inFlight = 14_000

/** Keys that are compared at the end, at most. */
const checkedKeysMax = 100

export async function soak(options: SoakOptions): Promise<SoakOutcome> {
  const { keys, frameEvents, connections, rate, durationMs, flags, hugePages, seed } = options
  const workload = createImpressions({ keys, zipf: 0, frameEvents, seed })
  const sent = new SentEvents(keys, Math.min(keys, checkedKeysMax))
  const daemon = await startDaemon({ profileDir: null, flags, hugePages })
  try {
    await sendPast(options, daemon, sent)
    const samples: Promise<Interval>[] = []
    const ticksPerInterval = Math.max(1, Math.ceil(durationMs / 1000 / intervalsMax))
    const acksUs = createHistogram()
    let ticks = 0
    const load = await runLoad({
      url: daemon.url,
      workload,
      connections,
      loop: { kind: 'open', rate },
      warmupMs: 0,
      measuredMs: durationMs,
      events: 0,
      onProgress({ latencyUs }) {
        acksUs.add(latencyUs)
        ticks += 1
        if (ticks % ticksPerInterval !== 0) return
        const [p50, p99] = [acksUs.percentile(50), acksUs.percentile(99)]
        acksUs.reset()
        samples.push(sample(daemon, { ackMsP50: p50 / 1000, ackMsP99: p99 / 1000 }))
      },
    })
    sent.add({ workload, frameTimesMs: load.frameTimesMs })
    const lines = await checkAll(daemon.url, sent)
    const intervals = await Promise.all(samples)
    const eventsPerSecond = Math.round((load.events / load.measuredMs) * 1000)
    const { unsentEvents } = load
    return { eventsPerSecond, unsentEvents, intervals, drift: driftOf(intervals), lines }
  } finally {
    await daemon.stop()
  }
}

async function sendPast(
  { keys, frameEvents, connections, seed }: SoakOptions,
  { url }: Daemon,
  sent: SentEvents,
): Promise<void> {
  for (const [n, { backMsMax, eventsPerKey }] of pasts.entries()) {
    const about = { keys, zipf: 0, frameEvents, backMsMax, seed: seed + 1 + n }
    const workload = createImpressions(about)
    const { frameTimesMs } = await runLoad({
      url,
      workload,
      connections,
      loop: { kind: 'closed', inFlight },
      warmupMs: 0,
      measuredMs: 0,
      events: Math.min(keys * eventsPerKey, pastEventsMax),
      producer: `past-${n}`,
    })
    sent.add({ workload, frameTimesMs, backMsOf: (event) => backMsOf(about, event) })
  }
}

async function sample(
  daemon: Daemon,
  latencies: Pick<Interval, 'ackMsP50' | 'ackMsP99'>,
): Promise<Interval> {
  const [anonymousBytes, storeBytes] = await Promise.all([
    daemon.anonymousBytes(),
    daemon.storeBytes(),
  ])
  return { anonymousBytes, storeBytes, ...latencies }
}

/** Ratios: the last third of the intervals by the second third. */
export function driftOf(intervals: readonly Interval[]): Interval {
  if (intervals.length < 3) throw new Error('a soak lasts for three intervals at least')
  const third = Math.floor(intervals.length / 3)
  const late = intervals.slice(-third)
  const early = intervals.slice(-2 * third, -third)
  const ratio = (of: (interval: Interval) => number): number =>
    median(late.map(of)) / median(early.map(of))
  return {
    anonymousBytes: ratio(({ anonymousBytes }) => anonymousBytes),
    storeBytes: ratio(({ storeBytes }) => storeBytes),
    ackMsP50: ratio(({ ackMsP50 }) => ackMsP50),
    ackMsP99: ratio(({ ackMsP99 }) => ackMsP99),
  }
}
