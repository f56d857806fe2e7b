/**
 * What becomes of the events of a batch that some shard, or the router, did not count.
 *
 * An event goes one way for each route of its source. It is rejected if any way finds it wrong,
 * although other ways may have counted it; its time is wrong only if it is on every way that keeps
 * state, because one view's window may reach where another's does not. What was counted by
 * some views and not by others says by which not: it must not be published again.
 */
import { errorMessage, printable, type ErrorCode } from '../base/errors.ts'
import type { Catalog, Route } from '../model/catalog.ts'
import { missedCodes, type PartlyLate, type Rejection } from '../model/rejection.ts'

/** The ways of a source's events. */
export interface Ways {
  /** Routes that keep state: those on which an event is counted unless something is said of it. */
  readonly stateful: readonly number[]
  /** By route: the names of its views. */
  readonly views: ReadonlyMap<number, readonly string[]>
  /** Whether its events go into the offline log. */
  readonly isOffline: boolean
}

/** Of a source that the catalog does not have, or that no view takes. */
export const noWays: Ways = { stateful: [], views: new Map(), isOffline: false }

export function waysOf(catalog: Catalog, source: number): Ways {
  const { routes: indexes, offline: isOffline } = catalog.sources[source]!
  const routes = indexes.map((route) => catalog.routes[route]!)
  const isOnline = (view: number): boolean => catalog.views[view]!.online
  return {
    stateful: routes.filter(({ views }) => views.some(isOnline)).map(({ index }) => index),
    views: namesOf(catalog, routes, () => true),
    isOffline,
  }
}

/** The ways of the events of a backfill of some views, by their places in the catalog. */
export function waysOfBackfill(catalog: Catalog, views: readonly number[]): Ways {
  const isMeant = (view: number): boolean => views.includes(view)
  const routes = catalog.routes.filter((route) => route.views.some(isMeant))
  return {
    stateful: routes.map(({ index }) => index),
    views: namesOf(catalog, routes, isMeant),
    // The offline log is of what was pushed.
    isOffline: false,
  }
}

function namesOf(
  catalog: Catalog,
  routes: readonly Route[],
  isMeant: (view: number) => boolean,
): Ways['views'] {
  return new Map(
    routes.map(({ index, views }) => [
      index,
      views.filter(isMeant).map((view) => catalog.views[view]!.name),
    ]),
  )
}

/** What one way has said of one event. */
export interface Said {
  readonly route: number
  readonly rejection: Rejection | null
  readonly partly: PartlyLate | null
}

export interface Verdict {
  /** Place of the event in its batch. */
  readonly index: number
  readonly code: ErrorCode
  readonly path: string
  readonly message: string
  /** Views that did not count the event although others did; empty when none has. */
  readonly views: readonly string[]
  /** Some views do not count it, which is no fault of the event. */
  readonly isAccepted: boolean
}

export function judge(index: number, said: readonly Said[], ways: Ways): Verdict {
  const wrong = said.find(({ rejection }) => rejection !== null && !isMissed(rejection))?.rejection
  const refusing = new Set(said.filter(({ partly }) => partly === null).map(({ route }) => route))
  const isCounted = ways.stateful.some((route) => !refusing.has(route))
  const views = isCounted ? missed(said, ways) : []
  const rejection = wrong ?? (isCounted ? null : said.find((each) => each.rejection)?.rejection)
  if (rejection) {
    const { code, path, message } = rejection
    return { index, code, path, message, views, isAccepted: false }
  }
  const names = views.map((name) => `"${name}"`).join(' and ')
  const reasons = said.map(({ partly, rejection }) => (partly ?? rejection)!)
  const codes = reasons.map((reason) => reason.code)
  const code = missedCodes.findLast((each) => codes.includes(each))!
  const { path } = reasons.find((reason) => reason.code === code)!
  const message = printable(errorMessage(code, { views: names }))
  return { index, code, path, message, views, isAccepted: true }
}

/** Whether nothing is wrong with the event itself. */
function isMissed({ code }: Rejection): boolean {
  return missedCodes.some((each) => each === code)
}

/** The views that did not count an event. */
function missed(said: readonly Said[], { views }: Ways): readonly string[] {
  return said.flatMap(({ route, partly }) => partly?.views ?? views.get(route) ?? [])
}
