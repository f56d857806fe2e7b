/**
 * Definitions → `Catalog`: everything that a features file defines, checked and resolved.
 *
 * In: the values that a module exports. Out: the catalog that every stage works from; or one error
 * that lists all problems. Holds: the same definitions give the same catalog, places included,
 * whatever the order of the exports, so that every thread builds it for itself.
 */
import { viewsMax } from '../base/limits.ts'
import type * as model from '../model/catalog.ts'
import { collect, type Definitions } from './collect.ts'
import { resolveJoinKeys, resolveMetadata } from './fields.ts'
import { entityOptions, type Entity } from './entity.ts'
import { byName, canonicalType, canonicalView, identityOf } from './identity.ts'
import { checkName, checkServiceName } from './names.ts'
import { checkOptions } from './options.ts'
import { Problems } from './problems.ts'
import type { ViewOf } from './resolve-parts.ts'
import { resolveRealtime } from './resolve-realtime.ts'
import { resolveService, serviceOfRealtimeView, serviceOfView } from './resolve-service.ts'
import { resolveSource, type SourceDraft } from './resolve-source.ts'
import { resolveView, type ViewDraft } from './resolve-view.ts'
import type { StreamFeatureView } from './view.ts'

/**
 * Builds the catalog of a module's exports.
 *
 * What a definition refers to belongs to the catalog as well, exported or not; values that are not
 * definitions are passed over. Sources, views and services are sorted by name.
 *
 * @throws {@link MillraceError} `DEFINITION_INVALID`, which lists every problem with its place in
 * the definitions and, where it is known, in the file.
 */
export function buildCatalog(definitions: readonly unknown[]): model.Catalog {
  const problems = new Problems()
  const found = collect(definitions)
  checkNames(found, problems)
  const entities = new Map(
    found.entities.map((entity) => [entity, resolveEntity(entity, problems)]),
  )
  const drafts = new Map(found.sources.map((source) => [source, resolveSource(source, problems)]))
  const references = { entities, sources: drafts }
  const viewDrafts = new Map(
    found.views.map((view) => [view, resolveView(view, references, problems)]),
  )
  const resolved = [...viewDrafts.values()].filter((draft) => draft !== null).toSorted(byName)
  const { sources, routes, views } = place([...drafts.values()].toSorted(byName), resolved)

  // A view that could not be resolved has no place; it is among the problems already.
  const streamViewOf: ViewOf = (definition) => {
    const view = views[resolved.indexOf(viewDrafts.get(definition as StreamFeatureView)!)]
    return view && { isRealtime: false, view }
  }
  const realtimeViews = found.realtimeViews
    .toSorted(byName)
    .map((view, index) => ({ ...resolveRealtime(view, streamViewOf, problems), index }))
  const viewOf: ViewOf = (definition) => {
    const at = found.realtimeViews
      .toSorted(byName)
      .indexOf(definition as (typeof found.realtimeViews)[number])
    return at < 0 ? streamViewOf(definition) : { isRealtime: true, view: realtimeViews[at]! }
  }
  const services = found.services.map((service) =>
    resolveService(service, { viewOf, views }, problems),
  )
  problems.throwIfAny()
  return {
    entities: [...entities.values()].toSorted(byName),
    sources,
    routes,
    views,
    realtimeViews,
    services: [
      ...services,
      ...views.map(serviceOfView),
      ...realtimeViews.map(serviceOfRealtimeView),
    ].toSorted(byName),
  }
}

/** Every definition has a name of its own among its kind; a service none of a view's. */
function checkNames(found: Definitions, problems: Problems): void {
  if (Object.values(found).every((definitions) => definitions.length === 0)) {
    problems.add('features', 'no definition is exported')
  } else if (found.sources.length + found.views.length + found.realtimeViews.length === 0) {
    problems.add('features', 'no source and no view is exported')
  }
  const { entities, sources, services } = found
  const views = [...found.views, ...found.realtimeViews]
  if (views.length > viewsMax) {
    problems.add('features', `${views.length} views are more than ${viewsMax}`)
  }
  for (const namespace of [entities, sources, [...views, ...services]]) {
    const taken = new Map<string, string>()
    for (const definition of namespace) {
      const kind = definition.kind.replace('millrace.', '')
      const check = definition.kind === 'millrace.featureService' ? checkServiceName : checkName
      check(definition.name, kind, problems, definition)
      const other = taken.get(definition.name)
      if (other !== undefined) {
        problems.add(definition.name, `this ${kind} has the name of another ${other}`, definition)
      }
      taken.set(definition.name, kind)
    }
  }
}

function resolveEntity(entity: Entity, problems: Problems): model.Entity {
  const { name } = entity
  const checked = { of: 'entity', known: entityOptions, path: name }
  checkOptions(entity, checked, problems, entity)
  return {
    name,
    ...resolveMetadata(entity, name, problems),
    joinKeys: resolveJoinKeys(entity.joinKeys, `${name}.joinKeys`, problems, entity),
  }
}

/**
 * Gives sources, routes and views their places, in the order of the drafts. The views of a source
 * that have the same join keys in the same order share a route.
 */
function place(
  sourceDrafts: readonly SourceDraft[],
  viewDrafts: readonly ViewDraft[],
): Pick<model.Catalog, 'sources' | 'routes' | 'views'> {
  const routeViews = new Map<string, { source: number; views: number[] }>()
  const routeKeys = viewDrafts.map((draft) => {
    const keys = draft.joinKeys.map(({ name, type }) => [name, canonicalType(type)])
    return JSON.stringify([draft.source.name, keys])
  })
  for (const [index, draft] of viewDrafts.entries()) {
    const source = sourceDrafts.indexOf(draft.source)
    const route = routeViews.get(routeKeys[index]!)
    if (route === undefined) routeViews.set(routeKeys[index]!, { source, views: [index] })
    else route.views.push(index)
  }
  const routes = [...routeViews.values()].map(({ source, views }, index) => {
    return { index, source, joinKeys: viewDrafts[views[0]!]!.joinKeys, views }
  })
  const sources = sourceDrafts.map((draft, index) => {
    const own = routes.filter((route) => route.source === index).map((route) => route.index)
    return { ...draft, index, routes: own }
  })
  const routeOrder = [...routeViews.keys()]
  const views = viewDrafts.map((draft, index) => ({
    ...draft,
    index,
    source: sourceDrafts.indexOf(draft.source),
    route: routeOrder.indexOf(routeKeys[index]!),
    identity: identityOf(canonicalView(draft, draft.source)),
  }))
  return { sources, routes, views }
}
