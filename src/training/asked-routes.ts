/**
 * What a service asks, route by route: each is answered by itself, because its keys are others.
 */
import type { Catalog, Route, Source, View } from '../model/catalog.ts'
import type { Field } from '../model/types.ts'
import { sqlName } from '../duckdb/database.ts'
import type { Readable } from '../serve/services.ts'
import type { AskedView } from './asked-view.ts'

/** Views of one route. */
export interface AskedRoute {
  readonly route: Route
  readonly source: Source
  /** Places of the route's join keys among those of the service. */
  readonly keyPlaces: readonly number[]
  readonly asked: readonly AskedView[]
}

/**
 * The routes of a service, each with its columns.
 *
 * @param streamFrom  Where the stream of a view begins, event time, ms; null for no such moment.
 */
export function askedRoutes(
  catalog: Catalog,
  service: Readable,
  streamFrom: (view: View) => number | null,
): readonly AskedRoute[] {
  const routes = new Map<string, AskedRoute & { readonly asked: AskedView[] }>()
  for (const [part, { view, features, keyPlaces }] of service.parts.entries()) {
    const route = catalog.routes[view.route]!
    const source = catalog.sources[route.source]!
    const places = keyPlaces ?? service.joinKeys.map((_, n) => n)
    const id = [route.index, ...places].join(' ')
    const known = routes.get(id)
    const asked = known?.asked ?? []
    const edge = view.leadingEdge === 'latest-event' ? `edge_${view.index}` : null
    const columns = features.map((feature, place): Field => {
      const { type } = view.features[feature]!
      return { name: partColumn(part, place), type: { ...type, nullable: true } }
    })
    asked.push({ view: view.index, features, columns, edge, fromMs: streamFrom(view) })
    if (known === undefined) routes.set(id, { route, source, keyPlaces: places, asked })
  }
  return [...routes.values()]
}

/** The column of a view's answer, by its places in the service, until it has a name. */
export function partColumn(part: number, place: number): string {
  return `millrace_part_${part}_${place}`
}

/** The same of a realtime view. */
export function realtimeColumn(view: number, place: number): string {
  return `millrace_realtime_${view}_${place}`
}

/** The names of a service's columns, in its order. */
export function columnNames(service: Readable): readonly string[] {
  return service.features.map(({ name, namespace }) =>
    name.startsWith(`${namespace}.`)
      ? `${namespace}__${name.slice(namespace.length + 1)}`
      : `${namespace}__${name}`,
  )
}

/** The values of a service in its order, as SQL, under the names that they have outside. */
export function namedColumns(service: Readable): readonly string[] {
  const names = columnNames(service)
  return service.features.map(({ isRealtime, part, place }, n) => {
    const column = isRealtime ? realtimeColumn(part, place) : partColumn(part, place)
    return `${column} AS ${sqlName(names[n]!)}`
  })
}
