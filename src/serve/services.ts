/**
 * What can be read by name: every feature service, of which each view is one.
 *
 * Built once from the catalog, with everything looked up that a read needs to know per service:
 * which views take part, which of their features, and where each answer goes in the row.
 */
import type { Catalog, RealtimeView, Service, ServicePart, View } from '../model/catalog.ts'
import type { DataType, Field } from '../model/types.ts'

export interface Readable {
  readonly name: string
  /** All join keys that a row of the read must have, and no others. */
  readonly joinKeys: readonly Field[]
  /** All request data that a row of the read must have, and no other. */
  readonly requestFields: readonly Field[]
  /** The join keys of a query; null when a part of a key finds nothing. */
  readonly servingIndex: readonly string[] | null
  /** In the order of the values. */
  readonly features: readonly ReadableFeature[]
  /** Of the features, in their order. */
  readonly names: readonly string[]
  readonly types: readonly DataType[]
  /** The views that are asked, each once for the same keys. */
  readonly parts: readonly ReadablePart[]
  /** The realtime views that are computed of their answers. */
  readonly realtime: readonly ReadableRealtime[]
}

export interface ReadableFeature {
  /** As in `Service.features`. */
  readonly name: string
  readonly type: DataType
  /** What the name of the view is in the service. */
  readonly namespace: string
  /** Name of the view. */
  readonly view: string
  readonly isRealtime: boolean
  /** Place in `Readable.parts`, or in `Readable.realtime`, and in the `features` there. */
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

/** One realtime view of a service. */
export interface ReadableRealtime {
  readonly view: RealtimeView
  readonly namespace: string
  /** Places of its request fields among those of the service. */
  readonly requestPlaces: readonly number[]
  /** What it reads: where in `Readable.parts`, and in their features. */
  readonly inputs: readonly { readonly part: number; readonly place: number }[]
}

/** Resolves the services of a catalog. */
export function readables(catalog: Catalog): ReadonlyMap<string, Readable> {
  return new Map(catalog.services.map((each) => [each.name, readable(catalog, each)]))
}

function readable(catalog: Catalog, service: Service): Readable {
  const { name, joinKeys, requestFields, servingIndex } = service
  const asked = new AskedParts(catalog, joinKeys)
  const realtime = new Map<ServicePart, ReadableRealtime>()
  for (const part of service.parts) {
    if (part.isRealtime) realtime.set(part, realtimeOf(catalog, service, part, asked))
  }
  const computed = [...realtime.values()]
  const features = service.features.map(({ name, part: at, feature }): ReadableFeature => {
    const part = service.parts[at]!
    const { namespace, isRealtime } = part
    const own = realtime.get(part)
    const view = own?.view ?? catalog.views[part.view]!
    const found =
      own === undefined
        ? asked.placeOf(part.view, part.keyPlaces, feature)
        : { part: computed.indexOf(own), place: feature }
    const type = { ...view.features[feature]!.type, nullable: true }
    return { name, type, namespace, view: view.name, isRealtime, ...found }
  })
  const names = features.map(({ name }) => name)
  const types = features.map(({ type }) => type)
  const about = { name, joinKeys, requestFields, servingIndex }
  return { ...about, features, names, types, parts: asked.parts, realtime: computed }
}

function realtimeOf(
  catalog: Catalog,
  service: Service,
  { namespace, view: index, keyPlaces }: ServicePart,
  asked: AskedParts,
): ReadableRealtime {
  const view = catalog.realtimeViews[index]!
  const requestPlaces = view.requestFields.map(({ name }) =>
    service.requestFields.findIndex((field) => field.name === name),
  )
  const inputs = view.inputs.map(({ part, feature }) => {
    const source = view.parts[part]!
    const places = source.keyPlaces.map((place) => keyPlaces[place]!)
    return asked.placeOf(source.view, places, feature)
  })
  return { view, namespace, requestPlaces, inputs }
}

interface AskedPart {
  readonly view: View
  readonly features: number[]
  readonly places: readonly number[]
}

/** Collects what is asked of views; the same view is asked once for the same keys. */
class AskedParts {
  readonly #catalog: Catalog
  readonly #joinKeys: readonly Field[]
  readonly #parts: AskedPart[] = []

  constructor(catalog: Catalog, joinKeys: readonly Field[]) {
    this.#catalog = catalog
    this.#joinKeys = joinKeys
  }

  get parts(): readonly ReadablePart[] {
    return this.#parts.map(({ view, features, places }) => {
      const isSame = places.length === this.#joinKeys.length && places.every((at, n) => at === n)
      return { view, features, keyPlaces: isSame ? null : places }
    })
  }

  /** Where the answer to a feature of a view will be. */
  placeOf(
    index: number,
    places: readonly number[],
    feature: number,
  ): { readonly part: number; readonly place: number } {
    const view = this.#catalog.views[index]!
    let part = this.#parts.findIndex(
      (each) => each.view === view && each.places.every((place, n) => place === places[n]),
    )
    if (part < 0) part = this.#parts.push({ view, features: [], places }) - 1
    const { features } = this.#parts[part]!
    const known = features.indexOf(feature)
    return { part, place: known < 0 ? features.push(feature) - 1 : known }
  }
}
