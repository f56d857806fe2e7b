/**
 * The product's own load generator on a daemon under test, in a closed or an open loop.
 *
 * What was sent must be known to be checked: besides its figures, a run tells with which event time
 * each of its frames was sent. A run in which an event was rejected, or was a duplicate, fails.
 */
import type { RecordableHistogram } from 'node:perf_hooks'
import { systemClock } from '../src/base/clock.ts'
import { connectTo, type Connect } from '../src/load/link.ts'
import type { Loop } from '../src/load/options.ts'
import type { LoadOutcome as Outcome, Progress } from '../src/load/outcome.ts'
import { startLoad } from '../src/load/run.ts'
import { ownUsage } from '../src/load/usage.ts'
import type { Workload } from '../src/load/workload.ts'
import { systemScheduler } from '../src/base/scheduler.ts'

export interface LoadOptions {
  /** Of the daemon: `http://host:port`. */
  readonly url: string
  /** How a connection is made. @defaultValue to a daemon, at `url` */
  readonly connect?: Connect
  readonly workload: Workload
  readonly connections: number
  readonly loop: Loop
  /** Not measured at the start, ms. */
  readonly warmupMs: number
  /** Measured, ms. */
  readonly measuredMs: number
  /** Another one for each load on one daemon. @defaultValue `bench` */
  readonly producer?: string
  /**
   * When not 0: events that are sent, in whole frames, however long it takes; the first quarter of
   * them is not measured.
   */
  readonly events: number
  /** Called when the measured time begins, and when it ends. */
  readonly onMeasure?: (mark: 'begin' | 'end') => void
  /** Called once a second. */
  readonly onProgress?: (progress: Progress) => void
}

export interface LoadOutcome {
  /** Acknowledged in the measured time. */
  readonly events: number
  readonly measuredMs: number
  /** Microseconds from sending a frame to its ACK. */
  readonly ackUs: RecordableHistogram
  /** By frame: the event time that it was sent with, ms; a hole when it was not. */
  readonly frameTimesMs: readonly number[]
  /** Events that an open loop could not send in time and left out. */
  readonly unsentEvents: number
}

/** A load that runs beside something else. */
export interface BegunLoad {
  readonly ended: Promise<LoadOutcome>
  /** Ends the measured time now. */
  stop(): void
}

export function runLoad(options: LoadOptions): Promise<LoadOutcome> {
  return beginLoad(options).ended
}

export function beginLoad(options: LoadOptions): BegunLoad {
  const { url, connect = connectTo(url), measuredMs, ...rest } = options
  const frameTimesMs: number[] = []
  const load = startLoad(
    {
      producer: 'bench',
      ...rest,
      durationMs: measuredMs,
      duplicates: 0,
      onSent: (frame, timeMs) => (frameTimesMs[frame] = timeMs),
    },
    {
      clock: systemClock,
      scheduler: systemScheduler,
      connect,
      usage: ownUsage,
    },
  )
  const ended = load.ended.then((outcome) => checked(outcome, frameTimesMs))
  // Who began it may have failed before it waits for the end.
  ended.catch(() => undefined)
  return { ended, stop: () => load.stop() }
}

function checked(
  { rejections, duplicates, measured, unsent }: Outcome,
  frameTimesMs: readonly number[],
): LoadOutcome {
  if (rejections.size > 0) throw new Error(`rejected: ${[...rejections.keys()].join(', ')}`)
  if (duplicates > 0) throw new Error(`${duplicates} events were taken for duplicates`)
  const { ms, events, latencyUs } = measured
  return { events, measuredMs: ms, ackUs: latencyUs, frameTimesMs, unsentEvents: unsent }
}
