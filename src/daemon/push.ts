/**
 * Events from within the process, pushed and answered call by call: the way in of HTTP.
 *
 * All calls share one producer, and with it the journal's flushes and the lanes' messages: a call
 * costs what a small frame of a session costs. The producer is the same over restarts, so it counts
 * once among those that are known. Acknowledgements come in the order of the sequences, so the
 * calls that wait are a queue, and a rejection belongs to the first whose end is not before it.
 *
 * What calls hold is bounded; beyond, they are refused. A call that hears nothing in time is told
 * that its outcome is unknown; its events still are what they were.
 *
 * Thread: main.
 */
import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import { pushBytesMax, pushMsMax } from '../base/http-limits.ts'
import type { Journal } from '../journal/journal.ts'
import type { Catalog } from '../model/catalog.ts'
import type {
  Acknowledgement,
  CheckOutcome,
  IngestPort,
  ProducerSession,
  PushOutcome,
  PushPort,
  SourceEvents,
} from '../model/contracts.ts'
import type { PushRejection } from '../model/rejection.ts'
import { systemScheduler, type Scheduler } from '../wire/scheduler.ts'
import { outcomeOf } from './check-outcome.ts'
import type { Checks } from './checks.ts'

/** The name of a producer from outside has no space. */
export const pushProducer = 'http push'

export interface PushOptions {
  readonly catalog: Catalog
  readonly journal: Pick<Journal, 'producers'>
  readonly ingest: IngestPort
  readonly checks: Pick<Checks, 'ask'>
  readonly clock: Clock
  /** @defaultValue the process's timers */
  readonly scheduler?: Scheduler
}

/** The events of one source that one call has published. */
interface Published {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly rejections: PushRejection[]
  readonly settle: () => void
}

export class Push implements PushPort {
  readonly #options: PushOptions
  /** Places in the catalog. */
  readonly #sources: ReadonlyMap<string, number>
  #session: Promise<ProducerSession> | null = null
  #nextSequence = 0
  /** By sequence. */
  #published: Published[] = []
  #bytes = 0
  /** The intake is full, and the producer has its part of it. */
  #isHeld = false
  #isStopping = false
  #failure: MillraceError | null = null
  readonly #failed: Promise<never>
  #fail!: (failure: MillraceError) => void
  #onIdle: () => void = () => {}

  constructor(options: PushOptions) {
    this.#options = options
    this.#sources = new Map(options.catalog.sources.map(({ name, index }) => [name, index]))
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    // Whoever waits for an outcome hears of it.
    this.#failed.catch(() => {})
  }

  push(batches: readonly SourceEvents[]): Promise<readonly PushOutcome[]> {
    return this.#answered(batches, async () => {
      const session = await this.#opened()
      if (this.#isHeld) throw new MillraceError('OVERLOADED')
      return Promise.all(batches.map((events) => this.#publish(session, events)))
    })
  }

  check(batches: readonly SourceEvents[]): Promise<readonly CheckOutcome[]> {
    return this.#answered(batches, async () => {
      const { catalog, checks, clock } = this.#options
      const asked = batches.map(({ source, count, payload }) => ({
        source: this.#sources.get(source)!,
        count,
        payload: shared(payload),
      }))
      const findings = await checks.ask(asked, clock.nowMs())
      return findings.map((each, n) => outcomeOf(each, catalog, asked[n]!))
    })
  }

  /** Takes nothing more; resolves when every call has its outcome. */
  async drain(): Promise<void> {
    this.#isStopping = true
    if (this.#bytes > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    }
  }

  /** The outcome of every call that waits is unknown, and none is taken any more. */
  fail(failure: MillraceError): void {
    this.#failure ??= failure
    this.#fail(failure)
  }

  /** Counts a call among those that have no outcome, as long as it has none. */
  async #answered<T>(batches: readonly SourceEvents[], call: () => Promise<T>): Promise<T> {
    if (this.#failure !== null) throw this.#failure
    if (this.#isStopping) throw new MillraceError('DRAINING')
    for (const { source } of batches) {
      if (!this.#sources.has(source)) throw new MillraceError('SOURCE_UNKNOWN', { source })
    }
    const bytes = batches.reduce((sum, { payload }) => sum + payload.length, 0)
    if (this.#bytes + bytes > pushBytesMax) throw new MillraceError('OVERLOADED')
    this.#bytes += bytes
    const work = call().finally(() => this.#settled(bytes))
    // Too late to be told, when the time is over.
    work.catch(() => {})
    return this.#inTime(work)
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    let callOff = (): void => {}
    const late = new Promise<never>((_, reject) => {
      callOff = (this.#options.scheduler ?? systemScheduler).after(pushMsMax, () => {
        reject(new MillraceError('OUTCOME_UNKNOWN', { reason: `no outcome in ${pushMsMax} ms` }))
      })
    })
    try {
      return await Promise.race([work, late, this.#failed])
    } finally {
      callOff()
    }
  }

  #settled(bytes: number): void {
    this.#bytes -= bytes
    if (this.#bytes === 0) this.#onIdle()
  }

  #publish(session: ProducerSession, events: SourceEvents): Promise<PushOutcome> {
    const { source, count, payload } = events
    if (count === 0) return Promise.resolve({ accepted: 0, rejections: [] })
    const sequence = this.#nextSequence
    const outcome = new Promise<PushOutcome>((resolve) => {
      const rejections: PushRejection[] = []
      this.#published.push({
        firstSequence: sequence,
        lastSequence: sequence + count - 1,
        rejections,
        settle: () => resolve({ accepted: count - rejections.length, rejections }),
      })
    })
    const answer = session.publish({ source, sequence, count, payload })
    if ('expected' in answer) {
      this.#published.pop()
      throw answer.reason ?? new MillraceError('INTERNAL')
    }
    this.#nextSequence += count
    return outcome
  }

  /** The session of all calls; when it was not to be had, the next call asks again. */
  #opened(): Promise<ProducerSession> {
    this.#session ??= this.#open().catch((thrown: unknown) => {
      this.#session = null
      throw thrown
    })
    return this.#session
  }

  async #open(): Promise<ProducerSession> {
    const { ingest, journal } = this.#options
    const { producers } = journal.producers.state()
    const epoch = producers.find(({ name }) => name === pushProducer)?.epoch ?? null
    const session = await ingest.openProducer(pushProducer, epoch, {
      acknowledged: (acknowledgement) => this.#acknowledged(acknowledgement),
      fenced: () => {},
      held: (isHeld) => {
        this.#isHeld = isHeld
      },
    })
    this.#nextSequence = session.lastSequence + 1
    return session
  }

  #acknowledged({ upTo, rejections }: Acknowledgement): void {
    let n = 0
    for (;;) {
      const first = this.#published[0]
      if (first === undefined || first.lastSequence > upTo) return
      for (; n < rejections.length && rejections[n]!.sequence <= first.lastSequence; n++) {
        const { code, path, message, sequence } = rejections[n]!
        first.rejections.push({ index: sequence - first.firstSequence, code, path, message })
      }
      this.#published.shift()
      first.settle()
    }
  }
}

/** A copy that a thread can have. */
function shared(payload: Uint8Array): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(payload.length)
  new Uint8Array(memory).set(payload)
  return memory
}
