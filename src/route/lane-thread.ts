/**
 * One thread of a lane: a Piscina task that lasts as long as the thread, and the port to it.
 *
 * It is over when it was told to close, or when it has died: an exception out of the task, a thread
 * that has left, or has taken more memory than it may. Over means gone: the thread has ended, its
 * stores are closed, and whatever it had handed to lmdb is done, so that another thread may open
 * them again. A thread is never ended from outside while its task runs.
 *
 * Thread: main.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { FixedQueue, Piscina } from 'piscina'
import { MillraceError, reasonOf } from '../base/errors.ts'
import type { FromShard, LaneStart, ShardOpened, ToShard } from '../model/message.ts'

/**
 * Room for young objects in a thread, MiB, a quarter of the default: state lives in typed arrays,
 * so what a batch leaves behind is little, and room that is never filled is memory all the same.
 */
const youngGenerationMib = 12

/** What the worker file's default export is called with; its promise settles when it has closed. */
export interface LaneTask {
  readonly start: LaneStart
  readonly port: MessagePort
}

/** What a thread says while it lives. */
export type FromThread = Exclude<FromShard, { kind: 'closed' | 'failed' | 'opened' }>

export interface LaneThreadOptions {
  readonly start: LaneStart
  /** The compiled worker file. */
  readonly workerUrl: URL
  readonly onMessage: (message: FromThread) => void
  /** It says that it has failed in a way that ends the daemon. */
  readonly onFailure: (error: MillraceError) => void
}

export class LaneThread {
  /** Resolves when its stores are open; never when it dies before. */
  readonly opened: Promise<readonly ShardOpened[]>
  /** Resolves when it is over: to null when it had been told to close, else to what it died of. */
  readonly over: Promise<string | null>
  #isOver = false
  #isClosing = false
  readonly #port: MessagePort
  readonly #onMessage: (message: FromThread) => void
  readonly #onFailure: (error: MillraceError) => void
  #resolveOpened!: (shards: readonly ShardOpened[]) => void
  /** Resolves when no message will come any more. */
  readonly #silent: Promise<void>
  #fallSilent!: () => void
  /** Why it has failed, as it says; null when it does not. */
  #reason: string | null = null

  constructor({ start, workerUrl, onMessage, onFailure }: LaneThreadOptions) {
    this.#onMessage = onMessage
    this.#onFailure = onFailure
    this.opened = new Promise((resolve) => {
      this.#resolveOpened = resolve
    })
    this.#silent = new Promise((resolve) => {
      this.#fallSilent = resolve
    })
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    port1.on('message', (message: FromShard) => this.#receive(message))
    port1.on('messageerror', ({ message: reason }) => {
      onFailure(new MillraceError('SHARD_FAILED', { lane: start.lane, reason }))
    })
    port1.on('close', () => this.#fallSilent())
    const pool = createPool(workerUrl)
    const task = pool.run({ start, port: port2 }, { transferList: [port2] })
    // Started by the task, and the only one.
    const exited = new Promise((resolve) => pool.threads[0]!.once('exit', resolve))
    this.over = this.#end(task, pool, exited)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  post(message: ToShard): void {
    this.#port.postMessage(message)
  }

  /** Tells it to end after everything that was posted. */
  close(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.post({ kind: 'close' })
  }

  async #end(
    task: Promise<void>,
    pool: Piscina<LaneTask, void>,
    exited: Promise<unknown>,
  ): Promise<string | null> {
    let reason: string | null = 'the thread has ended by itself'
    try {
      await task
      if (this.#isClosing) reason = null
    } catch (thrown) {
      reason = reasonOf(thrown)
    }
    await pool.destroy()
    await exited
    // The end of a thread comes another way than its last messages, and may overtake them.
    await this.#silent
    this.#port.close()
    this.#isOver = true
    return this.#reason ?? reason
  }

  #receive(message: FromShard): void {
    switch (message.kind) {
      case 'opened':
        this.#resolveOpened(message.shards)
        return
      case 'closed':
        this.#fallSilent()
        return
      case 'failed': {
        const { error, reason } = message
        this.#reason = reason
        if (error !== null) this.#onFailure(new MillraceError(error.code, error.details))
        return
      }
      default:
        this.#onMessage(message)
    }
  }
}

/** A pool of one thread, which begins with its first task and is not replaced. */
function createPool(workerUrl: URL): Piscina<LaneTask, void> {
  const pool = new Piscina<LaneTask, void>({
    filename: workerUrl.href,
    minThreads: 0,
    maxThreads: 1,
    concurrentTasksPerWorker: 1,
    idleTimeout: Infinity,
    // Otherwise a thread is frozen whenever its task waits.
    atomics: 'disabled',
    stricterFIFO: true,
    recordTiming: false,
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMib },
    // The default queue is one object for all pools of the process.
    taskQueue: new FixedQueue(),
  })
  // What a thread without a task fails with: it has done its work.
  pool.on('error', () => undefined)
  return pool
}
