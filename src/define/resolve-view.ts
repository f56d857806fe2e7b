/**
 * One stream feature view, checked and resolved against its source and entities.
 */
import { newKeysPerDayMax, newKeysPerDayStandard } from '../base/limits.ts'
import {
  isLeadingEdge,
  type LeadingEdge,
  type Transform,
  type View,
  windowModes,
} from '../model/catalog.ts'
import { keyKinds } from '../model/key.ts'
import type { Field } from '../model/types.ts'
import type { Aggregate } from './aggregate.ts'
import type { Attribute } from './attribute.ts'
import { resolveFields, resolveMetadata } from './fields.ts'
import { canonicalType } from './identity.ts'
import { shown } from './names.ts'
import { checkOptions } from './options.ts'
import { plainFunctionProblem } from './plain-function.ts'
import type { Problems } from './problems.ts'
import { resolveFeatures } from './resolve-feature.ts'
import type { SourceDraft } from './resolve-source.ts'
import { resolveMoment } from './resolve-moment.ts'
import { resolveTtl, resolveWindowPlan } from './resolve-window.ts'
import { objectSchemaOf } from './schema.ts'
import { streamFeatureViewOptions, type StreamFeatureView } from './view.ts'
import type { WindowCall } from './window.ts'

/** A view before it has its place in the catalog. */
export type ViewDraft = Omit<View, 'index' | 'source' | 'route' | 'identity'> & {
  readonly source: SourceDraft
}

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
  const checked = { of: 'streamFeatureView', known: streamFeatureViewOptions, path }
  checkOptions(view, checked, problems, view)
  const source = references.sources.get(view.source)
  if (source === undefined) {
    problems.add(`${path}.source`, 'not a source made with pushSource', view)
    return null
  }
  const { entities, joinKeys } = resolveEntities(view, source, references, problems)
  const rows = resolveRows(view, source, problems)
  const plan = resolveWindowPlan(view, path, problems)
  const all = rows ?? source.fields
  const secondaryKey = resolveSecondaryKey(view, all, joinKeys, problems)
  const features = resolveFeatures(view, { columns: all, plan, secondaryKey }, problems)
  checkEffects(view, problems)
  const used = [...new Set(features.map((feature) => feature.column))]
  const columns = used.map((name) => all.find((field) => field.name === name)!)
  return {
    name: view.name,
    ...resolveMetadata(view, path, problems),
    source,
    entities,
    joinKeys,
    columns,
    features,
    secondaryKey: secondaryKey?.name ?? null,
    lastWriteWins: source.dedupe.by === 'event-time',
    mode: plan.mode,
    intervalMs: plan.intervalMs,
    ttlMs: resolveTtl(view.ttl, `${path}.ttl`, problems, view),
    leadingEdge: resolveLeadingEdge(view, problems),
    servingIndex: resolveServingIndex(view, joinKeys, problems),
    ...resolveFeatureStart(view, source, problems),
    newKeysPerDay: resolveNewKeys(view, problems),
    online: resolveOnline(view, problems),
    transform: typeof view.transform === 'function' ? (view.transform as Transform) : null,
    rowSchema: rows === null ? null : objectSchemaOf(rows, 'open'),
  }
}

/** Every option does something for some feature. */
function checkEffects(view: StreamFeatureView, problems: Problems): void {
  const { name, mode, lifetimeStart, aggregationSecondaryKey, ttl } = view
  const features: readonly (Partial<Aggregate | Attribute> | null)[] = listOf(view.features)
  const hasAggregates = features.some((feature) => feature?.kind === 'millrace.aggregate')
  const hasAttributes = features.some((feature) => feature?.kind === 'millrace.attribute')
  // Without either, nobody knows what they are meant for.
  if (!hasAggregates && !hasAttributes) return
  if (hasAggregates && ttl !== undefined) {
    const reason = 'is for views of attributes; a window says how long an event counts'
    problems.add(`${name}.ttl`, reason, view)
  }
  if (!hasAggregates && aggregationSecondaryKey !== undefined) {
    const reason = 'is for views of aggregates; an attribute is of the latest row'
    problems.add(`${name}.aggregationSecondaryKey`, reason, view)
  }
  if (!hasAggregates && mode !== 'sawtooth' && windowModes.includes(mode)) {
    problems.add(`${name}.mode`, 'is for views of aggregates; an attribute has no window', view)
  }
  if (lifetimeStart !== undefined && !features.some(isLifetime)) {
    problems.add(`${name}.lifetimeStart`, 'is for a lifetimeWindow(); the view has none', view)
  }
}

function isLifetime(feature: Partial<Aggregate | Attribute> | null): boolean {
  if (feature?.kind !== 'millrace.aggregate') return false
  const call = feature.window as Partial<WindowCall> | null | undefined
  return call?.window?.kind === 'lifetime'
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

function joinKeyProblem(key: Field, { name, fields, input }: SourceDraft): string | null {
  const problem = fieldProblem(key, fields, `source "${name}"`)
  if (problem !== null || input === undefined) return problem
  const raw = fieldProblem(key, input.fields, `the inputSchema of source "${name}"`)
  return raw === null ? null : `${raw}; events are routed by it before the postProcessor runs`
}

function fieldProblem(key: Field, fields: readonly Field[], where: string): string | null {
  const field = fields.find(({ name }) => name === key.name)
  if (field === undefined) return `${where} has no field for join key "${key.name}"`
  const [asked, found] = [canonicalType(key.type), canonicalType(field.type)]
  if (asked === found) return null
  return field.type.kind === key.type.kind
    ? `join key "${key.name}" is nullable in ${where}`
    : `join key "${key.name}" is ${asked}, but ${found} in ${where}`
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
  } else {
    const reason = plainFunctionProblem(transform, 'rows')
    if (reason !== null) problems.add(`${view.name}.transform`, reason, view)
  }
  if (rowSchema === undefined) return source.fields
  return resolveFields(rowSchema, `${view.name}.rowSchema`, problems, view)
}

function resolveLeadingEdge(view: StreamFeatureView, problems: Problems): LeadingEdge {
  const { leadingEdge } = view
  if (!isLeadingEdge(leadingEdge)) {
    const reason = `${shown(leadingEdge as unknown)} is neither "wall-clock" nor "latest-event"`
    problems.add(`${view.name}.leadingEdge`, reason, view)
  }
  return leadingEdge
}

/** Some of the join keys, in their order; null without an index. */
function resolveServingIndex(
  view: StreamFeatureView,
  joinKeys: readonly Field[],
  problems: Problems,
): readonly string[] | null {
  const { name, onlineServingIndex: named } = view
  if (named === undefined) return null
  const path = `${name}.onlineServingIndex`
  const listed: readonly unknown[] = Array.isArray(named) ? named : []
  if (listed.length === 0) problems.add(path, 'name at least one join key', view)
  for (const key of listed) {
    if (joinKeys.some((joinKey) => joinKey.name === key)) continue
    problems.add(path, `${shown(key)} is not a join key of the view`, view)
  }
  const index = joinKeys.map((key) => key.name).filter((key) => listed.includes(key))
  if (index.length < listed.length && index.length > 0) {
    if (new Set(listed).size < listed.length) problems.add(path, 'a join key is named twice', view)
  } else if (index.length === joinKeys.length && index.length > 0) {
    problems.add(path, 'leave out the join keys that are to be found; it names all of them', view)
  }
  return index
}

/** The column by whose values the view's aggregates are kept apart; null without one. */
function resolveSecondaryKey(
  view: StreamFeatureView,
  columns: readonly Field[],
  joinKeys: readonly Field[],
  problems: Problems,
): Field | null {
  const name: unknown = view.aggregationSecondaryKey
  if (name === undefined) return null
  const path = `${view.name}.aggregationSecondaryKey`
  const field = columns.find((column) => column.name === name)
  if (field === undefined) {
    const names = columns.map((column) => column.name).join(', ')
    problems.add(path, `no column is named ${shown(name)}; they are ${names}`, view)
    return null
  }
  if (joinKeys.some((key) => key.name === name)) {
    problems.add(path, `${shown(name)} is a join key already`, view)
  }
  if (field.type.nullable || !keyKinds.some((kind) => kind === field.type.kind)) {
    const allowed = keyKinds.join(', ')
    const type = canonicalType(field.type)
    problems.add(path, `is one of ${allowed}, and not nullable; ${shown(name)} is ${type}`, view)
  }
  return field
}

/** Where the history of the view begins; nothing for the first row of the batch source. */
function resolveFeatureStart(
  view: StreamFeatureView,
  source: SourceDraft,
  problems: Problems,
): Pick<View, 'featureStartMs'> {
  const { name, featureStartTime } = view
  if (featureStartTime === undefined) return {}
  const path = `${name}.featureStartTime`
  if (source.batch === undefined) {
    problems.add(path, `source "${source.name}" has no batch source, where it would begin`, view)
  }
  return { featureStartMs: resolveMoment(featureStartTime, path, problems, view) }
}

function resolveNewKeys(view: StreamFeatureView, problems: Problems): number {
  const { name, newKeysPerDay: max = newKeysPerDayStandard } = view
  if (!Number.isInteger(max) || max < 0 || max > newKeysPerDayMax) {
    const reason = `${shown(max as unknown)} is not a whole number from 0 to ${newKeysPerDayMax}`
    problems.add(`${name}.newKeysPerDay`, reason, view)
  }
  return max
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
