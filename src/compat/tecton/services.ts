/**
 * What the platform's clients can read by name or id, and the order in which they are answered:
 * features of realtime views first, as their views define them; then the others by name.
 *
 * Features are named `view.feature` wherever they are read. A view goes by its name as a feature
 * view and as a feature service.
 */
import { MillraceError, printable } from '../../base/errors.ts'
import type { Catalog, Feature, Service, ServicePart, View } from '../../model/catalog.ts'
import type { DataType, Field } from '../../model/types.ts'
import { idOf } from './ids.ts'
import type { Target } from './request.ts'

export interface ServedService {
  /** As the reader knows it. */
  readonly name: string
  readonly joinKeys: readonly Field[]
  readonly requestFields: readonly Field[]
  /** Join keys by which all others are found; null when a read has to name every one. */
  readonly servingIndex: readonly string[] | null
  readonly features: readonly ServedFeature[]
  /** Names of the views of which it reads something that is stored, each once. */
  readonly views: readonly string[]
  /** Whether some of it is computed as it is read. */
  readonly isComputed: boolean
}

export interface ServedFeature {
  /** `view.feature` */
  readonly name: string
  readonly type: DataType
  /** Place in the rows of the reader. */
  readonly place: number
  /** What it is of a view; null when it is computed as it is read. */
  readonly stored: { readonly view: View; readonly feature: Feature } | null
}

/** Finds what a request names. */
export type Services = (target: Target) => ServedService

/** Of what is not there, or is there and not online, the services throw `FEATURES_UNKNOWN`. */
export function createServices(catalog: Catalog): Services {
  const online = catalog.services.filter(({ parts }) => isOnline(catalog, parts))
  const byName = new Map(online.map((each) => [each.name, servedOf(catalog, each)]))
  const byId = new Map([...byName].map(([name, served]) => [idOf('feature service', name), served]))
  const views = [...catalog.views, ...catalog.realtimeViews].map(({ name }) => name)
  const viewsByName = new Map(views.map((name) => [name, byName.get(name)]))
  const viewsById = new Map(catalog.views.map(({ identity, name }) => [identity, byName.get(name)]))
  const found = {
    FeatureService: { name: byName, id: byId },
    FeatureView: { name: viewsByName, id: viewsById },
  }
  return (target) => {
    const served = found[target.kind][target.by].get(target.value)
    if (served === undefined) throw unknownError(target)
    return served
  }
}

/** Ids by name, of all that can be read as a feature service. */
export function serviceIds({ services }: Catalog): ReadonlyMap<string, string> {
  return new Map(services.map(({ name }) => [name, idOf('feature service', name)]))
}

function isOnline(catalog: Catalog, parts: readonly ServicePart[]): boolean {
  return parts.every(({ isRealtime, view }) =>
    isRealtime
      ? isOnline(catalog, catalog.realtimeViews[view]!.parts)
      : catalog.views[view]!.online,
  )
}

function servedOf(catalog: Catalog, service: Service): ServedService {
  const { name, joinKeys, requestFields, servingIndex, parts } = service
  const computed: ServedFeature[] = []
  const stored: ServedFeature[] = []
  for (const [place, { part: at, feature }] of service.features.entries()) {
    const { namespace, isRealtime, view: index } = parts[at]!
    if (isRealtime) {
      const { name, type } = catalog.realtimeViews[index]!.features[feature]!
      computed.push({ name: `${namespace}.${name}`, type, place, stored: null })
    } else {
      const view = catalog.views[index]!
      const { name, type } = view.features[feature]!
      const of = { view, feature: view.features[feature]! }
      stored.push({ name: `${namespace}.${name}`, type, place, stored: of })
    }
  }
  const features = [
    ...computed.toSorted((a, b) => compare(namespaceOf(a), namespaceOf(b))),
    ...stored.toSorted(
      (a, b) => compare(namespaceOf(a), namespaceOf(b)) || compare(a.name, b.name),
    ),
  ]
  const views = [...new Set(stored.map((each) => each.stored!.view.name))]
  const isComputed = computed.length > 0
  return { name, joinKeys, requestFields, servingIndex, features, views, isComputed }
}

function namespaceOf({ name }: ServedFeature): string {
  return name.slice(0, name.indexOf('.'))
}

function compare(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1
}

/** The text is the platform's, to the letter: clients show it. */
function unknownError({ kind, value, workspace }: Target): MillraceError {
  const message =
    `Unable to query ${kind} \`${printable(value)}\` for workspace \`${printable(workspace)}\`. ` +
    'Newly created feature services may take up to 60 seconds to query. ' +
    'Also, ensure that the workspace is a live workspace.'
  return new MillraceError('FEATURES_UNKNOWN', { name: value }, { message })
}
