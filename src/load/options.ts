/**
 * What a load is told: what to send, how fast and for how long, and the world that it runs in.
 */
import type { Clock } from '../base/clock.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { Connect } from './link.ts'
import type { Progress } from './outcome.ts'
import type { Usage } from './usage.ts'
import type { Workload } from './workload.ts'

export interface LoadOptions {
  readonly workload: Workload
  readonly connections: number
  readonly loop: Loop
  /** Before the measured time, ms. */
  readonly warmupMs: number
  /** Measured, ms. */
  readonly durationMs: number
  /**
   * When not 0: events that are sent instead, in whole frames, however long it takes; the measured
   * time begins when a quarter of them is acknowledged.
   */
  readonly events: number
  /** Share of the frames that the workload wants to be sent twice. */
  readonly duplicates: number
  /** Producers are named `<producer>-<n>`. */
  readonly producer: string
  /** Hears of the measured time's begin and end. */
  readonly onMeasure?: (mark: 'begin' | 'end') => void
  /** Hears of every frame: its number, and the event time of its first event, ms. */
  readonly onSent?: (frame: number, timeMs: number) => void
  /** Hears once a second how it is going. */
  readonly onProgress?: (progress: Progress) => void
}

export type Loop =
  /** Events in flight, all connections together; at least a frame for each. */
  | { readonly kind: 'closed'; readonly inFlight: number }
  /** Events a second. */
  | { readonly kind: 'open'; readonly rate: number }

export interface LoadEnvironment {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly connect: Connect
  readonly usage: () => Usage
}
