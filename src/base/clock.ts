/**
 * Time as a parameter.
 *
 * The only file that reads the machine's clocks. Wall time is for events and windows; monotonic
 * time is for timeouts and latencies, so that a clock that is set back breaks neither.
 */
import { uptime } from 'node:os'
import { performance } from 'node:perf_hooks'

export interface Clock {
  /** Wall time, ms since 1970-01-01 UTC, whole. */
  nowMs(): number
  /** Monotonic time, ms with fraction, from an arbitrary origin. */
  monotonicMs(): number
  /** Time since the machine was started, its sleep included, ms. Costs more than the others. */
  uptimeMs(): number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  uptimeMs: () => uptime() * 1000,
}

/** A clock that only moves when told; for tests, in ours and in users' suites. */
export class ManualClock implements Clock {
  #nowMs: number

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  uptimeMs(): number {
    return this.#nowMs
  }

  advance(ms: number): void {
    this.#nowMs += ms
  }

  set(nowMs: number): void {
    this.#nowMs = nowMs
  }
}
