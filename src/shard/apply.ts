/**
 * Sections → the state of the views that their events are for, and what was not counted of each.
 *
 * Sections of one route are taken together where that changes nothing: what a row does to a view
 * follows from its own event and arrival, so several short sections cost as much as one that is as
 * long as all of them. Where it would matter what came before, each is taken alone: with ids of
 * events, when rows replace one another, when no more rows may wait, or when a view or another
 * limit of its keys begins.
 *
 * A section of a backfill counts in the views that the backfill is for, and in no other. What of it
 * is before all windows, or not of a view's history, is left out: nobody has pushed it by mistake.
 */
import { parkedRowsMax, transformRowsMax } from '../base/limits.ts'
import type { Catalog } from '../model/catalog.ts'
import type { EventIds } from '../model/contracts.ts'
import { newKeysMaxAt, type KeyLimit } from '../model/key-limit.ts'
import type { BatchRejections } from '../model/message.ts'
import type { ViewHistory } from '../model/history.ts'
import { rejection, type PartlyLate, type Rejection } from '../model/rejection.ts'
import type { Column } from '../model/rows.ts'
import {
  createSectionEvent,
  readSectionEvent,
  type Section,
  type SectionBuffers,
} from '../model/section.ts'
import { allRows, isAnyUncounted, type CountedRows } from '../aggregate/lateness.ts'
import type { ViewState } from '../aggregate/view-state.ts'
import type { RouteValidator, RunFindings } from '../validate/route-validator.ts'
import { judgeLate, type ViewRows } from './lateness.ts'
import type { RouteIds } from './route-ids.ts'
import type { ShardIds } from './shard-ids.ts'
import type { Validators } from './validators.ts'

/** What was not counted of a section. */
export type Uncounted = Omit<Required<BatchRejections>, 'position' | 'route'>

/** A view's state with what applying to it needs at hand. */
export interface AppliedView {
  readonly state: ViewState
  /** The columns of the rows that come in, in the order of the view's. */
  readonly columns: readonly Column[]
  /** The same of the rows of batch sources. */
  readonly historyColumns: readonly Column[]
  /** Batches up to this journal position are from before the view. */
  readonly since: number
  /** Null for a view whose every event is of the stream. */
  readonly history: ViewHistory | null
  /** How many keys of the stream may be new here on a day, the earliest limit first. */
  readonly keyLimits: readonly KeyLimit[]
}

export interface ApplierOptions extends Validators {
  readonly catalog: Catalog
  /** By place in the catalog; null for views that keep no state. */
  readonly views: readonly (AppliedView | null)[]
  /** The ids of a route's events, of those that have some. */
  readonly ids: Pick<ShardIds, 'begin'>
  /** Hears of the rows that a view has been given, and of those that it did not count. */
  readonly onRows?: (rows: ViewRows) => void
}

const nothing: Uncounted = { rejections: [], partly: [], duplicates: [] }

/** For sections that nobody counts: no event is a duplicate. */
const noIds: EventIds = { claim: () => 'first' }

export class Applier {
  readonly #catalog: Catalog
  readonly #validators: readonly RouteValidator[]
  readonly #historyValidators: readonly RouteValidator[]
  readonly #views: readonly (AppliedView | null)[]
  readonly #ids: Pick<ShardIds, 'begin'>
  readonly #onRows: ((rows: ViewRows) => void) | null

  constructor(options: ApplierOptions) {
    const { catalog, validators, historyValidators, views, ids, onRows = null } = options
    this.#catalog = catalog
    this.#validators = validators
    this.#historyValidators = historyValidators
    this.#views = views
    this.#ids = ids
    this.#onRows = onRows
  }

  /**
   * Applies sections, which are in journal order.
   *
   * @returns what was not counted, by place in `sections`.
   */
  apply(sections: readonly Section[], buffers: SectionBuffers): readonly Uncounted[] {
    const { route: first } = sections[0]!
    const isOne = sections.every(({ route }) => route === first)
    if (isOne) return this.#applyRoute(first, sections, buffers)
    const routes = new Set(sections.map(({ route }) => route))
    const uncounted: Uncounted[] = sections.map(() => nothing)
    for (const route of routes) {
      const places = sections.flatMap((section, place) => (section.route === route ? [place] : []))
      const own = places.map((place) => sections[place]!)
      const found = this.#applyRoute(route, own, buffers)
      for (const [n, place] of places.entries()) uncounted[place] = found[n]!
    }
    return uncounted
  }

  /**
   * Applies a section event by event: to the same end as at once, and slower.
   *
   * @param take  Called with the place of each before it is applied; false leaves it out.
   */
  applyEach(
    section: Section,
    buffers: SectionBuffers,
    take: (index: number) => boolean,
  ): Uncounted {
    this.#boundWaiting(section)
    const all: Uncounted[] = []
    const event = createSectionEvent()
    for (let at = section.start; at < section.end;) {
      const next = readSectionEvent(buffers.words, at, event)
      const one = { ...section, events: 1, start: at, end: next }
      const poison = rejection(event.index, 'EVENT_POISON', '')
      if (take(event.index)) all.push(this.#applySection(one, buffers))
      else all.push({ ...nothing, rejections: [poison] })
      at = next
    }
    return {
      rejections: all.flatMap(({ rejections }) => rejections),
      partly: all.flatMap(({ partly }) => partly),
      duplicates: all.flatMap(({ duplicates }) => duplicates),
    }
  }

  #applyRoute(
    route: number,
    sections: readonly Section[],
    buffers: SectionBuffers,
  ): readonly Uncounted[] {
    if (this.#mayJoin(route, sections)) return this.#applyTogether(sections, buffers)
    return sections.map((section) => {
      this.#boundWaiting(section)
      return this.#applySection(section, buffers)
    })
  }

  #mayJoin(route: number, sections: readonly Section[]): boolean {
    const { views, source } = this.#catalog.routes[route]!
    if (this.#catalog.sources[source]!.dedupe.by === 'event-id') return false
    const { position: first, backfill } = sections[0]!
    const last = sections.at(-1)!.position
    if (sections.some((section) => section.backfill !== backfill)) return false
    const events = eventsOf(sections)
    return views.every((index) => {
      const owned = this.#views[index]
      if (owned === null || owned === undefined) return true
      const { state, since, keyLimits } = owned
      const rows = state.view.transform === null ? events : events * transformRowsMax
      if (state.view.lastWriteWins || state.parked.countMax + rows > parkedRowsMax) return false
      if (backfill !== 0) return true
      if (keyLimits.some((limit) => first <= limit.since && limit.since < last)) return false
      return first > since || last <= since
    })
  }

  /** No event of a section may wait where there is no more room for it. */
  #boundWaiting(section: Section): void {
    if (this.#isWaitingRoomFull(section)) section.latestMs = section.arrivalMs
  }

  #applySection(section: Section, buffers: SectionBuffers): Uncounted {
    const ids = this.#ids.begin(section)
    if (ids !== null) return this.#applyRuns(section, buffers, ids)
    return this.#applyTogether([section], buffers)[0]!
  }

  #applyTogether(sections: readonly Section[], buffers: SectionBuffers): readonly Uncounted[] {
    const last = sections.at(-1)!
    // It has none, but those of other routes expire as time goes by.
    this.#ids.begin(last)
    const validator = this.#validatorOf(last)
    validator.begin(buffers, eventsOf(sections))
    const rejections: Rejection[] = []
    const uncounted = sections.map((section) => {
      const before = rejections.length
      validator.readSection(section, rejections)
      if (rejections.length === before) return nothing
      return { ...nothing, rejections: rejections.slice(before) }
    })
    const rowsOfViews = this.#applyRows(sections[0]!)
    if (rowsOfViews === null) return uncounted
    return uncounted.map((each, span) => this.#withLate(each, sections[0]!, rowsOfViews, span))
  }

  #withLate(
    uncounted: Uncounted,
    { source }: Section,
    rowsOfViews: readonly ViewRows[],
    span: number,
  ): Uncounted {
    const { rejections, partly } = judgeLate(this.#catalog, source, rowsOfViews, span)
    if (rejections.length + partly.length === 0) return uncounted
    return { ...uncounted, rejections: [...uncounted.rejections, ...rejections], partly }
  }

  /** Reads a section whose events have ids: what came first counts before what has its id. */
  #applyRuns(section: Section, buffers: SectionBuffers, ids: RouteIds): Uncounted {
    const validator = this.#validatorOf(section)
    const { views } = this.#catalog.routes[section.route]!
    const isCounted = views.some((index) => this.#viewFor(section, index) !== null)
    const partly: PartlyLate[] = []
    const all = { rejections: [] as Rejection[], partly, duplicates: [] as number[] }
    for (let rest: Section | null = section; rest !== null;) {
      const found: RunFindings = { rejections: [], duplicates: all.duplicates }
      rest = validator.readRun(rest, buffers, isCounted ? ids : noIds, found)
      const rowsOfViews = this.#applyRows(section)
      if (rowsOfViews !== null) {
        const late = judgeLate(this.#catalog, section.source, rowsOfViews, 0)
        found.rejections.push(...late.rejections)
        partly.push(...late.partly)
      }
      ids.settle(found.rejections)
      all.rejections.push(...found.rejections)
    }
    return all
  }

  /**
   * Applies the rows that were read last.
   *
   * @param section  Any of those that they are of.
   * @returns the rows of each view when some of them do not count, else null.
   */
  #applyRows(section: Section): readonly ViewRows[] | null {
    const validator = this.#validatorOf(section)
    const rowsOfViews: ViewRows[] = []
    let isAnyMissed = false
    for (const index of this.#catalog.routes[section.route]!.views) {
      const owned = this.#viewFor(section, index)
      if (owned === null) continue
      const rows = validator.rowsOf(index)
      const columns = section.backfill === 0 ? owned.columns : owned.historyColumns
      const uncounted = owned.state.apply(rows, columns, countedOf(owned, section))
      isAnyMissed ||= isAnyUncounted(uncounted)
      rowsOfViews.push({ view: index, rows, uncounted })
      this.#onRows?.(rowsOfViews.at(-1)!)
    }
    return isAnyMissed && section.backfill === 0 ? rowsOfViews : null
  }

  /**
   * Whether no more rows may wait for their time. Those that do not wait any longer at the arrival
   * of the section have left first, and those that a read has let go before that still count.
   */
  #isWaitingRoomFull(section: Section): boolean {
    return this.#catalog.routes[section.route]!.views.some((index) => {
      const state = this.#viewFor(section, index)?.state
      if (state === undefined || state.parked.countMax < parkedRowsMax) return false
      state.admit(section.arrivalMs)
      return state.parked.countAt(section.arrivalMs) >= parkedRowsMax
    })
  }

  /** A view, if a section counts in it. */
  #viewFor({ position, backfill }: Section, index: number): AppliedView | null {
    const owned = this.#views[index]
    if (owned === null || owned === undefined) return null
    if (backfill !== 0) return owned.history?.backfill === backfill ? owned : null
    return position > owned.since ? owned : null
  }

  #validatorOf({ route, backfill }: Section): RouteValidator {
    return (backfill === 0 ? this.#validators : this.#historyValidators)[route]!
  }
}

/** Which rows of a section count in a view. The keys of its history are all there are. */
function countedOf(
  { history, keyLimits }: AppliedView,
  { backfill, position }: Section,
): CountedRows {
  const untilMs = history !== null && backfill !== 0 ? history.boundaryMs : Infinity
  const newKeysMax = backfill === 0 ? newKeysMaxAt(keyLimits, position) : Infinity
  if (history === null) {
    return newKeysMax === Infinity ? allRows : { fromMs: -Infinity, untilMs, newKeysMax }
  }
  const fromMs = backfill === 0 ? history.boundaryMs : (history.fromMs ?? -Infinity)
  return { fromMs, untilMs, newKeysMax }
}

function eventsOf(sections: readonly Section[]): number {
  let events = 0
  for (const section of sections) events += section.events
  return events
}
