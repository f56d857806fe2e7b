/**
 * The threads of realtime views: which rows are computed when, and where.
 *
 * User code does not run on the main thread, where it would hold up everything, nor on those of
 * shards, where a reader could hold up events: it has threads of its own, which are there only when
 * a view is. Reads of many keys are cut, so that the time of a function is bounded and not that of
 * a read, and threads take what comes first. What waits is bounded, too: by its number, and by time
 * where a thread was lost meanwhile.
 *
 * Thread: main. @see docs/decisions/0019-realtime-threads.md
 */
import { MillraceError } from '../base/errors.ts'
import { realtimeRowsPerTask, realtimeTasksMax, realtimeThreads } from '../base/limits.ts'
import type { RealtimeOutcome, RealtimeRunner } from '../model/contracts.ts'
import type { RealtimeTask } from './task.ts'
import { RealtimeThread } from './thread.ts'

/** Rows that wait for a thread. */
interface Job {
  readonly view: number
  readonly rows: RealtimeTask['rows']
  readonly resolve: (outcomes: readonly RealtimeOutcome[]) => void
  readonly reject: (error: MillraceError) => void
  /** Of all jobs, in the order in which they came. */
  readonly number: number
}

export interface RealtimePool {
  readonly run: RealtimeRunner
  close(): Promise<void>
}

/**
 * Starts the threads; resolves when they have loaded the definitions.
 *
 * @param definitionsUrl  As `RealtimeTask` has it.
 */
export async function openRealtimePool(
  workerUrl: URL,
  definitionsUrl: string,
): Promise<RealtimePool> {
  const threads = Array.from(
    { length: realtimeThreads },
    () => new RealtimeThread(workerUrl, definitionsUrl),
  )
  const close = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => thread.close()))
  }
  try {
    await Promise.all(threads.map((thread) => thread.load()))
  } catch (thrown) {
    await close()
    throw thrown
  }
  const jobs = new Jobs(threads)
  return {
    async run(view, rows) {
      const parts: (readonly RealtimeOutcome[])[] = await Promise.all(
        cut(rows).map((part) => jobs.run(view, part)),
      )
      return parts.flat()
    },
    close,
  }
}

function cut(rows: RealtimeTask['rows']): RealtimeTask['rows'][] {
  if (rows.length <= realtimeRowsPerTask) return rows.length === 0 ? [] : [rows]
  const parts: RealtimeTask['rows'][] = []
  for (let from = 0; from < rows.length; from += realtimeRowsPerTask) {
    parts.push(rows.slice(from, from + realtimeRowsPerTask))
  }
  return parts
}

class Jobs {
  readonly #idle: RealtimeThread[]
  #waiting: Job[] = []
  #next = 0

  constructor(threads: readonly RealtimeThread[]) {
    this.#idle = [...threads]
  }

  run(view: number, rows: RealtimeTask['rows']): Promise<readonly RealtimeOutcome[]> {
    if (this.#waiting.length >= realtimeTasksMax) {
      return Promise.reject(new MillraceError('OVERLOADED'))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ view, rows, resolve, reject, number: this.#next++ })
      this.#begin()
    })
  }

  #begin(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#idle.pop()
      if (thread === undefined) return
      void this.#compute(thread, this.#waiting.shift()!)
    }
  }

  async #compute(thread: RealtimeThread, { view, rows, resolve }: Job): Promise<void> {
    const begun = this.#next
    const { outcomes, isLost } = await thread.run(view, rows)
    resolve(outcomes)
    if (isLost) {
      this.#refuseBefore(begun)
      // Closed meanwhile, or the file is gone: what is asked of the thread will say so.
      await thread.load().catch(() => undefined)
    }
    this.#idle.push(thread)
    this.#begin()
  }

  /** Refuses what has waited all the time that a lost thread was given. */
  #refuseBefore(number: number): void {
    const refused = this.#waiting.filter((job) => job.number < number)
    this.#waiting = this.#waiting.filter((job) => job.number >= number)
    for (const { reject } of refused) reject(new MillraceError('OVERLOADED'))
  }
}
