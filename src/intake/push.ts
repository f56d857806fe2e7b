/**
 * Events from within the process, pushed and answered call by call: the way in of HTTP.
 *
 * All calls but those with a key share one producer, and with it the journal's flushes and the
 * lanes' messages: a call costs what a small frame of a session costs. The producer is the same
 * over restarts, so it counts once among those that are known.
 *
 * What calls hold is bounded; beyond, they are refused. A call that hears nothing in time is told
 * that its outcome is unknown; its events still are what they were.
 *
 * Thread: main.
 */
import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import { pushBytesMax, pushMsMax } from '../base/http-limits.ts'
import type { Catalog } from '../model/catalog.ts'
import type {
  CheckOutcome,
  IngestPort,
  PushOutcome,
  PushPort,
  RequestIdentity,
  SourceEvents,
} from '../model/contracts.ts'
import { systemScheduler, type Scheduler } from '../base/scheduler.ts'
import { outcomeOf } from './check-outcome.ts'
import type { Checks } from './checks.ts'
import type { KeyedRequests } from './keyed-requests.ts'
import { PushProducer } from './push-producer.ts'

/** The name of a producer from outside has no space. */
export const pushProducer = 'http push'

export interface PushOptions {
  readonly catalog: Catalog
  readonly ingest: IngestPort
  /** The producers that the journal knows. */
  readonly producers: () => readonly { readonly name: string; readonly epoch: number }[]
  readonly keyed: Pick<KeyedRequests, 'arrivedMs' | 'push'>
  readonly checks: Pick<Checks, 'ask'>
  readonly clock: Clock
  /** @defaultValue the process's timers */
  readonly scheduler?: Scheduler
}

export class Push implements PushPort {
  readonly #options: PushOptions
  /** Places in the catalog. */
  readonly #sources: ReadonlyMap<string, number>
  #producer: Promise<PushProducer> | null = null
  #bytes = 0
  #isStopping = false
  #failure: MillraceError | null = null
  /** Of each call that has no answer: ends it with an error. */
  readonly #waiting = new Set<(error: MillraceError) => void>()
  #onIdle: () => void = () => {}

  constructor(options: PushOptions) {
    this.#options = options
    this.#sources = new Map(options.catalog.sources.map(({ name, index }) => [name, index]))
  }

  push(batches: readonly SourceEvents[]): Promise<readonly PushOutcome[]> {
    return this.#answered(batches, async () => {
      const producer = await this.#opened()
      if (producer.isHeld) throw new MillraceError('OVERLOADED')
      return Promise.all(batches.map((events) => producer.publish(events)))
    })
  }

  check(batches: readonly SourceEvents[]): Promise<readonly CheckOutcome[]> {
    return this.#check(batches, this.#options.clock.nowMs())
  }

  withKey(identity: RequestIdentity): PushPort {
    const { keyed, clock } = this.#options
    // What is asked of a repeat is what was asked of the first one, at its time.
    const arrivedMs = keyed.arrivedMs(identity) ?? clock.nowMs()
    return {
      check: (batches) => this.#check(batches, arrivedMs),
      push: (batches) => {
        return this.#answered(batches, () => keyed.push(identity, batches, arrivedMs))
      },
      withKey: () => this.withKey(identity),
    }
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
    for (const end of this.#waiting) end(failure)
  }

  #check(batches: readonly SourceEvents[], arrivalMs: number): Promise<readonly CheckOutcome[]> {
    return this.#answered(batches, async () => {
      const { catalog, checks } = this.#options
      const asked = batches.map(({ source, count, payload }) => ({
        source: this.#sources.get(source)!,
        count,
        payload: shared(payload),
      }))
      const findings = await checks.ask(asked, arrivalMs)
      return findings.map((each, n) => outcomeOf(each, catalog, asked[n]!))
    })
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
    return this.#inTime(call().finally(() => this.#settled(bytes)))
  }

  /** What the work comes to, unless that takes too long, or the daemon ends. */
  #inTime<T>(work: Promise<T>): Promise<T> {
    const { scheduler = systemScheduler } = this.#options
    return new Promise((resolve, reject) => {
      const callOff = scheduler.after(pushMsMax, () => {
        end(new MillraceError('OUTCOME_UNKNOWN', { reason: `no outcome in ${pushMsMax} ms` }))
      })
      const end = (error: MillraceError): void => {
        this.#waiting.delete(end)
        callOff()
        reject(error)
      }
      this.#waiting.add(end)
      work.then((result) => {
        this.#waiting.delete(end)
        callOff()
        resolve(result)
      }, end)
    })
  }

  #settled(bytes: number): void {
    this.#bytes -= bytes
    if (this.#bytes === 0) this.#onIdle()
  }

  /** The producer of all calls; when it was not to be had, the next call asks again. */
  #opened(): Promise<PushProducer> {
    const { ingest, producers } = this.#options
    const known = (): number | null =>
      producers().find(({ name }) => name === pushProducer)?.epoch ?? null
    this.#producer ??= PushProducer.open(ingest, pushProducer, known()).catch((thrown: unknown) => {
      this.#producer = null
      throw thrown
    })
    return this.#producer
  }
}

/** A copy that a thread can have. */
function shared(payload: Uint8Array): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(payload.length)
  new Uint8Array(memory).set(payload)
  return memory
}
