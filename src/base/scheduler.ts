/**
 * Timers as a parameter, so that tests decide when time passes.
 */

export interface Scheduler {
  /** Runs once what is due in this turn of the event loop has been handled. */
  soon(run: () => void): void
  /** Runs once after `delayMs`; the returned function calls it off. */
  after(delayMs: number, run: () => void): () => void
  /** Runs every `periodMs`, first after one period; the returned function ends it. */
  every(periodMs: number, run: () => void): () => void
}

/** Timers of the process; they do not keep it alive. */
export const systemScheduler: Scheduler = {
  soon: (run) => {
    setImmediate(run)
  },
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs).unref()
    return () => clearTimeout(timer)
  },
  every: (periodMs, run) => {
    const timer = setInterval(run, periodMs).unref()
    return () => clearInterval(timer)
  },
}
