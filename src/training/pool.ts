/**
 * The threads that make training sets, each with a pass at a time.
 */
import { FixedQueue, Piscina } from 'piscina'
import { MillraceError, type ErrorCode, type ErrorDetails } from '../base/errors.ts'
import type { StopSignal } from '../base/stop-signal.ts'
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

/**
 * Threads start with the first pass: what is refused before needs none, and to end a thread that is
 * just starting can end the process.
 */
export function openPassPool(
  loaded: PassDefinitions,
  { threads, signal }: { readonly threads: number; readonly signal?: StopSignal },
): PassPool {
  // Nothing else of what was loaded: functions cannot be posted.
  const { definitionsUrl, definitions } = loaded
  let pool: ReturnType<typeof startThreads> | null = null
  return {
    run: async (task) => {
      signal?.throwIfAborted()
      pool ??= startThreads(threads)
      const answer = await untilStopped(pool.run({ definitionsUrl, definitions, task }), signal)
      if ('result' in answer) return answer.result
      throw new MillraceError(answer.refused.code, answer.refused.details)
    },
    close: async () => pool?.close({ force: true }),
  }
}

/** The threads are ended when the pool is closed, and not before. */
function untilStopped<T>(promise: Promise<T>, signal: StopSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', stop)
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

function startThreads(threads: number) {
  return new Piscina<PassDefinitions & { readonly task: PassTask }, PassAnswer>({
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
