/**
 * One stream feature view, checked and resolved against its source and entities.
 */
import { featuresPerViewMax } from '../base/limits.ts'
import {
  aggregateFunctions,
  type AggregateFunction,
  type Feature,
  type LeadingEdge,
  type Source,
  type Transform,
  type View,
} from '../model/catalog.ts'
import type { DataType, Field } from '../model/types.ts'
import { inputKinds, outputType, type Aggregate } from './aggregate.ts'
import { resolveFields, resolveMetadata } from './fields.ts'
import { canonicalType } from './identity.ts'
import { checkName, shown } from './names.ts'
import type { Problems } from './problems.ts'
import { objectSchemaOf } from './schema.ts'
import type { StreamFeatureView } from './view.ts'
import { resolveWindow, resolveWindowPlan, type WindowPlan } from './windows.ts'

/** A view before it has its place in the catalog. */
export type ViewDraft = Omit<View, 'index' | 'source' | 'route' | 'identity'> & {
  readonly source: SourceDraft
}

/** A source before it has its place in the catalog. */
export type SourceDraft = Omit<Source, 'index' | 'routes'>

/** What views refer to, by definition. */
export interface References {
  readonly sources: ReadonlyMap<unknown, SourceDraft>
  readonly entities: ReadonlyMap<
    unknown,
    { readonly name: string; readonly joinKeys: readonly Field[] }
  >
}

/** @returns null when the view has no usable source, which is then among the problems. */
export function resolveView(
  view: StreamFeatureView,
  references: References,
  problems: Problems,
): ViewDraft | null {
  const path = view.name
  const source = references.sources.get(view.source)
  if (source === undefined) {
    problems.add(`${path}.source`, 'not a source made with pushSource', view)
    return null
  }
  const { entities, joinKeys } = resolveEntities(view, source, references, problems)
  const rows = resolveRows(view, source, problems)
  const plan = resolveWindowPlan(view, path, problems)
  const features = resolveFeatures(view, rows ?? source.fields, plan, problems)
  const used = [...new Set(features.map((feature) => feature.column))]
  const columns = used.map((name) => (rows ?? source.fields).find((field) => field.name === name)!)
  return {
    name: view.name,
    ...resolveMetadata(view, path, problems),
    source,
    entities,
    joinKeys,
    columns,
    features,
    ...plan,
    leadingEdge: resolveLeadingEdge(view, problems),
    online: resolveOnline(view, problems),
    transform: typeof view.transform === 'function' ? (view.transform as Transform) : null,
    rowSchema: rows === null ? null : objectSchemaOf(rows, 'open'),
  }
}

/** The view's entities, and their join keys together, each once. */
function resolveEntities(
  view: StreamFeatureView,
  source: SourceDraft,
  references: References,
  problems: Problems,
): { entities: string[]; joinKeys: Field[] } {
  const entities: string[] = []
  const joinKeys: Field[] = []
  const listed = listOf(view.entities)
  if (listed.length === 0) problems.add(`${view.name}.entities`, 'name at least one entity', view)
  for (const [i, definition] of listed.entries()) {
    const path = `${view.name}.entities[${i}]`
    const entity = references.entities.get(definition)
    if (entity === undefined) {
      problems.add(path, 'not an entity made with entity', view)
      continue
    }
    entities.push(entity.name)
    for (const key of entity.joinKeys) {
      const reason = joinKeyProblem(key, source)
      if (reason !== null) problems.add(path, reason, view)
      if (!joinKeys.some((known) => known.name === key.name)) joinKeys.push(key)
    }
  }
  return { entities, joinKeys }
}

function joinKeyProblem(key: Field, source: SourceDraft): string | null {
  const field = source.fields.find(({ name }) => name === key.name)
  if (field === undefined) return `source "${source.name}" has no field for join key "${key.name}"`
  const [asked, found] = [canonicalType(key.type), canonicalType(field.type)]
  if (asked === found) return null
  return field.type.kind === key.type.kind
    ? `join key "${key.name}" is nullable in source "${source.name}"`
    : `join key "${key.name}" is ${asked}, but ${found} in source "${source.name}"`
}

/** The columns of the transform's rows; null without a transform. */
function resolveRows(
  view: StreamFeatureView,
  source: SourceDraft,
  problems: Problems,
): readonly Field[] | null {
  const { transform, rowSchema } = view
  if (transform === undefined) {
    if (rowSchema === undefined) return null
    problems.add(`${view.name}.rowSchema`, 'describes the rows of a transform; there is none', view)
  } else if (typeof transform !== 'function') {
    problems.add(`${view.name}.transform`, `${shown(transform)} is not a function`, view)
  }
  if (rowSchema === undefined) return source.fields
  return resolveFields(rowSchema, `${view.name}.rowSchema`, problems, view)
}

function resolveFeatures(
  view: StreamFeatureView,
  columns: readonly Field[],
  plan: WindowPlan,
  problems: Problems,
): Feature[] {
  const path = `${view.name}.features`
  const listed = listOf(view.features)
  if (listed.length === 0) problems.add(path, 'name at least one aggregate', view)
  if (listed.length > featuresPerViewMax) {
    problems.add(path, `${listed.length} features are more than ${featuresPerViewMax}`, view)
  }
  const features: Feature[] = []
  for (const [i, definition] of listed.entries()) {
    const at = `${path}[${i}]`
    if (definition?.kind !== 'millrace.aggregate') {
      problems.add(at, `${shown(definition)} was not made with aggregate`, view)
      continue
    }
    const feature = resolveFeature(view, definition, columns, plan, at, problems)
    if (feature === null) continue
    if (features.some((other) => other.name === feature.name)) {
      problems.add(at, `another feature is named "${feature.name}"`, definition, view)
    }
    features.push(feature)
  }
  return features
}

function resolveFeature(
  view: StreamFeatureView,
  definition: Aggregate,
  columns: readonly Field[],
  plan: WindowPlan,
  path: string,
  problems: Problems,
): Feature | null {
  const { name, column, fn, window } = definition
  checkName(name, path, problems, definition, view)
  const windowMs = resolveWindow(window, plan, path, problems, definition, view)
  const metadata = resolveMetadata(definition, path, problems, view)
  const field = columns.find((candidate) => candidate.name === column)
  if (!aggregateFunctions.includes(fn)) {
    const known = aggregateFunctions.join(', ')
    problems.add(
      path,
      `${shown(fn)} is not an aggregate function; they are ${known}`,
      definition,
      view,
    )
    return null
  }
  if (field === undefined) {
    const names = columns.map((candidate) => candidate.name).join(', ')
    problems.add(path, `no column is named ${shown(column)}; they are ${names}`, definition, view)
    return null
  }
  const reason = inputProblem(fn, field.type)
  if (reason !== null) problems.add(path, `${reason} of column "${column}"`, definition, view)
  return { name, ...metadata, column, fn, windowMs, type: outputType(fn, field.type) }
}

function inputProblem(fn: AggregateFunction, type: DataType): string | null {
  if (inputKinds[fn].some((kind) => kind === type.kind)) return null
  return `cannot take the ${fn} of ${canonicalType(type)}`
}

function resolveLeadingEdge(view: StreamFeatureView, problems: Problems): LeadingEdge {
  const { leadingEdge } = view
  if (leadingEdge !== 'wall-clock' && leadingEdge !== 'latest-event') {
    const reason = `${shown(leadingEdge)} is neither "wall-clock" nor "latest-event"`
    problems.add(`${view.name}.leadingEdge`, reason, view)
  }
  return leadingEdge
}

function resolveOnline(view: StreamFeatureView, problems: Problems): boolean {
  if (typeof view.online !== 'boolean') {
    problems.add(`${view.name}.online`, `${shown(view.online)} is neither true nor false`, view)
  }
  return view.online
}

/** A list, though the file may hold anything in its place. */
function listOf<T>(value: readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : []
}
