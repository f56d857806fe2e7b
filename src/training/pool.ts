/**
 * The threads that make training sets, each with a pass at a time.
 *
 * A thread that is ended while DuckDB answers it takes the process with it. So passes are told to
 * stop, and threads are ended when these have.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { FixedQueue, Piscina } from 'piscina'
import { MillraceError, type ErrorCode, type ErrorDetails } from '../base/errors.ts'
import type { AbortSignalLike } from '../base/abort-signal.ts'
import type { PassResult, PassTask } from './pass.ts'

/** What a thread needs to have the catalog; the definitions, or the module that has them. */
export interface PassDefinitions {
  readonly definitionsUrl: string | null
  readonly definitions: readonly unknown[] | null
}

export interface PassPool {
  run(task: PassTask): Promise<PassResult>
  close(): Promise<void>
}

/** What a thread answers: an error loses on its way what it is. */
export type PassAnswer =
  | { readonly result: PassResult }
  | { readonly refused: { readonly code: ErrorCode; readonly details: ErrorDetails } }

/** What a thread is given: a message on the port stops it. */
export type PassStart = PassDefinitions & { readonly task: PassTask; readonly stop: MessagePort }

/** Time that passes have to end once they are told to, ms: a function of theirs may never end. */
const stopMsMax = 10_000

/**
 * Threads start with the first pass: what is refused before needs none, and to end a thread that is
 * just starting can end the process.
 */
export function openPassPool(
  loaded: PassDefinitions,
  { threads, signal }: { readonly threads: number; readonly signal?: AbortSignalLike },
): PassPool {
  // Nothing else of what was loaded: functions cannot be posted.
  const { definitionsUrl, definitions } = loaded
  let pool: ReturnType<typeof startThreads> | null = null
  const running = new Map<Promise<PassAnswer>, MessagePort>()
  const stopped = whenStopped(signal)
  const start = (task: PassTask): Promise<PassAnswer> => {
    pool ??= startThreads(threads)
    const { port1, port2: stop } = new MessageChannel()
    const pass = { definitionsUrl, definitions, task, stop }
    const answer = pool.run(pass, { transferList: [stop] }).finally(() => {
      running.delete(answer)
      port1.close()
    })
    running.set(answer, port1)
    return answer
  }
  return {
    run: async (task) => {
      signal?.throwIfAborted()
      const answer = await Promise.race([start(task), stopped.promise])
      if ('result' in answer) return answer.result
      throw new MillraceError(answer.refused.code, answer.refused.details)
    },
    close: async () => {
      stopped.forget()
      for (const port of running.values()) port.postMessage('stop')
      await Promise.race([Promise.allSettled(running.keys()), afterMs(stopMsMax)])
      await pool?.destroy()
    },
  }
}

/** A promise that rejects with the reason of the signal: one listener, however many wait for it. */
function whenStopped(signal: AbortSignalLike | undefined): {
  readonly promise: Promise<never>
  forget(): void
} {
  let stop = (): void => {}
  const promise = new Promise<never>((_, reject) => {
    stop = () => reject(signal!.reason as Error)
  })
  promise.catch(() => undefined)
  signal?.addEventListener('abort', stop)
  return { promise, forget: () => signal?.removeEventListener('abort', stop) }
}

function afterMs(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}

function startThreads(threads: number) {
  return new Piscina<PassStart, PassAnswer>({
    filename: new URL('../../workers/training.js', import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
    // Otherwise a thread is frozen whenever its task waits.
    atomics: 'disabled',
    recordTiming: false,
    // The default queue is one object for all pools of the process.
    taskQueue: new FixedQueue(),
  })
}
