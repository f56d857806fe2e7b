/**
 * What a load tells: how it is going, what became of its events, and the figures made of that.
 */
import type { RecordableHistogram } from 'node:perf_hooks'
import { lateMs } from './tally.ts'
import type { Usage } from './usage.ts'

export interface Progress {
  readonly phase: 'warmup' | 'measured' | 'over'
  /** Since the clock started, ms. */
  readonly elapsedMs: number
  /** Acknowledged since the last time, and how long that was, ms. */
  readonly events: number
  readonly spanMs: number
  /** Of the frames that were acknowledged in it, µs; empty when there were none. */
  readonly latencyUs: RecordableHistogram
  /** Rejected since the clock started. */
  readonly rejected: number
  /** Events that are not sent and were due more than `lateMs` ago. */
  readonly overdue: number
}

export interface LoadOutcome {
  /** Events: sent once, sent a second time, acknowledged, due but never sent. */
  readonly sent: number
  readonly repeated: number
  readonly acked: number
  readonly unsent: number
  /** As the server told them: not counted again; and rejected, by code. */
  readonly duplicates: number
  readonly rejected: number
  readonly rejections: ReadonlyMap<string, number>
  readonly measured: Measured
}

/** Of the time that was measured. */
export interface Measured {
  readonly ms: number
  /** Acknowledged in it. */
  readonly events: number
  /** µs from when a frame was due to its ACK, of the frames that were due in it. */
  readonly latencyUs: RecordableHistogram
  /** Frames sent, and those of them that the generator itself sent late. */
  readonly frames: number
  readonly lateFrames: number
  /** What the generator's process used. */
  readonly usage: Usage
}

/** Figures of a measured time; a share is of 1. */
export interface LoadFigures {
  readonly seconds: number
  /** Acknowledged in it, and how many that is a second. */
  readonly events: number
  readonly eventsPerSecond: number
  /** From when a frame was due to its ACK; null when none was due in it. */
  readonly latencyMs: LatencyFigures | null
  readonly generator: GeneratorFigures
}

export interface LatencyFigures {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export interface GeneratorFigures {
  /** Of one core: the CPU time of the generator's process. */
  readonly cpuShare: number
  /** Of the time: how long its event loop was not idle. */
  readonly busyShare: number
  /** Of the frames: those that left more than `lateMs` after they could have. */
  readonly lateShare: number
  readonly lateMs: number
  /** Whether a faster generator might have sent more, or have found shorter latencies. */
  readonly isBottleneck: boolean
}

/** From here on a generator has no time to spare. */
const busyShareMax = 0.9
const lateShareMax = 0.01

/** Shorter times say nothing about it. */
const judgedMsMin = 100

export function figuresOf(measured: Measured): LoadFigures {
  const { ms, events, latencyUs, frames, lateFrames, usage } = measured
  const busyShare = shareOf(usage.busyMs, ms)
  const cpuShare = shareOf(usage.cpuMs, ms)
  const lateShare = shareOf(lateFrames, frames)
  return {
    seconds: ms / 1000,
    events,
    eventsPerSecond: Math.round(shareOf(events, ms) * 1000),
    latencyMs: latencyUs.count === 0 ? null : latenciesOf(latencyUs),
    generator: {
      cpuShare,
      busyShare,
      lateShare,
      lateMs,
      isBottleneck: ms >= judgedMsMin && (busyShare > busyShareMax || lateShare > lateShareMax),
    },
  }
}

function latenciesOf(us: RecordableHistogram): LatencyFigures {
  const percentileMs = (percent: number): number => us.percentile(percent) / 1000
  return {
    p50: percentileMs(50),
    p99: percentileMs(99),
    p999: percentileMs(99.9),
    max: us.max / 1000,
  }
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 1e6) / 1e6
}
