/**
 * Timers that fire when a test says so.
 */
import type { Scheduler } from '../../src/base/scheduler.ts'

interface Timer {
  dueMs: number
  readonly periodMs: number | null
  readonly run: () => void
}

export class ManualScheduler implements Scheduler {
  #nowMs = 0
  #soon: (() => void)[] = []
  readonly #timers = new Set<Timer>()

  soon(run: () => void): void {
    this.#soon.push(run)
  }

  after(delayMs: number, run: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + delayMs, periodMs: null, run })
  }

  every(periodMs: number, run: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + periodMs, periodMs, run })
  }

  /** Timers that have not fired and are not called off. */
  get pending(): number {
    return this.#timers.size
  }

  /** Ends the turn of the event loop. */
  turn(): void {
    const due = this.#soon
    this.#soon = []
    for (const run of due) run()
  }

  advance(ms: number): void {
    this.#nowMs += ms
    for (const timer of this.#timers) {
      while (timer.dueMs <= this.#nowMs && this.#timers.has(timer)) {
        if (timer.periodMs === null) this.#timers.delete(timer)
        else timer.dueMs += timer.periodMs
        timer.run()
      }
    }
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }
}
