/**
 * Work that is waited for only so long. What it comes to later is of no interest to anybody.
 */

/** Runs once after `delayMs`; the returned function calls it off. */
export type After = (delayMs: number, run: () => void) => () => void

/** The process's timer; it does not keep the process alive. */
export const systemAfter: After = (delayMs, run) => {
  const timer = setTimeout(run, delayMs).unref()
  return () => clearTimeout(timer)
}

/** What the work comes to, or null after so many ms. */
export function within<T>(work: Promise<T>, ms: number, after: After): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const callOff = after(ms, () => resolve(null))
    work.then(resolve, reject).finally(callOff)
  })
}
