/**
 * A second life of some keys: their events from the journal, counted afresh in memory.
 *
 * It is what a shard is, by the same code (`shard/apply.ts`), without a store, checkpoints,
 * evictions, other keys or other threads. What it says of a key is what the daemon has to serve.
 */
import { evaluate } from '../aggregate/evaluate.ts'
import { ViewState } from '../aggregate/view-state.ts'
import { hashBytes, type HashSeed } from '../base/hash.ts'
import type { Catalog, View } from '../model/catalog.ts'
import type { KeyResolver } from '../model/contracts.ts'
import { catalogOfHistory, type ViewHistory } from '../model/history.ts'
import type { ReadResult } from '../model/message.ts'
import { eventsAt } from '../model/payload.ts'
import type { EventInHand } from '../model/pulse.ts'
import {
  readSection,
  sectionBuffers,
  SectionWriter,
  type Section,
  type SectionBuffers,
} from '../model/section.ts'
import { Applier, type AppliedView, type Uncounted } from '../shard/apply.ts'
import type { ViewRows } from '../shard/lateness.ts'
import { Quarantined } from '../shard/quarantined.ts'
import { columnsOf } from '../shard/shard.ts'
import { ShardIds, type StoredIds } from '../shard/shard-ids.ts'
import { createKeyResolver } from '../validate/key-resolver.ts'
import { createRouteValidator } from '../validate/route-validator.ts'
import type { CountedBatch } from './logged-past.ts'

export interface ShadowOptions {
  readonly catalog: Catalog
  /** The secret of the store: approximate counts follow from it. */
  readonly seed: HashSeed
  /** Journal position from which each view counts. */
  readonly viewsSince: readonly number[]
  /** By place of the view: where its history ends, and the backfill that has brought it. */
  readonly histories: readonly (ViewHistory | null)[]
  /** Events that shards skip: each has ended the thread that counted it. */
  readonly quarantined: readonly EventInHand[]
  /** Whether a key of a route has a second life. */
  readonly isWanted: (route: number, key: Uint8Array) => boolean
}

/** What a view has made of the events of a batch. */
export interface ShadowedBatch {
  /** Places in the batch of the events of wanted keys. */
  readonly places: readonly number[]
  readonly uncounted: Uncounted
  /** Of the places, those of events of which the view has counted a row. */
  readonly counted: ReadonlySet<number>
}

/** The events of a batch that are of wanted keys, on one route. */
interface ShadowSection {
  readonly places: readonly number[]
  readonly section: Section
  readonly buffers: SectionBuffers
  readonly applier: Applier
}

/** Where windows end. */
export interface ShadowEdge {
  readonly edgeMs: number
  readonly edgeNs: number
}

const sectionBytes = 64 * 1024

/** Nothing is stored: every id that was counted is in memory. */
const noneStored: StoredIds = { idCount: 0, arrivalOf: () => null, scanIds: () => [] }

export class Shadow {
  readonly #options: ShadowOptions
  /** Of events as they are pushed, and as their post-processor has made them. */
  readonly #resolvers: readonly [KeyResolver, KeyResolver]
  readonly #views: readonly (AppliedView | null)[]
  /** Of the journal, and of the offline log, whose events are like those of the past. */
  readonly #appliers: readonly [Applier, Applier]
  readonly #quarantined: Quarantined
  /** Places of views that have counted a row of what was applied last. */
  readonly #counting = new Set<number>()

  constructor(options: ShadowOptions) {
    const { catalog, seed, viewsSince, histories, quarantined } = options
    this.#options = options
    this.#quarantined = new Quarantined(quarantined)
    const past = catalogOfHistory(catalog)
    this.#resolvers = [createKeyResolver(catalog), createKeyResolver(past)]
    const validators = catalog.routes.map((route) => createRouteValidator(catalog, route))
    const historyValidators = past.routes.map((route) => createRouteValidator(past, route))
    const none = { load: () => null, loadChunks: () => [], capture: () => {} }
    this.#views = catalog.views.map((view) => {
      if (!view.online) return null
      return {
        state: new ViewState(view, { seed, ...none }),
        columns: columnsOf(view, validators),
        historyColumns: columnsOf(view, historyValidators),
        since: viewsSince[view.index]!,
        history: histories[view.index] ?? null,
        // Other keys decide which is one too many, and they are not here.
        keyLimits: [],
      }
    })
    const ids = new ShardIds(catalog, noneStored)
    for (const history of histories) if (history !== null) ids.open(history.backfill)
    const views = this.#views
    const onRows = ({ view, rows, uncounted }: ViewRows): void => {
      if (rows.count > uncounted.late.length + uncounted.outside.length) this.#counting.add(view)
    }
    const common = { historyValidators, ids, onRows }
    const logged = views.map((view) => view && { ...view, columns: view.historyColumns })
    this.#appliers = [
      new Applier({ ...common, catalog, validators, views }),
      new Applier({ ...common, catalog: past, validators: historyValidators, views: logged }),
    ]
  }

  /** Counts what a batch has of the keys that are wanted. */
  apply(batch: CountedBatch): void {
    for (const route of this.#options.catalog.sources[batch.source]?.routes ?? []) {
      const found = this.#sectionOf(route, batch)
      if (found === null) continue
      const { section, buffers, applier } = found
      if (!this.#quarantined.isIn([section])) applier.apply([section], buffers)
      else this.#applyEach(found, () => {})
    }
  }

  /**
   * The same on the route of one view, event by event.
   *
   * @param after  Called when an event has been counted, or not.
   * @returns null when it has none of the wanted keys.
   */
  applyEach(batch: CountedBatch, view: View, after: () => void): ShadowedBatch | null {
    const isOfSource = batch.source === view.source
    const found = isOfSource ? this.#sectionOf(view.route, batch) : null
    if (found === null) return null
    const counted = new Set<number>()
    const uncounted = this.#applyEach(found, (place) => {
      if (this.#counting.has(view.index)) counted.add(place)
      after()
    })
    return { places: found.places, uncounted, counted }
  }

  /** What a view says of a key; rows that wait for their time up to the edge wait no longer. */
  read(view: number, key: Uint8Array, features: readonly number[], edge: ShadowEdge): ReadResult {
    const { state } = this.#views[view]!
    if (state.view.leadingEdge === 'wall-clock') state.admit(edge.edgeMs)
    const keyHash = this.#hashOf(key)
    return evaluate(state, {
      key: { keyHash, bytes: key, keyStart: 0, keyEnd: key.length },
      features,
      edge,
    })
  }

  #applyEach(found: ShadowSection, after: (place: number) => void): Uncounted {
    const { section, buffers, applier } = found
    const { position, route } = section
    let last: number | null = null
    const uncounted = applier.applyEach(section, buffers, (index) => {
      if (last !== null) after(last)
      last = index
      this.#counting.clear()
      return !this.#quarantined.has({ position, route, index })
    })
    if (last !== null) after(last)
    return uncounted
  }

  #sectionOf(route: number, batch: CountedBatch): ShadowSection | null {
    const { payload, count, position, arrivalMs, sequences } = batch
    const backfill = batch.backfill?.id ?? 0
    const resolveKey = this.#resolvers[backfill === 0 && sequences === null ? 0 : 1]
    const applier = this.#appliers[sequences === null ? 0 : 1]
    const places: number[] = []
    const writer = SectionWriter.alone(sectionBytes)
    writer.open(batch.source, route, position, arrivalMs, 0, backfill)
    const all = Array.from({ length: count }, (_, place) => place)
    for (const [place, event] of eventsAt(payload, all).entries()) {
      const key = resolveKey(route, event, 0, event.length)
      if (!(key instanceof Uint8Array) || !this.#options.isWanted(route, key)) continue
      const start = event.byteOffset - payload.byteOffset
      const words = wordsOf(key)
      writer.event(place, this.#hashOf(key), words, key.length, start, start + event.length)
      places.push(place)
    }
    if (places.length === 0) return null
    writer.close()
    const events = new SharedArrayBuffer(payload.length)
    new Uint8Array(events).set(payload)
    const buffers = sectionBuffers(writer.buffer, events)
    return { places, section: readSection(buffers.view, 0), buffers, applier }
  }

  #hashOf(key: Uint8Array): number {
    return hashBytes(key, 0, key.length, this.#options.seed)
  }
}

/** The bytes of a key, filled up with zeros. */
function wordsOf(key: Uint8Array): Int32Array {
  const words = new Int32Array(Math.ceil(key.length / 4))
  new Uint8Array(words.buffer).set(key)
  return words
}
