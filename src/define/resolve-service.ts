/**
 * Feature services: those that are defined, and one for every view under its own name.
 */
import type { RealtimeView, Service, View } from '../model/catalog.ts'
import { resolveMetadata } from './fields.ts'
import { checkOptions } from './options.ts'
import type { Problems } from './problems.ts'
import { PartsResolver, type ResolvedParts, type ViewOf } from './resolve-parts.ts'
import { featureServiceOptions, type FeatureService } from './service.ts'

/** The service that a view is. */
export function serviceOfView(view: View): Service {
  return { ...ownService(view), requestFields: [], servingIndex: view.servingIndex }
}

/** The service that a realtime view is. */
export function serviceOfRealtimeView(view: RealtimeView): Service {
  return {
    ...ownService(view, { isRealtime: true }),
    requestFields: view.requestFields,
    servingIndex: null,
  }
}

/** What every view is as a service: all of its features, under their own names. */
function ownService(
  view: View | RealtimeView,
  { isRealtime = false } = {},
): Omit<Service, 'requestFields' | 'servingIndex'> {
  const { name, index, joinKeys, description, owner, tags } = view
  return {
    name,
    ...(description !== undefined && { description }),
    ...(owner !== undefined && { owner }),
    ...(tags !== undefined && { tags }),
    joinKeys,
    parts: [{ namespace: name, isRealtime, view: index, keyPlaces: [...joinKeys.keys()] }],
    features: view.features.map(({ name }, feature) => ({ name, part: 0, feature })),
  }
}

/**
 * A service as it is defined.
 *
 * @param viewOf  The resolved view of a definition, if it could be resolved.
 * @param views  Of the catalog.
 */
export function resolveService(
  service: FeatureService,
  { viewOf, views }: { readonly viewOf: ViewOf; readonly views: readonly View[] },
  problems: Problems,
): Service {
  const { name } = service
  const checked = { of: 'featureService', known: featureServiceOptions, path: name }
  checkOptions(service, checked, problems, service)
  const listed: readonly unknown[] = Array.isArray(service.features) ? service.features : []
  if (listed.length === 0) problems.add(`${name}.features`, 'name at least one view', service)
  const parts = new PartsResolver(service, viewOf, problems)
  for (const [n, element] of listed.entries()) parts.add(element, `${name}.features[${n}]`)
  const { resolved } = parts
  const metadata = resolveMetadata(service, name, problems)
  return { name, ...metadata, ...resolved, servingIndex: servingIndexOf(resolved, views) }
}

/**
 * The join keys by which the others can be found: all views with an index are found by the same
 * ones, and leave the same ones open. Null when they do not agree, or there is none.
 */
function servingIndexOf(
  { joinKeys, parts }: ResolvedParts,
  views: readonly View[],
): readonly string[] | null {
  let open: ReadonlySet<string> | null = null
  for (const { isRealtime, view: index, keyPlaces } of parts) {
    const view = isRealtime ? null : views[index]!
    if (view === null || view.servingIndex === null) continue
    const own = new Set<string>()
    for (const [n, { name }] of view.joinKeys.entries()) {
      if (!view.servingIndex.includes(name)) own.add(joinKeys[keyPlaces[n]!]!.name)
    }
    if (open !== null && (open.size !== own.size || [...own].some((name) => !open!.has(name)))) {
      return null
    }
    open = own
  }
  if (open === null) return null
  const given = joinKeys.map(({ name }) => name).filter((name) => !open.has(name))
  return given
}
