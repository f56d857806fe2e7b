/**
 * A running daemon, as a program sees it.
 *
 * Its life: open → draining → closed, or failed from any of them. Draining is an ordered end: no
 * new events, what was taken is finished and acknowledged, the state is checkpointed as far as
 * there is time, the doors close. Closing is now; nothing acknowledged is lost, the next start
 * replays the journal's tail.
 */
// A program compiled for ES2022 has no type of `Symbol.asyncDispose` of its own.
/// <reference lib="esnext.disposable" preserve="true" />
import { MillraceError, reasonOf } from '../base/errors.ts'
import { drainMsMax, verifiedKeysStandard } from '../base/limits.ts'
import type { FeatureVector, JoinKeys, KeyedFeatureVector } from '../client/reader.ts'
import type { Receipt } from '../client/receipt.ts'
import type { FeaturesOf, JoinKeysOf, RequestOf } from '../define/service.ts'
import type { EventOf, PushSource } from '../define/source.ts'
import type { Journal } from '../journal/journal.ts'
import type { Certificate } from '../model/certificate.ts'
import type { ReadOptions } from '../model/contracts.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { DataDirectory } from '../persist/directory.ts'
import type { RealtimePool } from '../realtime/pool.ts'
import type { Lanes } from '../route/lanes.ts'
import type { Router } from '../route/router.ts'
import type { Readiness } from '../serve/http.ts'
import type { Backfills } from '../backfill/backfills.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { Doors } from './doors.ts'
import { EmbeddedClient } from './embedded.ts'
import type { Health } from './health.ts'
import type { HttpRoutes } from './http-routes.ts'
import type { LedgerReplay } from './ledger-replay.ts'
import type { OfflineLog } from './offline-log.ts'
import type { MillraceLog } from '../base/log-port.ts'
import type { Push } from '../intake/push.ts'
import type { Recording } from '../intake/recording.ts'
import type { Verification } from './verification.ts'

/** @internal What the daemon holds while it is open. */
export interface Parts {
  readonly doors: Doors
  readonly router: Router
  readonly journal: Journal
  readonly checkpoints: Checkpoints
  readonly directory: DataDirectory
  readonly lanes: Lanes
  /** Null without realtime views. */
  readonly realtime: RealtimePool | null
  readonly ledger: Ledger
  readonly offline: OfflineLog
  readonly verification: Verification
  readonly recording: Recording
  readonly replay: LedgerReplay
  readonly push: Push
  readonly backfills: Backfills
  readonly health: Health
}

/** A feature service or a view: what can be read by name. */
interface Readable {
  readonly name: string
  readonly '~joinKeys': unknown
  readonly '~features': unknown
  readonly '~request': unknown
}

export class Millrace {
  /** Settles when the daemon has ended; rejects with the failure that ended it. */
  readonly closed: Promise<void>
  readonly #log: MillraceLog
  #settleClosed!: () => void
  #rejectClosed!: (failure: MillraceError) => void
  #parts: Parts | null = null
  #client: EmbeddedClient | null = null
  #failure: MillraceError | null = null
  #draining: Promise<void> | null = null
  #closing: Promise<void> | null = null

  /** @internal Use {@link startMillrace}. */
  constructor(log: MillraceLog) {
    this.#log = log
    this.closed = new Promise((resolve, reject) => {
      this.#settleClosed = resolve
      this.#rejectClosed = reject
    })
    // A failure is also logged: nobody has to wait for the end.
    this.closed.catch(() => {})
  }

  /** Where it listens: `http://host:port`. */
  get url(): string {
    return this.#open().doors.url
  }

  /**
   * The HTTP routes, for requests without a socket: `millrace.http.inject('/readyz')`. They may ask
   * for everything, unless they have an `authorization` header of their own.
   */
  get http(): HttpRoutes {
    return this.#open().doors.routes
  }

  /**
   * Publishes events from within the process.
   *
   * @returns the receipt, once every event is durable and applied, or rejected.
   */
  ingest<S extends PushSource>(
    source: S,
    events: EventOf<S> | readonly EventOf<S>[],
  ): Promise<Receipt>
  ingest(source: string, events: object | readonly object[]): Promise<Receipt>
  ingest(source: string | { readonly name: string }, events: unknown): Promise<Receipt> {
    const name = typeof source === 'string' ? source : source.name
    return this.#embedded().ingest(name, Array.isArray(events) ? events : [events])
  }

  /**
   * Reads the features of one key, or of many in their order.
   *
   * A read sees every event whose receipt came before the call.
   */
  get<R extends Readable>(
    service: R,
    keys: readonly JoinKeysOf<R>[],
    options?: ReadOptions<RequestOf<R>>,
  ): Promise<FeatureVector<FeaturesOf<R>>[]>
  get<R extends Readable>(
    service: R,
    key: JoinKeysOf<R>,
    options?: ReadOptions<RequestOf<R>>,
  ): Promise<FeatureVector<FeaturesOf<R>>>
  get(service: string, keys: readonly JoinKeys[], options?: ReadOptions): Promise<FeatureVector[]>
  get(service: string, key: JoinKeys, options?: ReadOptions): Promise<FeatureVector>
  async get(service: string | Readable, keys: unknown, options?: ReadOptions): Promise<unknown> {
    const name = typeof service === 'string' ? service : service.name
    if (Array.isArray(keys)) return this.#embedded().get(name, keys as readonly JoinKeys[], options)
    return (await this.#embedded().get(name, [keys as JoinKeys], options))[0]
  }

  /**
   * Reads the features of every key of which a part is given: the join keys of the service's
   * `onlineServingIndex`. Keys whose events have expired are left out.
   *
   * @returns a vector with its key for each, in the order of the values of the other join keys.
   * @throws {@link MillraceError} as {@link get}, `KEY_NOT_INDEXED`, `TOO_MANY_ROWS`.
   */
  query<R extends Readable>(
    service: R,
    key: { readonly [Key in keyof JoinKeysOf<R>]?: JoinKeysOf<R>[Key] },
    options?: ReadOptions<RequestOf<R>>,
  ): Promise<KeyedFeatureVector<JoinKeysOf<R>, FeaturesOf<R>>[]>
  query(service: string, key: JoinKeys, options?: ReadOptions): Promise<KeyedFeatureVector[]>
  async query(
    service: string | Readable,
    key: unknown,
    options?: ReadOptions,
  ): Promise<KeyedFeatureVector[]> {
    const name = typeof service === 'string' ? service : service.name
    return this.#embedded().query(name, key as JoinKeys, options)
  }

  /** Writes the state of everything acknowledged by now into the stores. */
  async checkpoint(): Promise<void> {
    await Promise.race([this.#open().checkpoints.complete(), this.closed])
  }

  /**
   * Writes every event acknowledged by now into the offline log.
   *
   * @throws MillraceError `OFFLINE_LOG_BEHIND`.
   */
  async writeOffline(): Promise<void> {
    await Promise.race([this.#open().offline.write(), this.closed])
  }

  /**
   * Counts the journal again and compares with what is served.
   *
   * @param request  How many keys of each route at most, and a seed by which they are drawn.
   */
  verify({ keys = verifiedKeysStandard, seed = 0 } = {}): Promise<Certificate> {
    return this.unlessFailed(this.#open().verification.verify({ keysMax: keys, seed }))
  }

  /**
   * Stops intake, finishes and acknowledges what was taken, checkpoints, and ends.
   *
   * What is not in the stores after 20 s stays in the journal, and the next start replays it: call
   * {@link checkpoint} before where that is not wanted.
   */
  drain(): Promise<void> {
    this.#draining ??= this.#drain()
    return this.#draining
  }

  /** Ends now, a drain included: connections are cut. Nothing that was acknowledged is lost. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** The same as {@link drain}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  /** @internal Begins the life of the daemon, unless it has failed before. */
  open(parts: Parts): void {
    this.#throwIfFailed()
    this.#parts = parts
  }

  /** @internal That it should be sent no more work; null while it lives. */
  get ending(): Readiness | null {
    if (this.#failure !== null) return { state: 'failed', reason: this.#failure.code }
    return this.#isEnding ? { state: 'draining' } : null
  }

  /** @internal Ends the daemon because what was not acknowledged has become unknown. */
  fail(thrown: unknown): void {
    if (this.#failure !== null) return
    const failure = failureOf(thrown)
    this.#failure = failure
    this.#log.error({ code: failure.code }, failure.message)
    this.#client?.close(failure)
    this.#parts?.push.fail(failure)
    this.#parts?.doors.wire.fail(failure)
    this.#rejectClosed(failure)
    void this.#parts?.doors.http.close()
  }

  /** @internal What the work comes to, or the failure of the daemon, after which it may hang. */
  unlessFailed<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.closed.then(() => work)])
  }

  async #drain(): Promise<void> {
    try {
      // After a failure, or when closed meanwhile, some of it would never be done.
      await Promise.race([this.#finish(), this.closed])
    } finally {
      await this.close()
    }
  }

  async #finish(): Promise<void> {
    const { doors, router, recording, offline } = this.#open()
    const { replay, push, backfills } = this.#open()
    const isLate = new Promise<boolean>((resolve) => {
      setTimeout(() => resolve(true), drainMsMax).unref()
    })
    await this.#client?.drain()
    await Promise.all([replay.stop(), push.drain(), backfills.stop()])
    await doors.wire.drain(drainMsMax)
    await router.idle()
    await recording.idle()
    await this.#store(isLate)
    await offline.finish()
  }

  /** Checkpoints, unless it is late before all is stored. */
  async #store(isLate: Promise<boolean>): Promise<void> {
    const { checkpoints } = this.#open()
    if (!(await Promise.race([checkpoints.complete(), isLate]))) return
    const bytes = checkpoints.lags.reduce((most, lag) => Math.max(most, lag.bytes), 0)
    this.#log.info({ bytes }, 'the next start replays what could not be stored in time')
  }

  async #close(): Promise<void> {
    const { doors, router, journal, checkpoints, directory, lanes } = this.#open()
    const { realtime, ledger, recording, offline, verification } = this.#open()
    const { replay, push, backfills, health } = this.#open()
    verification.stop()
    health.stop()
    checkpoints.stop()
    recording.stop()
    void replay.stop()
    push.fail(new MillraceError('OUTCOME_UNKNOWN', { reason: 'the server has ended' }))
    void backfills.stop()
    this.#client?.close(new MillraceError('CLIENT_CLOSED'))
    doors.wire.close()
    router.flush()
    // Each lets go of what it holds, whatever becomes of the others.
    const parts = [
      () => offline.stop(),
      () => doors.http.close(),
      async () => realtime?.close(),
      () => lanes.close(),
      () => journal.close(),
      () => ledger.close(),
    ]
    for (const close of parts) await close().catch((thrown: unknown) => this.fail(thrown))
    await directory.release()
    this.#throwIfFailed()
    this.#settleClosed()
  }

  #throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure
  }

  get #isEnding(): boolean {
    return this.#draining !== null || this.#closing !== null
  }

  #open(): Parts {
    if (this.#parts === null) throw new MillraceError('CLIENT_CLOSED')
    return this.#parts
  }

  #embedded(): EmbeddedClient {
    this.#throwIfFailed()
    if (this.#isEnding) throw new MillraceError('DRAINING')
    this.#client ??= new EmbeddedClient((connection) => this.#open().doors.wire.connect(connection))
    return this.#client
  }
}

function failureOf(thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError) return thrown
  return new MillraceError('INTERNAL', { reason: reasonOf(thrown) }, { cause: thrown })
}
