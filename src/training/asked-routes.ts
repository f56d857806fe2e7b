/**
 * What a service asks, route by route: each is answered by itself, because its keys are others.
 */
import type { Catalog, Route, Source } from '../model/catalog.ts'
import type { Field } from '../model/types.ts'
import { MillraceError } from '../base/errors.ts'
import type { Readable } from '../serve/services.ts'
import type { AskedView } from './pass.ts'

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
 * @throws {@link MillraceError} `CONFIG_INVALID` for a service with realtime views.
 */
export function askedRoutes(catalog: Catalog, service: Readable): readonly AskedRoute[] {
  if (service.realtime.length > 0) {
    const reason = `"${service.name}" has realtime views, which have no past`
    throw new MillraceError('CONFIG_INVALID', { path: 'service', reason })
  }
  const routes = new Map<string, AskedRoute & { readonly asked: AskedView[] }>()
  for (const [part, { view, features, keyPlaces }] of service.parts.entries()) {
    const route = catalog.routes[view.route]!
    const source = catalog.sources[route.source]!
    const places = keyPlaces ?? service.joinKeys.map((_, n) => n)
    const id = [route.index, ...places].join(' ')
    const known = routes.get(id)
    const asked = known?.asked ?? []
    const edge = view.leadingEdge === 'latest-event' ? `edge_${view.index}` : null
    const columns = features.map((_, place) => columnOf(service, part, place))
    asked.push({ view: view.index, features, columns, edge })
    if (known === undefined) routes.set(id, { route, source, keyPlaces: places, asked })
  }
  return [...routes.values()]
}

/** The names of a service's columns, in its order. */
export function columnNames(service: Readable): readonly string[] {
  return service.features.map(({ name, namespace }) =>
    name.startsWith(`${namespace}.`)
      ? `${namespace}__${name.slice(namespace.length + 1)}`
      : `${namespace}__${name}`,
  )
}

function columnOf(service: Readable, part: number, place: number): Field {
  const n = service.features.findIndex((each) => each.part === part && each.place === place)
  return { name: columnNames(service)[n]!, type: service.types[n]! }
}
