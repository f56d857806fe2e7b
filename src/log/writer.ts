/**
 * Writes groups to the log's segments and flushes them, one after the other.
 *
 * While one group is on its way, appends gather in the next: the slower the disk, the larger the
 * groups. `flushed` moves only after `fdatasync` of everything before it. The first error of any
 * write or flush ends the log: what is on disk is then unknown, a second flush would prove
 * nothing, and only opening the log again can tell.
 *
 * Thread: main.
 */
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { writeFully, type LogFile, type LogFiles } from './files.ts'
import type { LogFormat } from './format.ts'
import type { GroupQueue } from './group.ts'
import {
  createSegment,
  recordsStart,
  segmentPath,
  type Segment,
  type SegmentPlan,
} from './segment.ts'

interface Waiter {
  readonly position: number
  readonly resolve: () => void
  readonly reject: (error: MillraceError) => void
}

/** Told how far a log is on disk, and how long the last group of it took, ms. */
export type FlushListener = (flushed: number, tookMs: number) => void

export interface WriterOptions {
  readonly files: LogFiles
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly dir: string
  readonly format: LogFormat
  readonly logId: Uint8Array
  readonly queue: GroupQueue
  /** Segments that are on disk; the writer adds those that it starts. */
  readonly segments: Segment[]
  /** Position up to which the log is on disk. */
  readonly flushed: number
  /** Called once, with the format's `writeFailed`. */
  readonly onFailure: (error: MillraceError) => void
}

export class GroupWriter {
  readonly #options: WriterOptions
  readonly #listeners = new Set<FlushListener>()
  #waiters: Waiter[] = []
  #file: LogFile | null = null
  #flushed: number
  #isBusy = false
  #failure: MillraceError | null = null

  constructor(options: WriterOptions) {
    this.#options = options
    this.#flushed = options.flushed
  }

  get flushed(): number {
    return this.#flushed
  }

  get failure(): MillraceError | null {
    return this.#failure
  }

  /** Starts writing at the end of this turn of the event loop, unless it is going on. */
  wake(): void {
    if (this.#isBusy) return
    this.#isBusy = true
    setImmediate(() => void this.#run())
  }

  onFlushed(listener: FlushListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  whenFlushed(position: number): Promise<void> {
    if (position <= this.#flushed) return Promise.resolve()
    if (this.#failure !== null) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => this.#waiters.push({ position, resolve, reject }))
  }

  /** Creates a segment; its header and snapshot are on disk when this resolves. */
  async startSegment(plan: SegmentPlan): Promise<void> {
    const { files, dir, format, logId, segments } = this.#options
    const file = await createSegment(files, dir, plan, { logId, format })
    const { start, createdMs } = plan
    const path = segmentPath(dir, start, format)
    segments.push({ path, start, end: recordsStart(plan), createdMs })
    const before = this.#file
    this.#file = file
    await before?.close()
  }

  /** Lets go of the file; nothing is being written any more. */
  async close(): Promise<void> {
    assert(!this.#isBusy, 'the writer is closed when it has nothing to do')
    const file = this.#file
    this.#file = null
    await file?.close()
  }

  async #run(): Promise<void> {
    const { queue, clock } = this.#options
    for (let group = queue.take(); group !== undefined; group = queue.take()) {
      const startedMs = clock.monotonicMs()
      try {
        if (group.segment !== null) await this.startSegment(group.segment)
        const segment = this.#options.segments.at(-1)!
        await writeFully(this.#file!, group.chunks, group.start - segment.start)
        await this.#file!.flush()
        this.#options.segments[this.#options.segments.length - 1] = { ...segment, end: group.end }
      } catch (error) {
        this.#fail(error)
        return
      }
      this.#flushed = group.end
      queue.written(group)
      this.#tell(clock.monotonicMs() - startedMs)
    }
    this.#isBusy = false
  }

  #tell(tookMs: number): void {
    const waiting: Waiter[] = []
    for (const waiter of this.#waiters) {
      if (waiter.position <= this.#flushed) waiter.resolve()
      else waiting.push(waiter)
    }
    this.#waiters = waiting
    for (const listener of this.#listeners) listener(this.#flushed, tookMs)
  }

  #fail(cause: unknown): void {
    const { writeFailed } = this.#options.format
    const failure = new MillraceError(writeFailed, { reason: reasonOf(cause) }, { cause })
    this.#failure = failure
    this.#isBusy = false
    this.#options.queue.clear()
    for (const { reject } of this.#waiters) reject(failure)
    this.#waiters = []
    this.#options.onFailure(failure)
  }
}
