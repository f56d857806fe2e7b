/**
 * `testKit`: definitions under test, with a clock that only moves when it is told.
 *
 * Everything that decides a value is what a daemon has: the checks of definitions, events and keys,
 * functions of the features file, windows and states. What makes a daemon one is left out: threads,
 * disk and network.
 */
import { ManualClock } from '../base/clock.ts'
import { parseDuration, type Duration } from '../base/duration.ts'
import { MillraceError } from '../base/errors.ts'
import { EventBuffer } from '../client/encode.ts'
import { vectorsOf, type FeatureVector } from '../client/reader.ts'
import type { Readable, UntypedEvent } from '../client/client.ts'
import { buildCatalog } from '../define/catalog.ts'
import type { FeaturesOf, JoinKeysOf, RequestOf } from '../define/service.ts'
import type { EventOf, PushSource } from '../define/source.ts'
import type { Catalog } from '../model/catalog.ts'
import type { ReadOptions, ReadPort } from '../model/contracts.ts'
import { msOf, parseTimestamp } from '../model/timestamp.ts'
import { createRealtimeComputer } from '../realtime/task.ts'
import { createReader } from '../serve/reader.ts'
import { reportOf, type PushReport, type TransformReport } from './reports.ts'
import { MemoryShard, type PushedEvent } from './memory-shard.ts'

/** Options of {@link testKit}. */
export interface TestKitOptions {
  /** What the clock shows first: a moment, or RFC 3339 text. @defaultValue 2024-01-01, UTC */
  readonly now?: Date | string
}

/** Hashes of values are the same in every test: approximate counts follow from it. */
const seed = { k0: 0x6d696c6c, k1: 0x72616365 }

export class TestKit {
  readonly #catalog: Catalog
  readonly #clock: ManualClock
  readonly #shard: MemoryShard
  readonly #reader: ReadPort

  constructor(definitions: readonly unknown[], { now = '2024-01-01T00:00:00Z' }: TestKitOptions) {
    this.#catalog = buildCatalog(definitions)
    this.#clock = new ManualClock(msOfMoment('now', now))
    const shard = new MemoryShard(this.#catalog, seed)
    this.#shard = shard
    const compute = createRealtimeComputer(this.#catalog)
    this.#reader = createReader({
      // A test may want to see what is not served.
      catalog: withAllOnline(this.#catalog),
      shards: 1,
      seed,
      readShards: (queries) => Promise.resolve(queries.map((query) => shard.read(query))),
      findKeys: () => Promise.resolve([]),
      runRealtime: (view, rows) => Promise.resolve(compute(view, rows)),
      nowMs: () => this.#clock.nowMs(),
      watermarkOf: (view) => shard.watermarkOf(view),
    })
  }

  /** What the clock shows. */
  get now(): Date {
    return new Date(this.#clock.nowMs())
  }

  /** Moves the clock on: `kit.advance('1h')`. */
  advance(by: Duration): void {
    this.#clock.advance(parseDuration(by, 'by'))
  }

  /**
   * Sets the clock; never back, as no daemon's arrival times go back.
   *
   * @throws {@link MillraceError} `CONFIG_INVALID`.
   */
  setTime(moment: Date | string): void {
    const ms = msOfMoment('moment', moment)
    if (ms < this.#clock.nowMs()) {
      const reason = `${new Date(ms).toISOString()} is before ${this.now.toISOString()}`
      throw new MillraceError('CONFIG_INVALID', { path: 'moment', reason })
    }
    this.#clock.set(ms)
  }

  /**
   * Pushes events, which arrive now, and counts them.
   *
   * @throws {@link MillraceError} `SOURCE_UNKNOWN`; `EVENT_ENCODE` for what no client could send.
   */
  push<S extends PushSource>(source: S, events: EventOf<S> | readonly EventOf<S>[]): PushReport {
    const found = this.#catalog.sources.find(({ name }) => name === source.name)
    if (found === undefined) throw new MillraceError('SOURCE_UNKNOWN', { source: nameOf(source) })
    const encoded = encodedEvents(events)
    return reportOf(encoded.length, this.#shard.push(found, encoded, this.#clock.nowMs()))
  }

  /**
   * Runs a view's functions on events and counts nothing: the post-processor of its source, if it
   * has one, and its transform.
   *
   * @returns the rows that the view would aggregate, with what of them its features read.
   * @throws {@link MillraceError} `FEATURES_UNKNOWN`; `EVENT_ENCODE` for what no client could send.
   */
  transform(
    view: { readonly name: string },
    events: UntypedEvent | readonly UntypedEvent[],
  ): TransformReport {
    const found = this.#catalog.views.find(({ name }) => name === view.name)
    if (found === undefined) throw new MillraceError('FEATURES_UNKNOWN', { name: nameOf(view) })
    return this.#shard.transform(found, encodedEvents(events), this.#clock.nowMs())
  }

  /**
   * Reads the features of a key at the time that the clock shows.
   *
   * @throws {@link MillraceError} `FEATURES_UNKNOWN`, `KEY_INVALID`, `REQUEST_DATA_INVALID`.
   */
  async read<R extends Readable>(
    service: R,
    key: JoinKeysOf<R>,
    options?: ReadOptions<RequestOf<R>>,
  ): Promise<FeatureVector<FeaturesOf<R>>> {
    const name = nameOf(service)
    const keys = [key as Readonly<Record<string, unknown>>]
    const { names, rows } = await this.#reader.read(name, keys, options as ReadOptions)
    const read = rows.map((row) => ({ ...row, values: row.values.map(asRead) }))
    return vectorsOf(name, { names, rows: read }, undefined)[0]! as unknown as FeatureVector<
      FeaturesOf<R>
    >
  }
}

/**
 * Puts definitions under test.
 *
 * @param definitions  A module's exports or a list: `testKit(Object.values(features))`.
 * @throws {@link MillraceError} `DEFINITION_INVALID`.
 * @example
 * ```ts
 * const kit = testKit([userOrders], { now: '2024-05-01T12:00:00Z' })
 * kit.push(orders, { user_id: 'u1', at: kit.now, amount: 5 })
 * kit.advance('30m')
 * const { values } = await kit.read(userOrders, { user_id: 'u1' })
 * assert.equal(values.amount_sum_1h, 5)
 * ```
 */
export function testKit(definitions: readonly unknown[], options: TestKitOptions = {}): TestKit {
  return new TestKit(definitions, options)
}

/** What a definition is called; programs without types hand in the name alone, too. */
function nameOf(definition: { readonly name?: string } | string): string {
  return typeof definition === 'string' ? definition : String(definition.name)
}

/** A value as the answer to a client has it, which does not tell a Map from a Struct. */
function asRead(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asRead)
  if (typeof value !== 'object' || value === null) return value
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return Object.fromEntries(entries.map(([name, each]) => [name, asRead(each)]))
}

function msOfMoment(path: string, moment: Date | string): number {
  const ns = typeof moment === 'string' ? parseTimestamp(moment) : null
  const ms = typeof moment === 'string' ? (ns === null ? NaN : msOf(ns)) : moment.getTime()
  if (Number.isSafeInteger(ms)) return ms
  const reason = `${String(moment)} is no moment`
  throw new MillraceError('CONFIG_INVALID', { path, reason })
}

function withAllOnline(catalog: Catalog): Catalog {
  return { ...catalog, views: catalog.views.map((view) => ({ ...view, online: true })) }
}

function encodedEvents(events: unknown): PushedEvent[] {
  const list: readonly unknown[] = Array.isArray(events) ? events : [events]
  return list.map((event, index) => ({ index, bytes: encode(event) }))
}

function encode(event: unknown): Uint8Array {
  const buffer = new EventBuffer(0, new ArrayBuffer(256))
  buffer.event(event)
  const bin = buffer.view(0)
  const head = bin[0] === 0xc4 ? 2 : bin[0] === 0xc5 ? 3 : 5
  return bin.subarray(head)
}
