/**
 * A closed loop of the product's own load generator on a daemon under test.
 *
 * What was sent must be known to be checked: besides its figures, a run tells with which event time
 * each of its frames was sent. A run in which an event was rejected, or was a duplicate, fails.
 */
import type { RecordableHistogram } from 'node:perf_hooks'
import { systemClock } from '../src/base/clock.ts'
import { connectTo, type Connect } from '../src/load/link.ts'
import { startLoad } from '../src/load/run.ts'
import { ownUsage } from '../src/load/usage.ts'
import type { Workload } from '../src/load/workload.ts'
import { systemScheduler } from '../src/wire/scheduler.ts'

export interface LoadOptions {
  /** Of the daemon: `http://host:port`. */
  readonly url: string
  /** How a connection is made. @defaultValue to a daemon, at `url` */
  readonly connect?: Connect
  readonly workload: Workload
  readonly connections: number
  /** Events sent and not acknowledged, all connections together; at least a frame for each. */
  readonly inFlight: number
  /** Not measured at the start, ms. */
  readonly warmupMs: number
  /** Measured, ms. */
  readonly measuredMs: number
  /**
   * When not 0: events that are sent, in whole frames, however long it takes; the first quarter of
   * them is not measured.
   */
  readonly events: number
  /** Called when the measured time begins, and when it ends. */
  readonly onMeasure?: (mark: 'begin' | 'end') => void
}

export interface LoadOutcome {
  /** Acknowledged in the measured time. */
  readonly events: number
  readonly measuredMs: number
  /** Microseconds from sending a frame to its ACK. */
  readonly ackUs: RecordableHistogram
  /** By frame: the event time that it was sent with, ms. */
  readonly frameTimesMs: readonly number[]
}

export async function runLoad(options: LoadOptions): Promise<LoadOutcome> {
  const { url, connect = connectTo(url), inFlight, measuredMs, ...rest } = options
  const frameTimesMs: number[] = []
  const { ended } = startLoad(
    {
      ...rest,
      loop: { kind: 'closed', inFlight },
      durationMs: measuredMs,
      duplicates: 0,
      producer: 'bench',
      onSent: (frame, timeMs) => (frameTimesMs[frame] = timeMs),
    },
    {
      clock: systemClock,
      scheduler: systemScheduler,
      connect,
      usage: ownUsage,
    },
  )
  const { rejections, duplicates, measured } = await ended
  if (rejections.size > 0) throw new Error(`rejected: ${[...rejections.keys()].join(', ')}`)
  if (duplicates > 0) throw new Error(`${duplicates} events were taken for duplicates`)
  const { ms, events, latencyUs } = measured
  return { events, measuredMs: ms, ackUs: latencyUs, frameTimesMs }
}
