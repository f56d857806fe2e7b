/**
 * `view.select`, `view.withName`, `view.withJoinKeyMap`: how a view stands in a feature service or
 * among the sources of a realtime view.
 *
 * Each gives a selection, which has the same three, so that they go together in any order. A
 * selection is plain data; its methods are not enumerable, as those of a view.
 */
import { marked } from './site.ts'
import type { Flat } from './types.ts'

/** Request data of what needs none. */
export type NoRequest = { readonly [Field in never]: never }

/** A view, or what was made of one. `'~…'` members exist for the compiler only. */
export interface Selectable<
  Namespace extends string = string,
  JoinKeys = unknown,
  Features = unknown,
  Request = unknown,
> {
  /** Some of the features. */
  select<Selected extends keyof Features & string>(
    this: void,
    ...features: readonly [Selected, ...Selected[]]
  ): FeatureSelection<Namespace, JoinKeys, Flat<Pick<Features, Selected>>, Request>
  /** The same under another name: what stands before the dot in the names of the features. */
  withName<const Name extends string>(
    this: void,
    name: Name,
  ): FeatureSelection<Name, JoinKeys, Features, Request>
  /** The same for other keys: a read gives each join key that is named here by its new name. */
  withJoinKeyMap<const Names extends { readonly [Key in keyof JoinKeys]?: string }>(
    this: void,
    names: Names & { readonly [Key in Exclude<keyof Names, keyof JoinKeys>]: never },
  ): FeatureSelection<Namespace, Flat<Renamed<JoinKeys, Names>>, Features, Request>
  readonly '~namespace': Namespace
  readonly '~joinKeys': JoinKeys
  readonly '~features': Features
  readonly '~request': Request
}

/** A view for a feature service, in part or under other names. */
export interface FeatureSelection<
  Namespace extends string = string,
  JoinKeys = unknown,
  Features = unknown,
  Request = unknown,
> extends Selectable<Namespace, JoinKeys, Features, Request> {
  readonly kind: 'millrace.featureSelection'
  readonly view: SelectedView
  /** Their names; all of them when left out. */
  readonly features?: readonly string[]
  /** The name of the view when left out. */
  readonly namespace?: string
  /** Join key of the view → its name in a read; those that are left out keep their names. */
  readonly joinKeyMap?: Readonly<Record<string, string>>
}

/** A view of either kind, as far as a selection needs to know it. */
export interface SelectedView {
  readonly kind: 'millrace.streamFeatureView' | 'millrace.realtimeFeatureView'
  readonly name: string
}

type Renamed<JoinKeys, Names> = {
  readonly [
    Key in keyof JoinKeys as Key extends keyof Names
      ? Names[Key] extends string
        ? Names[Key]
        : Key
      : Key
  ]: JoinKeys[Key]
}

/** Adds the methods to a view. */
export function selectable<View extends object>(view: View): View {
  return withMethods(view, {
    kind: 'millrace.featureSelection',
    view: view as unknown as SelectedView,
  })
}

type Selected = Pick<FeatureSelection, 'kind' | 'view' | 'features' | 'namespace' | 'joinKeyMap'>

function withMethods<Of extends object>(of: Of, selected: Selected): Of {
  const made = (changes: Partial<Selected>, caller: (...parameters: never) => unknown) => {
    const changed = { ...selected, ...changes }
    return marked(withMethods({ ...changed }, changed), caller)
  }
  const select = (...features: readonly string[]): unknown => made({ features }, select)
  const withName = (namespace: string): unknown => made({ namespace }, withName)
  const withJoinKeyMap = (names: Readonly<Record<string, string>>): unknown =>
    made({ joinKeyMap: renamed(selected.joinKeyMap, names) }, withJoinKeyMap)
  // Not enumerable, so that a definition is plain data to whatever copies or compares it.
  for (const [name, value] of Object.entries({ select, withName, withJoinKeyMap })) {
    Object.defineProperty(of, name, { value })
  }
  return of
}

/** Renames what has been renamed before by its new name. */
function renamed(
  before: Readonly<Record<string, string>> = {},
  names: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const left = new Map(Object.entries(names))
  const again = Object.entries(before).map(([key, name]) => {
    const now = left.get(name)
    left.delete(name)
    return [key, now ?? name]
  })
  return Object.fromEntries([...again, ...left])
}
