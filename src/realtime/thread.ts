/**
 * One thread of realtime views, as the main thread sees it: a pool of one.
 *
 * User code may never return. Then the thread is ended and another one begins: what it was to
 * compute has failed, and nothing else has. The same happens when the code ends its thread.
 *
 * Thread: main.
 */
import { Piscina } from 'piscina'
import { reasonOf } from '../base/errors.ts'
import { realtimeMemoryMibMax, realtimeMsMax } from '../base/limits.ts'
import type { RealtimeOutcome } from '../model/contracts.ts'
import type { RealtimeTask } from './task.ts'

export class RealtimeThread {
  readonly #pool: Piscina<RealtimeTask, readonly RealtimeOutcome[]>
  readonly #definitionsUrl: string

  constructor(workerUrl: URL, definitionsUrl: string) {
    this.#definitionsUrl = definitionsUrl
    this.#pool = new Piscina({
      filename: workerUrl.href,
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      idleTimeout: Infinity,
      // Otherwise timers of user code wait for the next task.
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: { maxOldGenerationSizeMb: realtimeMemoryMibMax },
    })
    // Whoever has asked is told by the task.
    this.#pool.on('error', () => undefined)
  }

  /** Loads the definitions; until then a task would wait for that, too. */
  async load(): Promise<void> {
    await this.#pool.run({ definitionsUrl: this.#definitionsUrl, view: 0, rows: [] })
  }

  /** @returns the outcomes, and whether the thread has to {@link load} again. */
  async run(
    view: number,
    rows: RealtimeTask['rows'],
  ): Promise<{ readonly outcomes: readonly RealtimeOutcome[]; readonly isLost: boolean }> {
    const ending = new AbortController()
    // What the thread has answered while this one was busy comes before the end of a turn.
    const timer = setTimeout(() => setImmediate(() => ending.abort()), realtimeMsMax)
    try {
      const task = { definitionsUrl: this.#definitionsUrl, view, rows }
      const outcomes = await this.#pool.run(task, { signal: ending.signal })
      return { outcomes, isLost: false }
    } catch (thrown) {
      const failure = ending.signal.aborted
        ? `it did not come to an end within ${realtimeMsMax} ms`
        : `its thread has ended: ${reasonOf(thrown)}`
      return { outcomes: rows.map(() => ({ failure })), isLost: true }
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}
