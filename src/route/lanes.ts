/**
 * The shard threads: one Piscina task per thread that lasts as long as the daemon.
 *
 * A thread owns its shards and its stores, so it is never stopped from outside: it ends after it
 * was told to close, when its task returns. Messages go over a port that is handed to the task and
 * keeps their order. A thread that ends or breaks by itself is a failure of the whole daemon: what
 * it had applied is unknown, and only recovery can tell.
 *
 * Thread: main.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { FixedQueue, Piscina } from 'piscina'
import { MillraceError, reasonOf } from '../base/errors.ts'
import type {
  FromShard,
  LaneStart,
  ReadQuery,
  ReadResult,
  ShardOpened,
  ToShard,
} from '../model/message.ts'
import { Pulse } from '../model/pulse.ts'
import { LaneReads } from './lane-reads.ts'

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

export interface LanesOptions {
  /** `starts[lane]`. */
  readonly starts: readonly LaneStart[]
  /** The compiled worker file. */
  readonly workerUrl: URL
  /**
   * Called once, with the error that a lane has failed with, or `SHARD_FAILED`; nothing that is on
   * its way will be answered after it.
   */
  readonly onFailure: (error: MillraceError) => void
}

export interface Lane {
  readonly lane: number
  readonly shards: readonly number[]
  /** That its thread does something. */
  readonly pulse: Pulse
  /** Settles when the lane's stores are open; rejects when a lane has failed. */
  readonly opened: Promise<readonly ShardOpened[]>
  /** Sends a message behind all that were sent before. */
  post(message: ToShard): void
  /** Adds a listener for `applied`, `checkpointed`, `awaiting` and `checked`. */
  onMessage(listener: (message: FromShard) => void): void
  /**
   * Asks the lane's shards, many reads in one message.
   *
   * @returns `results[n]`, in the order of `queries[n]`.
   * @throws MillraceError when a lane has failed; `INTERNAL` when one of the queries could not be
   *   answered.
   */
  read(queries: readonly ReadQuery[]): Promise<readonly ReadResult[]>
}

export interface Lanes {
  /** `lanes[n]` was started by `starts[n]`. */
  readonly lanes: readonly Lane[]
  /**
   * Ends every thread that still runs, after all that was posted to it before; resolves when their
   * stores are closed, however long it takes.
   *
   * @throws MillraceError what a lane failed with, before or meanwhile.
   */
  close(): Promise<void>
}

export function openLanes({ starts, workerUrl, onFailure }: LanesOptions): Lanes {
  const pool = new Piscina<LaneTask, void>({
    filename: workerUrl.href,
    minThreads: starts.length,
    maxThreads: starts.length,
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
  let failure: MillraceError | null = null
  const lanes: ThreadLane[] = []
  const fail = (lane: number, thrown: unknown): void => {
    if (failure !== null) return
    failure = failureOf(lane, thrown)
    for (const each of lanes) each.fail(failure)
    onFailure(failure)
  }
  pool.on('error', (error) => fail(-1, error))
  for (const start of starts) {
    const { port1, port2 } = new MessageChannel()
    const task = pool.run({ start, port: port2 }, { transferList: [port2] })
    lanes.push(new ThreadLane(start, port1, task, (thrown) => fail(start.lane, thrown)))
  }
  return {
    lanes,
    async close(): Promise<void> {
      await Promise.all(lanes.map((lane) => lane.close()))
      await pool.close()
      if (failure !== null) throw failure
    },
  }
}

class ThreadLane implements Lane {
  readonly lane: number
  readonly shards: readonly number[]
  readonly pulse: Pulse
  readonly opened: Promise<readonly ShardOpened[]>
  readonly #port: MessagePort
  readonly #listeners: ((message: FromShard) => void)[] = []
  readonly #onFailure: (thrown: unknown) => void
  /** Resolves when the task has ended, well or not. */
  readonly #ended: Promise<void>
  /** Resolves when no message will come any more. */
  readonly #silent: Promise<void>
  readonly #resolveOpened: (shards: readonly ShardOpened[]) => void
  readonly #rejectOpened: (error: MillraceError) => void
  #failure: MillraceError | null = null
  #isClosing = false
  readonly #reads: LaneReads

  constructor(
    start: LaneStart,
    port: MessagePort,
    task: Promise<void>,
    onFailure: (thrown: unknown) => void,
  ) {
    this.lane = start.lane
    this.shards = start.shards
    this.pulse = new Pulse(start.pulse)
    this.#port = port
    this.#reads = new LaneReads(start.lane, (message) => this.post(message))
    this.#onFailure = onFailure
    const opened = withResolvers<readonly ShardOpened[]>()
    this.opened = opened.promise
    this.#resolveOpened = opened.resolve
    this.#rejectOpened = opened.reject
    // A failure is reported by `onFailure`, whether or not somebody waits for the lane to open.
    this.opened.catch(() => undefined)
    const silent = withResolvers<void>()
    this.#silent = silent.promise
    port.on('message', (message: FromShard) => {
      if (message.kind === 'closed') silent.resolve()
      else this.#receive(message)
    })
    port.on('messageerror', onFailure)
    port.on('close', silent.resolve)
    const broken = (thrown: unknown): void => {
      silent.resolve()
      onFailure(thrown)
    }
    this.#ended = task.then(async () => {
      if (this.#isClosing) return
      // Why it has ended may still be on its way.
      await this.#silent
      broken(new Error('the thread has ended by itself'))
    }, broken)
    // Waited for by `close`, which may come long after, or not at all.
    this.#ended.catch(() => undefined)
  }

  post(message: ToShard): void {
    this.#port.postMessage(message)
  }

  onMessage(listener: (message: FromShard) => void): void {
    this.#listeners.push(listener)
  }

  read(queries: readonly ReadQuery[]): Promise<readonly ReadResult[]> {
    return this.#failure === null ? this.#reads.read(queries) : Promise.reject(this.#failure)
  }

  /** Ends the task after everything that was posted; resolves when it has ended, well or not. */
  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#reads.askAll()
      this.#isClosing = true
      this.post({ kind: 'close' })
    }
    // The end of the task comes another way than its last messages, and may overtake them.
    await Promise.all([this.#ended, this.#silent])
    this.#port.close()
  }

  fail(failure: MillraceError): void {
    this.#failure = failure
    this.#rejectOpened(failure)
    this.#reads.fail(failure)
  }

  #receive(message: Exclude<FromShard, { kind: 'closed' }>): void {
    switch (message.kind) {
      case 'opened':
        this.#resolveOpened(message.shards)
        return
      case 'read':
        this.#reads.answered(message.id, message.answers)
        return
      case 'failed':
        this.#onFailure(toldBy(message))
        return
      case 'applied':
      case 'checkpointed':
      case 'awaiting':
      case 'checked':
        for (const listener of this.#listeners) listener(message)
        return
    }
  }
}

/** What a lane says that it has failed with. */
function toldBy({ error, reason }: Extract<FromShard, { kind: 'failed' }>): Error {
  return error === null ? new Error(reason) : new MillraceError(error.code, error.details)
}

/** Errors of ours say what to do about them: they stay what they are. */
function failureOf(lane: number, thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError) return thrown
  return new MillraceError('SHARD_FAILED', { lane, reason: reasonOf(thrown) }, { cause: thrown })
}

function withResolvers<T>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
} {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
