/**
 * What can be read by name: every feature service, of which each view is one.
 *
 * Built once from the catalog, with everything looked up that a read needs to know per service:
 * which views take part, which of their features, and where each answer goes in the row.
 */
import type { Catalog, Service, View } from '../model/catalog.ts'
import type { DataType, Field } from '../model/types.ts'

export interface Readable {
  readonly name: string
  /** All join keys that a row of the read must have, and no others. */
  readonly joinKeys: readonly Field[]
  /** In the order of the values. */
  readonly features: readonly ReadableFeature[]
  /** Of the features, in their order. */
  readonly names: readonly string[]
  readonly types: readonly DataType[]
  /** The views that are asked, each once. */
  readonly parts: readonly ReadablePart[]
}

export interface ReadableFeature {
  /** As in `Service.features`. */
  readonly name: string
  readonly type: DataType
  /** Name of the view. */
  readonly view: string
  /** Place in `Readable.parts`, and in that part's `features`. */
  readonly part: number
  readonly place: number
}

/** One view of a service. */
export interface ReadablePart {
  readonly view: View
  /** Places in the view's features. */
  readonly features: readonly number[]
  /** Places of the view's join keys among those of the service; null when they are the same. */
  readonly keyPlaces: readonly number[] | null
}

/** Resolves the services of a catalog. */
export function readables(catalog: Catalog): ReadonlyMap<string, Readable> {
  return new Map(catalog.services.map((each) => [each.name, readable(catalog, each)]))
}

function readable(catalog: Catalog, service: Service): Readable {
  const parts: { view: View; features: number[] }[] = []
  const features = service.features.map(({ name, view: viewIndex, feature }) => {
    const view = catalog.views[viewIndex]!
    let part = parts.findIndex((each) => each.view === view)
    if (part < 0) part = parts.push({ view, features: [] }) - 1
    const place = parts[part]!.features.push(feature) - 1
    return { name, type: view.features[feature]!.type, view: view.name, part, place }
  })
  const names = features.map(({ name }) => name)
  const types = features.map(({ type }) => type)
  const { name, joinKeys } = service
  const asked = parts.map((part) => ({
    ...part,
    keyPlaces: placesOf(part.view.joinKeys, joinKeys),
  }))
  return { name, joinKeys, features, names, types, parts: asked }
}

function placesOf(own: readonly Field[], all: readonly Field[]): readonly number[] | null {
  const places = own.map(({ name }) => all.findIndex((field) => field.name === name))
  return places.length === all.length && places.every((at, n) => at === n) ? null : places
}
