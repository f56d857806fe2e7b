/**
 * The views that a feature service, or a realtime view, is made of: which there are, under which
 * names, by which keys, and which of their features.
 */
import type { RealtimeView, ServiceFeature, ServicePart, View } from '../model/catalog.ts'
import type { Field } from '../model/types.ts'
import { canonicalType } from './identity.ts'
import { checkFieldName, checkName, shown } from './names.ts'
import type { Problems } from './problems.ts'
import type { RealtimeFeatureView } from './realtime.ts'
import type { FeatureSelection, SelectedView } from './selection.ts'
import type { StreamFeatureView } from './view.ts'

/** A resolved view, of either kind. */
export type ResolvedView =
  | { readonly isRealtime: false; readonly view: View }
  | { readonly isRealtime: true; readonly view: RealtimeView }

/** The resolved view of a definition; undefined for one that could not be resolved. */
export type ViewOf = (definition: unknown) => ResolvedView | undefined

/** What a list of views comes to. */
export interface ResolvedParts {
  readonly joinKeys: readonly Field[]
  readonly requestFields: readonly Field[]
  readonly parts: readonly ServicePart[]
  readonly features: readonly ServiceFeature[]
}

/** What an element of such a list says, with nothing left out. */
interface Selection {
  readonly view: SelectedView
  /** Null: all. */
  readonly features: readonly unknown[] | null
  readonly namespace: string
  readonly joinKeyMap: Readonly<Record<string, unknown>>
}

/** @returns null for what is no view and no selection of one. */
export function selectionOf(element: unknown): Selection | null {
  const known = element as StreamFeatureView | RealtimeFeatureView | FeatureSelection | null
  switch (known?.kind) {
    case 'millrace.streamFeatureView':
    case 'millrace.realtimeFeatureView':
      return { view: known, features: null, namespace: known.name, joinKeyMap: {} }
    case 'millrace.featureSelection': {
      const { view, features = null, namespace = view.name, joinKeyMap = {} } = known
      return { view, features, namespace, joinKeyMap }
    }
    default:
      return null
  }
}

/** Resolves the elements of a list, one after the other. */
export class PartsResolver {
  readonly #definition: unknown
  readonly #viewOf: ViewOf
  readonly #problems: Problems
  readonly #joinKeys: Field[] = []
  readonly #requestFields: Field[] = []
  readonly #parts: ServicePart[] = []
  readonly #features: ServiceFeature[] = []

  /** @param definition  What the list belongs to; problems name it. */
  constructor(definition: unknown, viewOf: ViewOf, problems: Problems) {
    this.#definition = definition
    this.#viewOf = viewOf
    this.#problems = problems
  }

  get resolved(): ResolvedParts {
    return {
      joinKeys: this.#joinKeys,
      requestFields: this.#requestFields,
      parts: this.#parts,
      features: this.#features,
    }
  }

  /** @param path  The place of the element in the definitions. */
  add(element: unknown, path: string): void {
    const selection = selectionOf(element)
    if (selection === null) {
      this.#problem(path, `${shown(element)} is neither a view nor a selection of one`, element)
      return
    }
    const found = this.#viewOf(selection.view)
    if (found === undefined) return
    const { namespace, joinKeyMap } = selection
    const { name, joinKeys } = found.view
    if (namespace !== name) {
      checkName(namespace, path, this.#problems, element, this.#definition)
    }
    for (const key of Object.keys(joinKeyMap)) {
      if (joinKeys.some((joinKey) => joinKey.name === key)) continue
      this.#problem(path, `view "${name}" has no join key ${shown(key)}`, element)
    }
    const keyPlaces = joinKeys.map((key) =>
      this.#addKey({ ...key, name: this.#renamed(key.name, joinKeyMap, path, element) }, path),
    )
    if (new Set(keyPlaces).size < keyPlaces.length) {
      this.#problem(path, `two join keys of view "${name}" have one name`, element)
    }
    if (found.isRealtime) {
      for (const field of found.view.requestFields) this.#addRequestField(field, path)
    }
    const part = this.#addPart(found, namespace, keyPlaces, path, element)
    if (part === null) return
    const { features } = found.view
    for (const feature of selection.features ?? features.map((each) => each.name)) {
      this.#addFeature(found, part, feature, path, element)
    }
  }

  #renamed(
    key: string,
    names: Readonly<Record<string, unknown>>,
    path: string,
    element: unknown,
  ): string {
    if (!Object.hasOwn(names, key)) return key
    const name = names[key]
    if (typeof name !== 'string') {
      this.#problem(path, `${shown(name)} is not a name for join key "${key}"`, element)
      return key
    }
    checkFieldName(name, path, this.#problems, element, this.#definition)
    return name
  }

  /** @returns the place of the join key. */
  #addKey(key: Field, path: string): number {
    const at = this.#joinKeys.findIndex(({ name }) => name === key.name)
    if (at < 0) return this.#joinKeys.push(key) - 1
    this.#compare('join key', this.#joinKeys[at]!, key, path)
    return at
  }

  #addRequestField(field: Field, path: string): void {
    const known = this.#requestFields.find(({ name }) => name === field.name)
    if (known === undefined) this.#requestFields.push(field)
    else this.#compare('request field', known, field, path)
  }

  #compare(what: string, known: Field, field: Field, path: string): void {
    const [first, second] = [canonicalType(known.type), canonicalType(field.type)]
    if (first === second) return
    this.#problem(path, `${what} "${field.name}" is ${second} here and ${first} before`)
  }

  /** @returns the place of the part; null when its name is another one's. */
  #addPart(
    { isRealtime, view }: ResolvedView,
    namespace: string,
    keyPlaces: readonly number[],
    path: string,
    element: unknown,
  ): number | null {
    const at = this.#parts.findIndex((part) => part.namespace === namespace)
    if (at < 0) {
      return this.#parts.push({ namespace, isRealtime, view: view.index, keyPlaces }) - 1
    }
    const part = this.#parts[at]!
    const isSameView = part.isRealtime === isRealtime && part.view === view.index
    if (isSameView && keyPlaces.every((place, n) => place === part.keyPlaces[n])) return at
    const reason = isSameView ? 'for other keys' : 'for another view'
    this.#problem(
      path,
      `"${namespace}" stands ${reason} before; give one a name with withName`,
      element,
    )
    return null
  }

  #addFeature(
    { view }: ResolvedView,
    part: number,
    name: unknown,
    path: string,
    element: unknown,
  ): void {
    const feature = view.features.findIndex((each) => each.name === name)
    if (feature < 0) {
      this.#problem(path, `view "${view.name}" has no feature ${shown(name)}`, element)
      return
    }
    const full = `${this.#parts[part]!.namespace}.${String(name)}`
    if (this.#features.some((other) => other.name === full)) {
      this.#problem(path, `"${full}" is there already`, element)
      return
    }
    this.#features.push({ name: full, part, feature })
  }

  #problem(path: string, reason: string, element?: unknown): void {
    this.#problems.add(path, reason, element, this.#definition)
  }
}
