/**
 * The client of a Millrace server: publishes events, reads features, over one WebSocket.
 *
 * It tells the truth about every event: a receipt says that the event is on the server's disk and
 * counted, or why it was rejected. While that is unknown, because a connection broke, the promise
 * stays pending, the client connects again and resumes where the server stands. An event is counted
 * once, however often its batch is sent. A receipt rejects only if there will never be an answer:
 * the client was closed, or the server refused it for good. A read can be asked again: it rejects
 * when its answer takes too long or the server cannot be reached.
 */
// A program compiled for ES2022 has no type of `Symbol.asyncDispose` of its own.
/// <reference lib="esnext.disposable" preserve="true" />
import { MillraceError, reasonOf } from '../base/errors.ts'
import { framePoolBytesMax } from '../base/limits.ts'
import type { FeaturesOf, JoinKeysOf, RequestOf } from '../define/service.ts'
import type { EventOf, PushSource } from '../define/source.ts'
import type { ReadOptions } from '../model/contracts.ts'
import type { ServerFrame, WelcomeFrame } from '../wire/protocol.ts'
import { Connection, type ClientStatus } from './connection.ts'
import { systemEnvironment, type Environment } from './environment.ts'
import { FramePool } from './frame-pool.ts'
import { Identity } from './identity.ts'
import { layoutOf, type SourceShape } from './layout.ts'
import { resolveOptions, type ClientOptions, type ResolvedClientOptions } from './options.ts'
import { openKeptOutbox, type KeptOutbox } from './kept-outbox.ts'
import { Producer, type Stored, type Unfinished } from './producer.ts'
import { Reader, type FeatureVector, type JoinKeys, type KeyedFeatureVector } from './reader.ts'
import type { Receipt } from './receipt.ts'

/** A feature service or a view: what can be read by name. */
export interface Readable {
  readonly name: string
  readonly '~joinKeys': unknown
  readonly '~features': unknown
  readonly '~request': unknown
}

/** An event of a source that is known by name only. */
export type UntypedEvent = Readonly<Record<string, unknown>>

/** A source as untyped callers may pass it. */
type NamedSource = SourceShape & { readonly name: string }

const sdk = 'millrace-js/0.1.0'

/**
 * Publishes events and reads features.
 *
 * The first call that needs a connection opens it. Publishing keeps to the server's credits; with
 * more events than that, `ready()` is the brake.
 *
 * @example
 * ```ts
 * const client = createClient({ url: 'ws://127.0.0.1:4800' })
 * const receipts: Promise<Receipt>[] = []
 * for (const events of batches) {
 *   await client.ready()
 *   receipts.push(client.publish(impressions, events))
 * }
 * for (const { rejected } of await Promise.all(receipts)) report(rejected)
 * const { values } = await client.get(userFeatures, { user_id: 'u1' })
 * await client.drain()
 * ```
 */
export class MillraceClient {
  readonly #options: ResolvedClientOptions
  readonly #producer: Producer
  readonly #reader: Reader
  readonly #connection: Connection
  readonly #identity: Identity
  #isLeaving = false
  /** Resolves when the outbox on disk is open, or cannot be; null without one. */
  readonly #opened: Promise<void> | null
  #kept: KeptOutbox | null = null

  /** @param environment  Timers and randomness; for tests. */
  constructor(options: ClientOptions, environment: Environment = systemEnvironment(options.clock)) {
    this.#options = resolveOptions(options)
    this.#identity = new Identity(this.#options.producer, this.#options.isProducerNamed)
    this.#producer = new Producer(
      {
        ...this.#options.publish,
        // Later, so that a callback may call the client and its errors are its own.
        onRejected: (rejection) => {
          queueMicrotask(() => this.#options.publish.onRejected(rejection))
        },
        onUnknown: (left) => {
          queueMicrotask(() => this.#options.publish.onUnknown(left))
        },
      },
      environment,
      new FramePool(framePoolBytesMax),
    )
    this.#reader = new Reader(this.#options.readTimeoutMs, environment)
    this.#connection = new Connection(
      this.#options,
      sdk,
      {
        hello: () => this.#identity.hello(),
        connected: (welcome) => this.#connected(welcome),
        received: (frame) => this.#received(frame),
        disconnected: () => this.#disconnected(),
        unreachable: (error) => this.#reader.unreachable(error),
        failed: (error) => this.#fail(error),
        statusChanged: (status) => {
          // Later, so that a callback may call the client and its errors are its own.
          queueMicrotask(() => this.#options.onStatus(status))
        },
      },
      environment,
    )
    const { outboxDir } = this.#options
    this.#opened = outboxDir === null ? null : this.#openOutbox(outboxDir, environment)
  }

  /** The name under which this client publishes. */
  get producer(): string {
    return this.#options.producer
  }

  /** How the connection is doing. */
  get status(): ClientStatus {
    return this.#connection.status
  }

  /** Events whose outcome is not known yet. */
  get unacknowledged(): number {
    return this.#producer.events
  }

  /** Those among them that were sent and may have been counted, and those that were not sent. */
  get unfinished(): Unfinished {
    return this.#producer.unfinished
  }

  /**
   * Events that the server has acknowledged and not counted again: duplicates by the rule of their
   * source, and what was sent a second time after a lost connection. Acknowledgements tell how
   * many, not which.
   */
  get duplicates(): number {
    return this.#producer.duplicates
  }

  /**
   * Publishes events; they are encoded before this returns.
   *
   * While the server cannot be reached they are kept, and sent when it can: `onStatus` tells of it.
   *
   * @param events  One event or many; a call is taken whole or not at all.
   * @returns the receipt, once every event of the call is durable and applied, or rejected.
   * @throws {@link MillraceError} `EVENT_ENCODE`, `EVENT_TOO_LARGE`: nothing of the call was sent;
   * `OUTBOX_FULL`: await {@link ready} first; `CLIENT_CLOSED`, `CLIENT_REFUSED`: the outcome is
   * unknown.
   */
  publish<S extends PushSource>(
    source: S,
    events: EventOf<S> | readonly EventOf<S>[],
  ): Promise<Receipt>
  publish(source: string, events: UntypedEvent | readonly UntypedEvent[]): Promise<Receipt>
  publish(source: string | NamedSource, events: unknown): Promise<Receipt> {
    if (this.#isLeaving) return Promise.reject(new MillraceError('CLIENT_CLOSED'))
    this.#startProducing()
    const name = typeof source === 'string' ? source : source.name
    const layout = typeof source === 'string' ? null : layoutOf(source)
    return this.#producer.publish(name, Array.isArray(events) ? events : [events], layout)
  }

  /**
   * Publishes events without a receipt: for programs that hand over one event at a time, and fast.
   * A receipt costs more than the rest of an event's way, if each event has one of its own.
   *
   * Everything else is as with {@link publish}. {@link flush} waits until all have their outcome,
   * {@link ready} until there is room. A rejected event is told to `onRejected`, in rare cases more
   * than once; one whose rejection was lost with a connection is in the server's ledger only.
   * Events that have no outcome when the client ends are told to `onUnknown`.
   *
   * @throws {@link MillraceError} at once, what `publish` rejects with before it sends.
   */
  send<S extends PushSource>(source: S, events: EventOf<S> | readonly EventOf<S>[]): void
  send(source: string, events: UntypedEvent | readonly UntypedEvent[]): void
  send(source: string | NamedSource, events: unknown): void {
    if (this.#isLeaving) throw new MillraceError('CLIENT_CLOSED')
    this.#startProducing()
    const name = typeof source === 'string' ? source : source.name
    const layout = typeof source === 'string' ? null : layoutOf(source)
    this.#producer.send(name, Array.isArray(events) ? events : [events], layout)
  }

  /**
   * Waits until everything published before is on this machine's disk: a client with the same
   * outbox sends it, should this process end.
   *
   * @returns the sequence that the next event will have: in one epoch, how many there were before.
   * @throws {@link MillraceError} `CONFIG_INVALID` without an outbox on disk, `OUTBOX_WRITE`,
   * `OUTBOX_CORRUPT`, `STORE_LOCKED`, `CLIENT_CLOSED`, `CLIENT_REFUSED`
   */
  async stored(): Promise<Stored> {
    if (this.#opened === null) {
      throw new MillraceError('CONFIG_INVALID', { path: 'outbox', reason: 'there is none on disk' })
    }
    await this.#opened
    return this.#producer.stored()
  }

  /**
   * Waits until there is room for more events: fewer than `outboxEventsMax` without an outcome.
   *
   * @throws {@link MillraceError} `CLIENT_CLOSED`, `CLIENT_REFUSED`
   */
  ready(): Promise<void> {
    return this.#producer.ready()
  }

  /**
   * Reads the features of one key, or of many.
   *
   * A read sees every event whose receipt came before the call. It waits for a connection, through
   * a restart of the server too, until its time is up (`readTimeoutMs`). But while the client has
   * never been connected, reads fail as soon as three attempts have, and from then on at once,
   * until an attempt succeeds: the client goes on trying.
   *
   * @param service  A feature service or a view, or the name of one.
   * @param options  What to do otherwise than the views say.
   * @returns the vector of a key; for `keys[n]`, `vectors[n]` in their order.
   * @throws {@link MillraceError} `FEATURES_UNKNOWN`, `KEY_INVALID`, `TOO_MANY_KEYS`,
   * `VIEW_NOT_ONLINE`, `CLIENT_CLOSED`, `CLIENT_REFUSED`; `CLIENT_UNREACHABLE`: there is no
   * connection, with the address and what is in the way; `CLIENT_TIMEOUT`: no answer in time.
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
    if (this.#isLeaving) throw new MillraceError('CLIENT_CLOSED')
    this.#connect()
    const name = typeof service === 'string' ? service : service.name
    if (Array.isArray(keys)) return this.#reader.read(name, keys as readonly JoinKeys[], options)
    const vectors = await this.#reader.read(name, [keys as JoinKeys], options)
    return vectors[0]
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
    if (this.#isLeaving) throw new MillraceError('CLIENT_CLOSED')
    this.#connect()
    const name = typeof service === 'string' ? service : service.name
    return this.#reader.query(name, key as JoinKeys, options)
  }

  /**
   * Sends what is collected, and waits until everything published before has its outcome.
   *
   * @throws {@link MillraceError} `CLIENT_CLOSED`, `CLIENT_REFUSED`
   */
  async flush(): Promise<void> {
    // What an earlier process has left counts, too.
    if (this.#opened !== null) await this.#opened
    await this.#producer.flush()
  }

  /** Takes nothing more, waits for the outcome of everything taken, then closes. */
  async drain(): Promise<void> {
    if (this.status.state === 'closed') return
    this.#isLeaving = true
    try {
      await Promise.all([this.flush(), this.#reader.idle()])
    } finally {
      await this.close()
    }
  }

  /**
   * Closes now: promises that are open reject with `CLIENT_CLOSED`; of events without a receipt
   * that have no outcome, `onUnknown` is told. With an outbox on disk they are all there when this
   * resolves, and are sent by the next client that opens it.
   *
   * @returns how many events have no outcome.
   */
  async close(): Promise<Unfinished> {
    this.#isLeaving = true
    this.#fail(new MillraceError('CLIENT_CLOSED'))
    await this.#connection.close()
    await this.#opened
    await this.#kept?.close()
    this.#kept = null
    return this.#producer.unfinished
  }

  /** The same as {@link drain}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  /** The connection must be one that publishes; one that only read until now greets again. */
  #startProducing(): void {
    if (this.#identity.produce()) this.#connection.restart()
    this.#connect()
  }

  #connect(): void {
    if (this.#opened === null) this.#connection.open()
    else void this.#opened.then(() => this.#connection.open())
  }

  async #openOutbox(dir: string, { clock }: Environment): Promise<void> {
    const { producer } = this.#options
    const onFailure = (error: MillraceError): void => this.#connection.fail(error)
    try {
      const kept = await openKeptOutbox({ dir, producer, clock, onFailure })
      this.#kept = kept
      this.#identity.recover(kept.store.state)
      this.#producer.keep(kept.store, kept.batches)
      if (kept.batches.length > 0) this.#connection.open()
    } catch (thrown) {
      const reason = `${dir}: ${reasonOf(thrown)}`
      const isNamed = thrown instanceof MillraceError
      this.#connection.fail(isNamed ? thrown : new MillraceError('OUTBOX_WRITE', { reason }))
    }
  }

  #connected(welcome: WelcomeFrame): void {
    const send = (frame: Uint8Array): void => this.#connection.send(frame)
    const purpose = this.#identity.welcomed(welcome, this.#producer)
    if (purpose === 'again') {
      this.#connection.restart()
      return
    }
    if (purpose === 'publish') this.#producer.connected(welcome, send)
    this.#reader.connected(send)
  }

  #received(frame: Exclude<ServerFrame, WelcomeFrame>): void {
    switch (frame.kind) {
      case 'ack':
        this.#producer.acknowledged(frame)
        return
      case 'nack':
        this.#producer.refused(frame)
        return
      case 'features':
        this.#reader.answered(frame)
        return
      case 'error':
        this.#reader.refused(frame)
        return
      case 'goaway':
      case 'flushed':
        return
    }
  }

  #disconnected(): void {
    this.#producer.disconnected()
    this.#reader.disconnected()
  }

  #fail(error: MillraceError): void {
    this.#producer.fail(error)
    this.#reader.fail(error)
  }
}

/** Creates a client; the same as `new MillraceClient(options)`. */
export function createClient(options: ClientOptions): MillraceClient {
  return new MillraceClient(options)
}
