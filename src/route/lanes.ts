/**
 * The shard threads, one for each lane.
 *
 * A thread owns its shards and its stores. When it dies, the lane is not live: whoever is told
 * starts another thread for it, brings that to where the dead one had got, and lets the lane go on
 * (`recovery/rebuilds.ts`). What was sent to be applied meanwhile is kept here and sent then; reads
 * are refused. The other lanes know nothing of it.
 *
 * Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import type {
  FromShard,
  KeySearch,
  LaneStart,
  ReadQuery,
  ReadResult,
  ShardOpened,
  ToShard,
} from '../model/message.ts'
import { Pulse, type EventInHand } from '../model/pulse.ts'
import type { RouterLane } from './lane-mailbox.ts'
import { LaneReads } from './lane-reads.ts'
import { LaneSearches } from './lane-searches.ts'
import { LaneThread, type FromThread } from './lane-thread.ts'
import { Unanswered } from './unanswered.ts'

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
  /** A thread has died that had opened its stores, and may be started again. */
  readonly onDeath: (lane: RebuildableLane, death: Death) => void
}

/** What is known of the end of a thread. */
export interface Death {
  readonly reason: string
  /** The event that it had in hand, where it was careful. */
  readonly inHand: EventInHand | null
}

/** @param check  Null when it was in none. */
type DeathListener = (error: MillraceError, check: number | null) => void

export interface Lane {
  readonly lane: number
  readonly shards: readonly number[]
  /** That its thread does something. */
  readonly pulse: Pulse
  /** Whether a thread serves it; false while it is rebuilt. */
  readonly isLive: boolean
  /** Settles when the lane's stores are open; rejects when a lane has failed. */
  readonly opened: Promise<readonly ShardOpened[]>
  /** Sends a message behind all that were sent before. */
  post(message: ToShard): void
  /** Adds a listener for all that is no answer to a read. */
  onMessage(listener: (message: FromShard) => void): void
  /**
   * Adds a listener for the death of its thread, which answers nothing more that it was sent, and
   * the id of the check that it died in.
   */
  onDeath(listener: DeathListener): void
  /**
   * Asks the lane's shards, many reads in one message.
   *
   * @returns `results[n]`, in the order of `queries[n]`.
   * @throws MillraceError `SHARD_REBUILDING`; when a lane has failed, what it has failed with;
   *   `INTERNAL` when one of the queries could not be answered.
   */
  read(queries: readonly ReadQuery[]): Promise<readonly ReadResult[]>
  /**
   * Searches the lane's shards for keys.
   *
   * @throws MillraceError as {@link read}.
   */
  find(search: KeySearch): Promise<readonly Uint8Array[]>
}

/** A lane whose thread has died. */
export interface RebuildableLane extends Lane {
  /** Journal position up to which everything that it was sent has been answered. */
  readonly answered: number
  /**
   * Starts a thread.
   *
   * @param quarantined  The events that are to be skipped.
   * @returns null when the lane has been closed meanwhile.
   */
  restart(quarantined: readonly EventInHand[]): Rebuild | null
  /**
   * Is live again: sends what has not been answered, to be applied with care.
   *
   * @param shards  As the thread has opened them.
   */
  goOn(rebuild: Rebuild, shards: readonly ShardOpened[]): void
}

/** A thread that is to be brought to where the lane was. */
export interface Rebuild extends RouterLane {
  /** Resolves when its stores are open; to null when it has died, or was closed, before. */
  readonly opened: Promise<readonly ShardOpened[] | null>
  /** Resolves when the thread has died or was closed. */
  readonly over: Promise<unknown>
  readonly isOver: boolean
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

export function openLanes(options: LanesOptions): Lanes {
  const { starts, workerUrl, onFailure, onDeath } = options
  let failure: MillraceError | null = null
  const lanes: ThreadLane[] = []
  const fail = (error: MillraceError): void => {
    if (failure !== null) return
    failure = error
    for (const each of lanes) each.fail(failure)
    onFailure(failure)
  }
  for (const start of starts) {
    lanes.push(new ThreadLane({ start, workerUrl, onFailure: fail, onDeath }))
  }
  return {
    lanes,
    async close(): Promise<void> {
      await Promise.all(lanes.map((lane) => lane.close()))
      if (failure !== null) throw failure
    },
  }
}

type ThreadLaneOptions = Omit<LanesOptions, 'starts'> & { readonly start: LaneStart }

class ThreadLane implements RebuildableLane {
  readonly lane: number
  readonly shards: readonly number[]
  readonly pulse: Pulse
  readonly opened: Promise<readonly ShardOpened[]>
  readonly #options: ThreadLaneOptions
  readonly #listeners: ((message: FromShard) => void)[] = []
  readonly #deathListeners: DeathListener[] = []
  readonly #unanswered = new Unanswered()
  readonly #reads: LaneReads
  readonly #searches: LaneSearches
  #thread: LaneThread
  #isLive = true
  /** As they were posted last: another thread begins with them. */
  #histories: LaneStart['histories']
  /** Hears what the thread answers while the lane is rebuilt. */
  #onReplayed: ((message: FromShard) => void)[] = []
  #isOpen = false
  #isClosing = false
  #rejectOpened!: (error: MillraceError) => void
  #failure: MillraceError | null = null

  constructor(options: ThreadLaneOptions) {
    const { start } = options
    this.#options = options
    this.lane = start.lane
    this.shards = start.shards
    this.#histories = start.histories
    this.pulse = new Pulse(start.pulse)
    this.#reads = new LaneReads(start.lane, (message) => this.post(message))
    this.#searches = new LaneSearches(start.lane, (message) => this.post(message))
    this.#thread = this.#startThread(start.quarantined)
    const { opened } = this.#thread
    this.opened = new Promise((resolve, reject) => {
      this.#rejectOpened = reject
      void opened.then((shards) => {
        this.#isOpen = true
        resolve(shards)
      })
    })
    // A failure is reported by `onFailure`, whether or not somebody waits for the lane to open.
    this.opened.catch(() => undefined)
  }

  get isLive(): boolean {
    return this.#isLive
  }

  get answered(): number {
    return this.#unanswered.answered
  }

  post(message: ToShard): void {
    if (message.kind === 'apply') this.#unanswered.sent(message)
    if (message.kind === 'histories') this.#histories = message.histories
    // What is routed has not got to a thread that is being rebuilt: it must not take it for stored.
    const mayWait = message.kind === 'apply' || message.kind === 'checkpoint'
    if (this.#isLive || !mayWait) this.#thread.post(message)
  }

  onMessage(listener: (message: FromShard) => void): void {
    this.#listeners.push(listener)
  }

  onDeath(listener: DeathListener): void {
    this.#deathListeners.push(listener)
  }

  read(queries: readonly ReadQuery[]): Promise<readonly ReadResult[]> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    return this.#isLive ? this.#reads.read(queries) : Promise.reject(this.#rebuilding())
  }

  find(search: KeySearch): Promise<readonly Uint8Array[]> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    return this.#isLive ? this.#searches.find(search) : Promise.reject(this.#rebuilding())
  }

  restart(quarantined: readonly EventInHand[]): Rebuild | null {
    if (this.#isClosing || this.#failure !== null) return null
    const onReplayed: ((message: FromShard) => void)[] = []
    this.#onReplayed = onReplayed
    const thread = this.#startThread(quarantined)
    this.#thread = thread
    return {
      opened: Promise.race([thread.opened, thread.over.then(() => null)]),
      over: thread.over,
      get isOver() {
        return thread.isOver
      },
      shards: this.shards,
      post: (message) => thread.post(message),
      onMessage: (listener) => onReplayed.push(listener),
    }
  }

  goOn(rebuild: Rebuild, shards: readonly ShardOpened[]): void {
    if (rebuild.isOver || this.#isClosing) return
    this.#unanswered.reopened(shards)
    this.#isLive = true
    for (const message of this.#unanswered.messages) {
      this.#thread.post({ ...message, isCareful: true })
    }
  }

  /** Ends the thread after everything that was posted; resolves when it is over, well or not. */
  async close(): Promise<void> {
    this.#reads.askAll()
    this.#isClosing = true
    this.#thread.close()
    await this.#thread.over
  }

  fail(failure: MillraceError): void {
    this.#failure = failure
    this.#rejectOpened(failure)
    this.#reads.fail(failure)
    this.#searches.fail(failure)
  }

  #startThread(quarantined: readonly EventInHand[]): LaneThread {
    const { start, workerUrl, onFailure } = this.#options
    const thread = new LaneThread({
      start: { ...start, quarantined, histories: this.#histories },
      workerUrl,
      onMessage: (message) => this.#receive(message),
      onFailure,
    })
    void thread.over.then((reason) => {
      if (reason !== null) this.#died(reason)
    })
    return thread
  }

  #died(reason: string): void {
    const { onFailure, onDeath } = this.#options
    const { inHand, check } = this.pulse
    this.pulse.clear()
    // A store whose commit has failed must not be opened again within this process.
    if (!this.#isOpen || this.#isClosing || this.#failure !== null) {
      onFailure(new MillraceError('SHARD_FAILED', { lane: this.lane, reason }))
      return
    }
    this.#isLive = false
    this.#reads.fail(this.#rebuilding())
    this.#searches.fail(this.#rebuilding())
    for (const listener of this.#deathListeners) listener(this.#rebuilding(), check)
    onDeath(this, { reason, inHand })
  }

  #rebuilding(): MillraceError {
    return new MillraceError('SHARD_REBUILDING', { lane: this.lane })
  }

  #receive(message: FromThread): void {
    if (message.kind === 'read') {
      this.#reads.answered(message.id, message.answers)
      return
    }
    if (message.kind === 'found') {
      this.#searches.answered(message)
      return
    }
    if (message.kind === 'applied' && !this.#isLive) {
      for (const listener of this.#onReplayed) listener(message)
      return
    }
    const told = message.kind === 'applied' ? this.#unanswered.complete(message) : message
    for (const listener of this.#listeners) listener(told)
  }
}
