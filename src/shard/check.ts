/**
 * What would become of events if they came now: the way of an event without its end.
 *
 * Events that nobody has journalled are validated and transformed by what live events are validated
 * and transformed by, and their rows are counted instead of applied. Nothing is changed, and
 * nothing is asked that depends on the state of a key: a duplicate is not found, nor what is late
 * behind the newest event of a view whose windows end there, nor a key that is one too many.
 */
import { isBeforeWindows, noUncounted } from '../aggregate/lateness.ts'
import { planLevels, type Level } from '../aggregate/layout.ts'
import { keyBytesMax } from '../base/limits.ts'
import type { Catalog, Route, View } from '../model/catalog.ts'
import type { EventIds } from '../model/contracts.ts'
import type {
  CheckedEvents,
  CheckFindings,
  FromShard,
  LaneStart,
  ToShard,
} from '../model/message.ts'
import { eachEvent } from '../model/payload.ts'
import type { PushRejection, Rejection } from '../model/rejection.ts'
import { readSection, sectionBuffers, SectionWriter } from '../model/section.ts'
import { createEventValidator, createKeyResolver } from '../validate/key-resolver.ts'
import type { RouteValidator } from '../validate/route-validator.ts'
import { judgeLate, type ViewRows } from './lateness.ts'

type Check = Extract<ToShard, { kind: 'check' }>
type RouteFindings = CheckFindings['routes'][number]
type RowCounts = [view: number, rows: number][]

/** The route of rejections in a source that has none. */
const noRoute = -1

/** Bytes of a new buffer of sections; it grows as needed. */
const sectionsBytesNew = 4 * 1024

/** No event is a duplicate. */
const noIds: EventIds = { claim: () => 'first' }

export class Checker {
  readonly #catalog: Catalog
  readonly #validators: readonly RouteValidator[]
  /** By place in the catalog; null for views that count their stream alone. */
  readonly #histories: LaneStart['histories']
  readonly #resolveKey
  readonly #validate
  /** By place in the catalog. */
  readonly #levels: readonly (readonly Level[])[]
  readonly #keyWords = new Int32Array(keyBytesMax / 4)

  /** @param validators  By place in the catalog's routes; those of the shards may be used here. */
  constructor(
    catalog: Catalog,
    validators: readonly RouteValidator[],
    { seed, histories }: Pick<LaneStart, 'seed' | 'histories'>,
  ) {
    this.#catalog = catalog
    this.#histories = histories
    this.#validators = validators
    this.#resolveKey = createKeyResolver(catalog)
    this.#validate = createEventValidator(catalog)
    this.#levels = catalog.views.map((view) => planLevels({ view, seed }))
  }

  check({ id, batches, arrivalMs }: Check): FromShard {
    const findings = batches.map((events) => this.#check(events, arrivalMs))
    return { kind: 'checked', id, findings }
  }

  #check(events: CheckedEvents, arrivalMs: number): CheckFindings {
    const { routes } = this.#catalog.sources[events.source]!
    if (routes.length === 0) return { routes: [this.#checkAlone(events)], rows: [] }
    const rows: RowCounts = []
    const findings = routes.map((route) => {
      return this.#checkRoute(this.#catalog.routes[route]!, events, arrivalMs, rows)
    })
    return { routes: findings, rows }
  }

  /** Events that no view wants. */
  #checkAlone({ source, count, payload }: CheckedEvents): RouteFindings {
    const bytes = Buffer.from(payload)
    const rejections: Rejection[] = []
    eachEvent(bytes, count, (index, start, end) => {
      const problem = this.#validate(source, bytes, start, end)
      if (problem !== null) rejections.push({ index, ...problem })
    })
    return { route: noRoute, rejections }
  }

  #checkRoute(
    route: Route,
    events: CheckedEvents,
    arrivalMs: number,
    counts: RowCounts,
  ): RouteFindings {
    const rejections: PushRejection[] = []
    this.#validateRoute(route, events, arrivalMs, rejections)
    const views = route.views
      .map((view) => this.#catalog.views[view]!)
      .filter(({ online }) => online)
      .map((view) => this.#rowsOf(route, view, arrivalMs))
    for (const { view, rows, uncounted } of views) {
      counts.push([view, rows.count - uncounted.late.length - uncounted.outside.length])
    }
    const late = judgeLate(this.#catalog, route.source, views, 0)
    const names = this.#missingViews(views)
    for (const each of late.rejections) {
      rejections.push({ ...each, views: names.get(each.index) ?? [] })
    }
    return { route: route.index, rejections, partly: late.partly }
  }

  /** Makes the rows of the events, as a shard does with those of a section. */
  #validateRoute(
    { index: route, source }: Route,
    events: CheckedEvents,
    arrivalMs: number,
    rejections: Rejection[],
  ): void {
    const bytes = Buffer.from(events.payload)
    const writer = SectionWriter.alone(sectionsBytesNew)
    writer.open(source, route, 0, arrivalMs, 0)
    eachEvent(bytes, events.count, (index, start, end) => {
      const key = this.#resolveKey(route, bytes, start, end)
      if (!(key instanceof Uint8Array)) {
        rejections.push({ index, ...key })
        return
      }
      // Of a key nothing is asked but that there is one.
      writer.event(index, 0, this.#keyWords, key.length, start, end)
    })
    writer.close()
    const buffers = sectionBuffers(writer.buffer, events.payload)
    const section = readSection(buffers.view, 0)
    const validator = this.#validators[route]!
    if (this.#catalog.sources[source]!.dedupe.by === 'event-id') {
      validator.readRun(section, buffers, noIds, { rejections, duplicates: [] })
      return
    }
    validator.begin(buffers, events.count)
    validator.readSection(section, rejections)
  }

  #rowsOf(route: Route, view: View, arrivalMs: number): ViewRows {
    const rows = this.#validators[route.index]!.rowsOf(view.index)
    const isWallClock = view.leadingEdge === 'wall-clock'
    const edgeMs = isWallClock ? arrivalMs : -Infinity
    const levels = this.#levels[view.index]!
    const boundaryMs = this.#histories[view.index]?.boundaryMs ?? -Infinity
    const uncounted = noUncounted()
    for (let i = 0; i < rows.count; i++) {
      const timeMs = rows.timeMs[i]!
      if (timeMs < boundaryMs) uncounted.outside.push(i)
      else if (isBeforeWindows(view, levels, timeMs, edgeMs)) uncounted.late.push(i)
    }
    return { view: view.index, rows, uncounted }
  }

  /** By event: the names of the views that do not count its time. */
  #missingViews(views: readonly ViewRows[]): Map<number, string[]> {
    const names = new Map<number, string[]>()
    for (const { view, rows, uncounted } of views) {
      const { name } = this.#catalog.views[view]!
      const missed = [...uncounted.late, ...uncounted.outside]
      for (const event of new Set(missed.map((row) => rows.eventIndex[row]!))) {
        const others = names.get(event)
        if (others === undefined) names.set(event, [name])
        else others.push(name)
      }
    }
    return names
  }
}

/** What a lane has to do for a check. */
export function countEvents({ batches }: Check): number {
  return batches.reduce((sum, { count }) => sum + count, 0)
}
