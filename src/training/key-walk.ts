/**
 * One entity key after the other, each from its first event to its last: what a route's views say
 * of it at any moments, which come in their order.
 *
 * The engine is the one that serves: events are validated, transformed and counted as a shard does
 * it, and values are evaluated from the same state. Only time is another one: it goes with the
 * events of one key, by when they happened or when they arrived, and begins anew with the next, so
 * that there is never more state than that of one key. Thread: any.
 */
import { evaluate } from '../aggregate/evaluate.ts'
import { allRows, type CountedRows } from '../aggregate/lateness.ts'
import { ViewState } from '../aggregate/view-state.ts'
import { hashBytes, type HashSeed } from '../base/hash.ts'
import { futureMsMax } from '../base/limits.ts'
import type { Catalog, Route } from '../model/catalog.ts'
import type { ReadResult } from '../model/message.ts'
import type { Rejection } from '../model/rejection.ts'
import type { Column, RowBatch } from '../model/rows.ts'
import type { Section, SectionBuffers } from '../model/section.ts'
import { createRouteValidator, type RouteValidator } from '../validate/route-validator.ts'
import type { AskedView } from './asked-view.ts'
import { KeyIds } from './key-ids.ts'
import { StoredEvents } from './stored-events.ts'

export interface KeyWalkOptions {
  readonly catalog: Catalog
  readonly route: Route
  /** The views that are asked, of the route, and from when on events count in them. */
  readonly views: readonly Pick<AskedView, 'view' | 'fromMs'>[]
  /** For the hashes of values; approximate counts follow from it. */
  readonly seed: HashSeed
  /** Told what a view has been given, and which of the rows it did not count. */
  readonly counted?: (view: number, rows: RowBatch, late: readonly number[]) => void
}

/** A moment: whole ms since the epoch, and nanoseconds within. */
export interface Moment {
  readonly ms: number
  readonly ns: number
}

interface WalkedView {
  readonly state: ViewState
  readonly columns: readonly Column[]
  readonly stored: StoredEvents
  readonly times: CountedRows
}

/** Bytes of events that a view may hold before they are put where they expire. */
const heldBytesMax = 4 * 1024 * 1024

export class KeyWalk {
  readonly #validator: RouteValidator
  readonly #route: Route
  readonly #views: ReadonlyMap<number, WalkedView>
  readonly #seed: HashSeed
  readonly #counted: KeyWalkOptions['counted']
  readonly #ids: KeyIds | null
  /** Whether an event may take the place of another: then those before it must have counted. */
  readonly #isReplacing: boolean
  #key: Uint8Array = new Uint8Array(0)
  #keyHash = 0

  constructor({ catalog, route, views, seed, counted }: KeyWalkOptions) {
    this.#counted = counted
    this.#validator = createRouteValidator(catalog, route)
    this.#route = route
    this.#seed = seed
    const { dedupe } = catalog.sources[route.source]!
    this.#isReplacing = dedupe.by === 'event-time'
    this.#ids = dedupe.by === 'event-id' ? new KeyIds(dedupe.horizonMs) : null
    this.#views = new Map(
      views.map(({ view, fromMs }) => {
        const times = fromMs === null ? allRows : { ...allRows, fromMs }
        return [view, { ...this.#walked(catalog, view), times }]
      }),
    )
  }

  /** The hash that goes with a key. */
  hashOf(key: Uint8Array): number {
    return hashBytes(key, 0, key.length, this.#seed)
  }

  /** Whether events are to be counted one by one: which of two counts goes by the time of each. */
  get isOneByOne(): boolean {
    return this.#ids !== null
  }

  /** Leaves the key at hand, and takes another one. */
  begin(key: Uint8Array): void {
    for (const view of this.#views.values()) this.#forget(view)
    this.#ids?.clear()
    this.#key = key
    this.#keyHash = this.hashOf(key)
  }

  /**
   * Counts events of the key at hand.
   *
   * @param arrivals  In their order, which may not be that of event time; none before those of the
   *   call before, nor after what comes next.
   * @param rejections  Filled with those that cannot count, by the index that the section has.
   */
  count(buffers: SectionBuffers, arrivals: readonly Arrival[], rejections: Rejection[]): void {
    const sections = arrivals.map((arrival) => this.#sectionOf(arrival))
    if (this.#ids !== null) {
      for (const section of sections) this.#countIdentified(section, buffers, this.#ids, rejections)
    } else if (this.#isReplacing) {
      for (const section of sections) this.#countTogether([section], buffers, rejections)
    } else this.#countTogether(sections, buffers, rejections)
  }

  /**
   * What a view says of the key at hand at a moment, up to which its events have been counted.
   *
   * @param edge  Where windows end: the moment, or the newest event of the view at that time.
   */
  read(view: number, features: readonly number[], edge: Moment): ReadResult {
    const { state } = this.#views.get(view)!
    // Whoever reads at the clock lets go what has waited for its time.
    if (state.parked.count > 0) state.admit(edge.ms)
    return evaluate(state, {
      key: this.#keyAt(),
      features,
      edge: { edgeMs: edge.ms, edgeNs: edge.ns },
    })
  }

  #sectionOf({ arrivalMs, count, start, end }: Arrival): Section {
    return {
      source: this.#route.source,
      route: this.#route.index,
      events: count,
      backfill: 0,
      position: 0,
      arrivalMs,
      latestMs: arrivalMs + futureMsMax,
      start,
      end,
    }
  }

  #countTogether(
    sections: readonly Section[],
    buffers: SectionBuffers,
    rejections: Rejection[],
  ): void {
    const events = sections.reduce((sum, section) => sum + section.events, 0)
    this.#validator.begin(buffers, events)
    for (const section of sections) this.#validator.readSection(section, rejections)
    this.#apply()
  }

  #keyAt() {
    const bytes = this.#key
    return { keyHash: this.#keyHash, bytes, keyStart: 0, keyEnd: bytes.length }
  }

  #countIdentified(
    section: Section,
    buffers: SectionBuffers,
    ids: KeyIds,
    rejections: Rejection[],
  ): void {
    ids.begin(section.arrivalMs)
    for (let rest: Section | null = section; rest !== null;) {
      const found = { rejections: [] as Rejection[], duplicates: [] }
      rest = this.#validator.readRun(rest, buffers, ids, found)
      this.#apply()
      ids.settle(found.rejections)
      rejections.push(...found.rejections)
    }
  }

  #apply(): void {
    for (const [index, { state, columns, stored, times }] of this.#views) {
      const rows = this.#validator.rowsOf(index)
      const { late, outside } = state.apply(rows, columns, times)
      this.#counted?.(index, rows, [...late, ...outside])
      if (state.log !== null && state.log.bytes > heldBytesMax) {
        stored.take(state, state.keys.find(this.#keyHash, this.#key, 0, this.#key.length))
      }
    }
  }

  /** Leaves nothing of the key at hand, nor of the time that was its. */
  #forget({ state, stored }: WalkedView): void {
    const slot = state.keys.find(this.#keyHash, this.#key, 0, this.#key.length)
    stored.clear(state)
    state.parked.clear()
    if (slot !== 0) state.remove(slot)
    state.watermarkMs = -Infinity
    state.watermarkNs = 0
  }

  #walked(catalog: Catalog, index: number): Omit<WalkedView, 'times'> {
    const view = catalog.views[index]!
    const stored = new StoredEvents()
    const state = new ViewState(view, {
      seed: this.#seed,
      load: () => null,
      loadChunks: (_hash, _key, first, last) => stored.chunks(first, last),
      capture: () => {},
    })
    const rows = this.#validator.rowsOf(index)
    const columns = view.columns.map((field) =>
      rows.columns.find((column) => column.name === field.name)!,
    )
    return { state, columns, stored }
  }
}

/** Events of the key at hand that arrive together, as a section has them. */
export interface Arrival {
  readonly arrivalMs: number
  readonly count: number
  /** Offsets of the first event's header, and behind the last event's. */
  readonly start: number
  readonly end: number
}
