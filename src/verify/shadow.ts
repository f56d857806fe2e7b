/**
 * A second life of some keys: their events from the journal, counted afresh in memory.
 *
 * It is what a shard is, by the same code (`shard/apply.ts`), without a store, checkpoints,
 * evictions, other keys or other threads. What it says of a key is what the daemon has to serve.
 */
import { evaluate } from '../aggregate/evaluate.ts'
import { ViewState } from '../aggregate/view-state.ts'
import { hashBytes, type HashSeed } from '../base/hash.ts'
import type { ReplayedBatch } from '../journal/replay.ts'
import type { Catalog } from '../model/catalog.ts'
import type { KeyResolver } from '../model/contracts.ts'
import { catalogOfHistory, type ViewHistory } from '../model/history.ts'
import type { ReadResult } from '../model/message.ts'
import { eventsAt } from '../model/payload.ts'
import { readSection, sectionBuffers, SectionWriter } from '../model/section.ts'
import { Applier, type AppliedView, type Uncounted } from '../shard/apply.ts'
import { columnsOf } from '../shard/shard.ts'
import { ShardIds, type StoredIds } from '../shard/shard-ids.ts'
import { createKeyResolver } from '../validate/key-resolver.ts'
import { createRouteValidator } from '../validate/route-validator.ts'

export interface ShadowOptions {
  readonly catalog: Catalog
  /** The secret of the store: approximate counts follow from it. */
  readonly seed: HashSeed
  /** Journal position from which each view counts. */
  readonly viewsSince: readonly number[]
  /** By place of the view: where its history ends, and the backfill that has brought it. */
  readonly histories: readonly (ViewHistory | null)[]
  /** Whether a key of a route has a second life. */
  readonly isWanted: (route: number, key: Uint8Array) => boolean
}

/** What has become of a batch on one route. */
export interface ShadowedBatch {
  readonly route: number
  /** Places in the batch of the events that were counted, or not. */
  readonly places: readonly number[]
  readonly uncounted: Uncounted
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
  /** Of the stream, and of backfills. */
  readonly #resolvers: readonly [KeyResolver, KeyResolver]
  readonly #views: readonly (AppliedView | null)[]
  readonly #applier: Applier

  constructor(options: ShadowOptions) {
    const { catalog, seed, viewsSince, histories } = options
    this.#options = options
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
      }
    })
    const ids = new ShardIds(catalog, noneStored)
    for (const history of histories) if (history !== null) ids.open(history.backfill)
    const views = this.#views
    this.#applier = new Applier({ catalog, validators, historyValidators, views, ids })
  }

  /** Counts what a batch has of the keys that are wanted; by route, nothing where it has none. */
  apply(batch: ReplayedBatch): readonly ShadowedBatch[] {
    const source = this.#options.catalog.sources[batch.source]
    return (source?.routes ?? []).flatMap((route) => this.#applyOn(route, batch) ?? [])
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

  #applyOn(route: number, batch: ReplayedBatch): ShadowedBatch | null {
    const { payload, count, position, arrivalMs } = batch
    const backfill = batch.backfill?.id ?? 0
    const resolveKey = this.#resolvers[backfill === 0 ? 0 : 1]
    const places: number[] = []
    const writer = new SectionWriter(new SharedArrayBuffer(sectionBytes))
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
    const { buffer, byteLength } = writer.take()
    const events = new SharedArrayBuffer(payload.length)
    new Uint8Array(events).set(payload)
    const section = readSection(new DataView(buffer, 0, byteLength), 0)
    const [uncounted] = this.#applier.apply([section], sectionBuffers(buffer, events))
    return { route, places, uncounted: uncounted! }
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
