/**
 * The reading half of a client: from calls of `get` to READ frames, and from tables to vectors.
 *
 * A read that has no answer when its connection ends is asked again on the next one: reads change
 * nothing. A bounded number is in flight, the others wait their turn. While there has never been a
 * connection, the server is more likely in another place than away for a moment: after a few
 * attempts reads fail with what is in the way, instead of waiting for their time to be up.
 */
import { errorTable, MillraceError, type ErrorCode } from '../base/errors.ts'
import { sessionReadsMax } from '../base/limits.ts'
import type { FeatureState, FeatureTable, ReadOptions } from '../model/contracts.ts'
import { encodeRead, type ErrorFrame, type FeaturesFrame } from '../wire/protocol.ts'
import type { ReadAsked } from '../wire/read-options.ts'
import type { Environment } from './environment.ts'

/** Join key → value. */
export type JoinKeys = Readonly<Record<string, string | number | bigint | boolean>>

/** The features of one key, each by its name. */
export interface FeatureVector<Values = Readonly<Record<string, unknown>>> {
  /** Int64 is a `bigint`, Timestamp a `bigint` of nanoseconds; null where there is no value. */
  readonly values: Values
  /** Why each value is what it is. */
  readonly states: { readonly [Name in keyof Values]: FeatureState }
  /** Event time of the newest event of the key in the feature's view; null when it has none. */
  readonly newest: { readonly [Name in keyof Values]: Date | null }
  /** The end of the feature's window. */
  readonly edges: { readonly [Name in keyof Values]: Date }
  /** Why features are `failed`: a sentence for each realtime view. Absent where none is. */
  readonly failures?: Readonly<Record<string, string>>
}

/** A vector that a query has found, and its key. */
export interface KeyedFeatureVector<
  Key = Readonly<Record<string, unknown>>,
  Values = Readonly<Record<string, unknown>>,
> extends FeatureVector<Values> {
  /** All join keys; an Int64 is a `bigint`. */
  readonly key: Key
}

interface PendingRead {
  readonly id: number
  readonly service: string
  /** How many there must be; null for a query. */
  readonly rows: number | null
  readonly frame: Uint8Array
  readonly resolve: (vectors: FeatureVector[]) => void
  readonly reject: (error: MillraceError) => void
  readonly stopTimer: () => void
}

/** Attempts to connect for the first time that may fail before reads do. */
const firstAttemptsMax = 3

export class Reader {
  readonly #timeoutMs: number
  readonly #environment: Environment
  /** In flight and waiting, in the order of the calls. */
  readonly #pending = new Map<number, PendingRead>()
  #waiting: PendingRead[] = []
  #inFlight = new Set<number>()
  #send: ((frame: Uint8Array) => void) | null = null
  #failure: MillraceError | null = null
  /** Why the last attempt to connect failed; null once one has not. */
  #unreachable: MillraceError | null = null
  #firstAttempts = 0
  #wasConnected = false
  #nextId = 0
  #idleWaiters: (() => void)[] = []

  constructor(timeoutMs: number, environment: Environment) {
    this.#timeoutMs = timeoutMs
    this.#environment = environment
  }

  /** @returns `vectors[n]`, in the order of the keys. */
  async read(
    service: string,
    keys: readonly JoinKeys[],
    options: ReadOptions = {},
  ): Promise<FeatureVector[]> {
    return this.#ask(service, keys, { options, isQuery: false })
  }

  /** @returns a vector for each key of which a part is given. */
  async query(
    service: string,
    key: JoinKeys,
    options: ReadOptions = {},
  ): Promise<KeyedFeatureVector[]> {
    return (await this.#ask(service, [key], { options, isQuery: true })) as KeyedFeatureVector[]
  }

  async #ask(
    service: string,
    keys: readonly JoinKeys[],
    asked: ReadAsked,
  ): Promise<FeatureVector[]> {
    if (this.#failure !== null) throw this.#failure
    if (this.#unreachable !== null && this.#isGivenUp) throw this.#unreachable
    const id = this.#nextId++
    const frame = encodeRead(id, service, keys, asked)
    return new Promise((resolve, reject) => {
      const stopTimer = this.#environment.after(this.#timeoutMs, () => {
        const timeout = new MillraceError('CLIENT_TIMEOUT', { timeoutMs: this.#timeoutMs })
        this.#finish(id)?.reject(this.#unreachable ?? timeout)
        this.#pump()
      })
      const read: PendingRead = {
        id,
        service,
        rows: asked.isQuery ? null : keys.length,
        frame,
        resolve,
        reject,
        stopTimer,
      }
      this.#pending.set(id, read)
      this.#waiting.push(read)
      this.#pump()
    })
  }

  /** Resolves when no read waits for its answer. */
  idle(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve)
    })
  }

  connected(send: (frame: Uint8Array) => void): void {
    this.#send = send
    this.#unreachable = null
    this.#wasConnected = true
    this.#waiting = [...this.#pending.values()]
    this.#inFlight.clear()
    this.#pump()
  }

  disconnected(): void {
    this.#send = null
  }

  /** An attempt to connect has failed; the next one follows. */
  unreachable(error: MillraceError): void {
    this.#unreachable = error
    this.#firstAttempts += 1
    if (!this.#isGivenUp) return
    this.#waiting = []
    for (const id of this.#pending.keys()) this.#finish(id)?.reject(error)
  }

  answered({ id, table, keys }: FeaturesFrame): void {
    const read = this.#finish(id)
    if (read !== undefined) {
      const rows = read.rows ?? keys?.length
      if (table.rows.length === rows) read.resolve(vectorsOf(read.service, table, keys))
      else {
        const reason = `${table.rows.length} rows answer ${rows ?? 'no'} keys`
        read.reject(new MillraceError('CLIENT_REFUSED', { reason }))
      }
    }
    this.#pump()
  }

  refused({ id, code, message }: ErrorFrame): void {
    // A server that goes away leaves the read to the next connection.
    if (code === 'DRAINING') return
    this.#finish(id)?.reject(errorOf(code, message))
    this.#pump()
  }

  /** Ends it: every open read and every later one gets the error. */
  fail(error: MillraceError): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#send = null
    this.#waiting = []
    for (const id of this.#pending.keys()) this.#finish(id)?.reject(error)
  }

  get #isGivenUp(): boolean {
    return !this.#wasConnected && this.#firstAttempts >= firstAttemptsMax
  }

  #pump(): void {
    while (this.#send !== null && this.#inFlight.size < sessionReadsMax) {
      const read = this.#waiting.shift()
      if (read === undefined) return
      // One that has timed out in the meantime is not asked.
      if (!this.#pending.has(read.id)) continue
      this.#inFlight.add(read.id)
      this.#send(read.frame)
    }
  }

  #finish(id: number): PendingRead | undefined {
    const read = this.#pending.get(id)
    read?.stopTimer()
    this.#pending.delete(id)
    this.#inFlight.delete(id)
    if (this.#pending.size === 0) {
      for (const resolve of this.#idleWaiters.splice(0)) resolve()
    }
    return read
  }
}

/** A view's own features need no prefix; those of a service say which view they are of. */
export function vectorsOf(
  service: string,
  { names, rows }: FeatureTable,
  keys: FeaturesFrame['keys'],
): FeatureVector[] {
  const prefix = `${service}.`
  const shown = names.map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name))
  const named = <T>(cells: readonly T[]): Record<string, T> =>
    Object.fromEntries(shown.map((name, i) => [name, cells[i]!]))
  return rows.map((row, n) => ({
    ...(keys !== undefined && { key: keys[n]! }),
    values: named(row.values),
    states: named(row.states),
    newest: named(row.newestNs.map((ns) => (ns === null ? null : dateOf(ns)))),
    edges: named(row.edgeNs.map(dateOf)),
    ...(row.failures !== undefined && { failures: row.failures }),
  }))
}

/** The millisecond that an instant falls into. */
function dateOf(ns: bigint): Date {
  const withinMs = ((ns % 1_000_000n) + 1_000_000n) % 1_000_000n
  return new Date(Number((ns - withinMs) / 1_000_000n))
}

/** An error that the server has told, with the server's own words. */
function errorOf(code: string, message: string): MillraceError {
  if (!Object.hasOwn(errorTable, code)) {
    return new MillraceError('CLIENT_REFUSED', { reason: `${code}: ${message}` })
  }
  const error = new MillraceError(code as ErrorCode)
  error.message = message
  return error
}
