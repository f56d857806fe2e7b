/**
 * A shard in memory: events are counted and keys are read as a shard does it, and nothing is kept.
 *
 * No journal, no checkpoint, no thread: what was pushed has been counted when the call returns.
 */
import { evaluate } from '../aggregate/evaluate.ts'
import { ViewState } from '../aggregate/view-state.ts'
import { hashBytes, type HashSeed } from '../base/hash.ts'
import { eventBytesMax, futureMsMax, keyBytesMax } from '../base/limits.ts'
import type { Catalog, Source, View } from '../model/catalog.ts'
import type { ReadQuery, ReadResult } from '../model/message.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import {
  sectionBuffers,
  SectionWriter,
  type Section,
  type SectionBuffers,
} from '../model/section.ts'
import { nsOf } from '../model/timestamp.ts'
import { storedRoute } from '../persist/store-keys.ts'
import { Applier, type AppliedView } from '../shard/apply.ts'
import { RouteIds } from '../shard/route-ids.ts'
import { rejectedOf, type TransformReport, type Uncounted } from './reports.ts'
import { createEventValidator, createKeyResolver } from '../validate/key-resolver.ts'
import { createRouteValidator, type RouteValidator } from '../validate/route-validator.ts'

/** An event's msgpack, by its place among those that are pushed together. */
export interface PushedEvent {
  readonly index: number
  readonly bytes: Uint8Array
}

interface WrittenEvents {
  readonly section: Section
  readonly buffers: SectionBuffers
  readonly rejections: Rejection[]
}

/** In the place of a store: there is nothing in it. */
const emptyStore = { idCount: 0, arrivalOf: () => null }

const nothing: Uncounted = { rejections: [], partly: [], duplicates: [] }

export class MemoryShard {
  readonly #catalog: Catalog
  readonly #seed: HashSeed
  readonly #views: readonly AppliedView[]
  readonly #applier: Applier
  readonly #resolveKey: ReturnType<typeof createKeyResolver>
  readonly #validate: ReturnType<typeof createEventValidator>

  constructor(catalog: Catalog, seed: HashSeed) {
    this.#catalog = catalog
    this.#seed = seed
    this.#resolveKey = createKeyResolver(catalog)
    this.#validate = createEventValidator(catalog)
    const validators = catalog.routes.map((route) => createRouteValidator(catalog, route))
    this.#views = catalog.views.map((view) => this.#viewOf(view.index, validators[view.route]!))
    const ids = catalog.routes.map(({ source, joinKeys }) => {
      const { name, dedupe } = catalog.sources[source]!
      if (dedupe.by !== 'event-id') return null
      const names = joinKeys.map((key) => key.name)
      return new RouteIds(storedRoute(name, names), dedupe.horizonMs, emptyStore)
    })
    const begin = ({ route, arrivalMs }: Pick<Section, 'route' | 'arrivalMs'>): RouteIds | null => {
      ids[route]?.begin(arrivalMs)
      return ids[route] ?? null
    }
    // Nothing comes from a batch source.
    const checking = { validators, historyValidators: validators }
    this.#applier = new Applier({ catalog, ...checking, views: this.#views, ids: { begin } })
  }

  /** Counts events that have arrived together, never before those of the last call. */
  push(source: Source, events: readonly PushedEvent[], arrivalMs: number): Uncounted {
    if (source.routes.length === 0) return this.#validateOnly(source, events)
    const all = source.routes.map((route) => this.#pushOn(route, events, arrivalMs))
    return {
      rejections: all.flatMap(({ rejections }) => rejections),
      partly: all.flatMap(({ partly }) => partly),
      duplicates: all.flatMap(({ duplicates }) => duplicates),
    }
  }

  read({ about, key, keyHash }: ReadQuery): ReadResult {
    const { state } = this.#views[about.view]!
    const { features, edgeMs, leadingEdge, watermarkMs, watermarkNs } = about
    if (state.view.leadingEdge === 'wall-clock') state.admit(edgeMs)
    const isAtClock = leadingEdge === 'wall-clock'
    const edge = isAtClock ? { edgeMs, edgeNs: 0 } : { edgeMs: watermarkMs, edgeNs: watermarkNs }
    const place = { keyHash, bytes: key, keyStart: 0, keyEnd: key.length }
    return evaluate(state, { key: place, features, edge })
  }

  watermarkOf(view: number): { readonly ms: number; readonly ns: number } {
    const { state } = this.#views[view]!
    return { ms: state.watermarkMs, ns: state.watermarkNs }
  }

  /** The rows that a view makes of events; nothing is counted. */
  transform(view: View, events: readonly PushedEvent[], arrivalMs: number): TransformReport {
    const validator = createRouteValidator(this.#catalog, this.#catalog.routes[view.route]!)
    const written = this.#write(view.route, events, arrivalMs)
    const { section, buffers, rejections } = written
    validator.begin(buffers, section.events)
    validator.readSection(section, rejections)
    const { columns, eventIndex, timeMs, timeNs, count } = validator.rowsOf(view.index)
    const own = columns.filter(({ name }) => view.columns.some((field) => field.name === name))
    const rows = Array.from({ length: count }, (_, i) => ({
      index: eventIndex[i]!,
      time: nsOf(timeMs[i]!, timeNs[i]!),
      row: Object.fromEntries(own.map((column) => [column.name, column.get(i)])),
    }))
    return { rows, rejected: rejectedOf(rejections) }
  }

  #pushOn(route: number, events: readonly PushedEvent[], arrivalMs: number): Uncounted {
    const { section, buffers, rejections } = this.#write(route, events, arrivalMs)
    if (section.events === 0) return { ...nothing, rejections }
    const uncounted = this.#applier.apply([section], buffers)[0]!
    return { ...uncounted, rejections: [...rejections, ...uncounted.rejections] }
  }

  /** Writes events as a router does, but for those that have no key. */
  #write(route: number, events: readonly PushedEvent[], arrivalMs: number): WrittenEvents {
    const { source } = this.#catalog.routes[route]!
    const rejections: Rejection[] = []
    const sections = SectionWriter.alone(1024)
    const written: Uint8Array[] = []
    let at = 0
    sections.open(source, route, 0, arrivalMs, 0)
    const start = sections.byteLength
    for (const { index, bytes } of events) {
      const size = bytes.length
      const key =
        size > eventBytesMax
          ? rejection(index, 'EVENT_TOO_LARGE', '', { size, max: eventBytesMax })
          : this.#resolveKey(route, bytes, 0, size)
      if (!(key instanceof Uint8Array)) {
        rejections.push({ ...key, index })
        continue
      }
      const hash = hashBytes(key, 0, key.length, this.#seed)
      sections.event(index, hash, wordsOf(key), key.length, at, at + size)
      written.push(bytes)
      at += size
    }
    const payload = new SharedArrayBuffer(at)
    new Uint8Array(payload).set(Buffer.concat(written))
    const end = sections.byteLength
    const buffers = sectionBuffers(sections.buffer, payload)
    const latestMs = arrivalMs + futureMsMax
    const place = { source, route, backfill: 0, position: 1, arrivalMs, latestMs, start, end }
    return { section: { ...place, events: written.length }, buffers, rejections }
  }

  #validateOnly(source: Source, events: readonly PushedEvent[]): Uncounted {
    const rejections = events.flatMap(({ index, bytes }) => {
      const problem = this.#validate(source.index, bytes, 0, bytes.length)
      return problem === null ? [] : [{ ...problem, index }]
    })
    return { ...nothing, rejections }
  }

  /** A view that is not online keeps state, too: there is nobody whom it would cost anything. */
  #viewOf(index: number, validator: RouteValidator): AppliedView {
    const view = this.#catalog.views[index]!
    const state = new ViewState(view, {
      seed: this.#seed,
      load: () => null,
      loadChunks: () => [],
      capture: () => {},
    })
    const rows = validator.rowsOf(index)
    const columns = view.columns.map((field) =>
      rows.columns.find((column) => column.name === field.name)!,
    )
    const keyLimits = [{ since: 0, max: view.newKeysPerDay }]
    return { state, columns, historyColumns: columns, since: 0, history: null, keyLimits }
  }
}

/** A key in whole words, filled up with zeros. */
function wordsOf(key: Uint8Array): Int32Array {
  const words = new Int32Array(keyBytesMax / 4)
  new Uint8Array(words.buffer).set(key)
  return words
}
