/**
 * Feature services: those that are defined, and one for every view under its own name.
 */
import type { Service, ServiceFeature, View } from '../model/catalog.ts'
import type { Field } from '../model/types.ts'
import { resolveMetadata } from './fields.ts'
import { canonicalType } from './identity.ts'
import { shown } from './names.ts'
import { checkOptions } from './options.ts'
import type { Problems } from './problems.ts'
import { featureServiceOptions, type FeatureService } from './service.ts'
import type { FeatureSelection, StreamFeatureView } from './view.ts'

/** The service that a view is. */
export function serviceOfView(view: View): Service {
  const { name, joinKeys, description, owner, tags } = view
  return {
    name,
    ...(description !== undefined && { description }),
    ...(owner !== undefined && { owner }),
    ...(tags !== undefined && { tags }),
    joinKeys,
    features: view.features.map(({ name }, feature) => ({ name, view: view.index, feature })),
  }
}

/**
 * A service as it is defined.
 *
 * @param viewOf  The resolved view of a definition, if it could be resolved.
 */
export function resolveService(
  service: FeatureService,
  viewOf: (definition: unknown) => View | undefined,
  problems: Problems,
): Service {
  const checked = { of: 'featureService', known: featureServiceOptions, path: service.name }
  checkOptions(service, checked, problems, service)
  const features: ServiceFeature[] = []
  const joinKeys: Field[] = []
  const listed: readonly unknown[] = Array.isArray(service.features) ? service.features : []
  if (listed.length === 0)
    problems.add(`${service.name}.features`, 'name at least one view', service)
  for (const [i, part] of listed.entries()) {
    const path = `${service.name}.features[${i}]`
    const selection = selectionOf(part)
    if (selection === null) {
      problems.add(path, `${shown(part)} is neither a view nor a view.select(…)`, part, service)
      continue
    }
    const view = viewOf(selection.view)
    if (view === undefined) continue
    addJoinKeys(joinKeys, view, path, problems, service)
    for (const name of selection.features ?? view.features.map((feature) => feature.name)) {
      const place = view.features.findIndex((feature) => feature.name === name)
      const feature = `${view.name}.${String(name)}`
      if (place < 0) {
        problems.add(path, `view "${view.name}" has no feature ${shown(name)}`, part, service)
      } else if (features.some((other) => other.name === feature)) {
        problems.add(path, `"${feature}" is in the service already`, part, service)
      } else {
        features.push(serviceFeature(view, place))
      }
    }
  }
  const metadata = resolveMetadata(service, service.name, problems)
  return { name: service.name, ...metadata, joinKeys, features }
}

/** The view behind an element of a service's `features`, and which of its features; null: all. */
export function selectionOf(
  part: unknown,
): { readonly view: StreamFeatureView; readonly features: readonly unknown[] | null } | null {
  const known = part as StreamFeatureView | FeatureSelection | null | undefined
  if (known?.kind === 'millrace.streamFeatureView') return { view: known, features: null }
  if (known?.kind === 'millrace.featureSelection') return known
  return null
}

function addJoinKeys(
  joinKeys: Field[],
  view: View,
  path: string,
  problems: Problems,
  service: FeatureService,
): void {
  for (const key of view.joinKeys) {
    const known = joinKeys.find(({ name }) => name === key.name)
    if (known === undefined) joinKeys.push(key)
    else if (canonicalType(known.type) !== canonicalType(key.type)) {
      const [first, second] = [canonicalType(known.type), canonicalType(key.type)]
      problems.add(path, `join key "${key.name}" is ${second} here and ${first} before`, service)
    }
  }
}

function serviceFeature(view: View, feature: number): ServiceFeature {
  return { name: `${view.name}.${view.features[feature]!.name}`, view: view.index, feature }
}
