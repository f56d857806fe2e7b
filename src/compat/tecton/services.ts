/**
 * What the platform's clients can read by name or id, and the order in which they are answered.
 *
 * Features are named `view.feature` wherever they are read, and stand in the order of these names.
 * A view goes by its name as a feature view and as a feature service.
 */
import { createHash } from 'node:crypto'
import { MillraceError } from '../../base/errors.ts'
import type { Catalog, Feature, Service, View } from '../../model/catalog.ts'
import type { Field } from '../../model/types.ts'
import type { Target } from './request.ts'

export interface ServedService {
  /** As the reader knows it. */
  readonly name: string
  readonly joinKeys: readonly Field[]
  readonly features: readonly ServedFeature[]
}

export interface ServedFeature {
  /** `view.feature` */
  readonly name: string
  /** Place in the rows of the reader. */
  readonly place: number
  readonly view: View
  readonly feature: Feature
}

/** Finds what a request names. */
export type Services = (target: Target) => ServedService

/** Of what is not there, or is there and not online, the services throw `FEATURES_UNKNOWN`. */
export function createServices(catalog: Catalog): Services {
  const online = catalog.services.filter(({ features }) =>
    features.every(({ view }) => catalog.views[view]!.online),
  )
  const views = new Map(catalog.views.map((view) => [view.name, view]))
  const byName = new Map(online.map((each) => [each.name, servedOf(catalog, each, views)]))
  const byId = new Map([...byName].map(([name, served]) => [serviceId(name), served] as const))
  const viewsById = new Map(catalog.views.map(({ identity, name }) => [identity, byName.get(name)]))
  return (target) => {
    const found =
      target.kind === 'FeatureService'
        ? (target.by === 'name' ? byName : byId).get(target.value)
        : target.by === 'id'
          ? viewsById.get(target.value)
          : views.has(target.value)
            ? byName.get(target.value)
            : undefined
    if (found === undefined) throw unknownError(target)
    return found
  }
}

/** 32 hexadecimal digits: a service has no state that an identity would be of. */
function serviceId(name: string): string {
  return createHash('sha256').update(`feature service ${name}`).digest('hex').slice(0, 32)
}

function servedOf(
  catalog: Catalog,
  { name, joinKeys, features }: Service,
  views: ReadonlyMap<string, View>,
): ServedService {
  const isView = views.has(name)
  const served = features.map((each, place) => {
    const view = catalog.views[each.view]!
    const feature = view.features[each.feature]!
    // In the service that a view is, features go by their own names.
    return { name: isView ? `${name}.${feature.name}` : each.name, place, view, feature }
  })
  return { name, joinKeys, features: served.toSorted(byNamespaceAndName) }
}

function byNamespaceAndName({ name: one }: ServedFeature, { name: other }: ServedFeature): number {
  const [oneSpace, oneName] = one.split('.') as [string, string]
  const [otherSpace, otherName] = other.split('.') as [string, string]
  if (oneSpace !== otherSpace) return oneSpace < otherSpace ? -1 : 1
  return oneName < otherName ? -1 : 1
}

/** The text is the platform's, to the letter: clients show it. */
function unknownError({ kind, value, workspace }: Target): MillraceError {
  const message =
    `Unable to query ${kind} \`${value}\` for workspace \`${workspace}\`. ` +
    'Newly created feature services may take up to 60 seconds to query. ' +
    'Also, ensure that the workspace is a live workspace.'
  return new MillraceError('FEATURES_UNKNOWN', { name: value }, { message })
}
