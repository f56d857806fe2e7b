/**
 * The features of a view, checked and resolved against the columns that they read.
 */
import { isDeepStrictEqual } from 'node:util'
import { featuresPerViewMax } from '../base/limits.ts'
import type { AggregateFunction } from '../model/aggregate-function.ts'
import type { Feature } from '../model/catalog.ts'
import type { DataType, Field } from '../model/types.ts'
import { aggregateOptions, defaultName, type Aggregate } from './aggregate.ts'
import { attributeOptions, type Attribute } from './attribute.ts'
import { resolveMetadata } from './fields.ts'
import { inputKinds, outputType, readFunction, writtenName } from './function.ts'
import { canonicalType } from './identity.ts'
import { checkName, shown } from './names.ts'
import { checkOptions } from './options.ts'
import type { Problems } from './problems.ts'
import { resolveWindow, type WindowPlan } from './resolve-window.ts'
import type { StreamFeatureView } from './view.ts'

/** What features are resolved against. */
export interface ViewFacts {
  /** The columns of the view's rows. */
  readonly columns: readonly Field[]
  readonly plan: WindowPlan
  /** Null without one. */
  readonly secondaryKey: Field | null
}

type SecondaryKeys = Extract<Feature, { kind: 'secondary-keys' }>

interface Context extends ViewFacts {
  readonly view: StreamFeatureView
  readonly problems: Problems
}

/** The features of a view, and those that its secondary key adds. */
export function resolveFeatures(
  view: StreamFeatureView,
  facts: ViewFacts,
  problems: Problems,
): Feature[] {
  const path = `${view.name}.features`
  const listed: readonly unknown[] = Array.isArray(view.features) ? view.features : []
  if (listed.length === 0) problems.add(path, 'name at least one feature', view)
  if (listed.length > featuresPerViewMax) {
    problems.add(path, `${listed.length} features are more than ${featuresPerViewMax}`, view)
  }
  const context = { ...facts, view, problems }
  const features: Feature[] = []
  for (const [i, definition] of listed.entries()) {
    const at = `${path}[${i}]`
    const feature = resolveFeature(context, definition as Aggregate | Attribute | null, at)
    if (feature === null) continue
    const keys = keysFeature(context, definition as Aggregate, feature)
    if (keys !== null) addKeys(features, keys, at, problems, definition, view)
    checkName(feature.name, at, problems, definition, view)
    if (features.some((other) => other.name === feature.name)) {
      problems.add(at, `another feature is named "${feature.name}"`, definition, view)
    }
    features.push(feature)
  }
  const isMixed = ['aggregate', 'attribute'].every((kind) =>
    features.some((feature) => feature.kind === kind),
  )
  if (isMixed) problems.add(path, 'are aggregates or attributes, not both in one view', view)
  return features
}

/** The features of one window share their keys; nothing else may have the name of those. */
function addKeys(
  features: Feature[],
  keys: SecondaryKeys,
  path: string,
  problems: Problems,
  ...sites: readonly unknown[]
): void {
  const found = features.find(({ name }) => name === keys.name)
  if (found === undefined) features.push(keys)
  else if (found.kind !== 'secondary-keys' || !isDeepStrictEqual(found.window, keys.window)) {
    const reason = `its secondary keys are named "${keys.name}", as another feature is`
    problems.add(path, reason, ...sites)
  }
}

function resolveFeature(
  context: Context,
  definition: Aggregate | Attribute | null,
  path: string,
): Feature | null {
  switch (definition?.kind) {
    case 'millrace.aggregate':
      return resolveAggregate(context, definition, path)
    case 'millrace.attribute':
      return resolveAttribute(context, definition, path)
    default: {
      const reason = `${shown(definition)} was not made with aggregate or attribute`
      context.problems.add(path, reason, context.view)
      return null
    }
  }
}

function resolveAggregate(context: Context, definition: Aggregate, path: string): Feature | null {
  const { view, plan, problems } = context
  const own = ['column', 'fn', 'window']
  const checked = { of: 'aggregate', known: aggregateOptions, own, path }
  checkOptions(definition, checked, problems, definition, view)
  const window = resolveWindow(definition.window, plan, path, problems, definition, view)
  const metadata = resolveMetadata(definition, path, problems, view)
  const fn = readFunction(definition.fn)
  if ('problem' in fn) {
    problems.add(path, fn.problem, definition, view)
    return null
  }
  const field = columnOf(context, definition, path)
  if (field === null || window === null) return null
  const { column } = definition
  const reason = inputProblem(fn, field.type)
  if (reason !== null) problems.add(path, `${reason} of column "${column}"`, definition, view)
  const name = definition.name ?? defaultName(definition, fn, view)
  if (context.secondaryKey !== null && window.kind === 'series') {
    problems.add(path, 'a series of windows does not go with a secondary key', definition, view)
  }
  const value = outputType(fn, field.type)
  const isList = window.kind === 'series' || context.secondaryKey !== null
  const type: DataType = isList ? { kind: 'Array', element: value, nullable: true } : value
  return { kind: 'aggregate', name, ...metadata, column, fn, window, type }
}

/** Which values of the secondary key a feature's list is of; one for all features of a window. */
function keysFeature(
  { view, secondaryKey }: Context,
  { window: argument }: Aggregate,
  feature: Feature,
): SecondaryKeys | null {
  if (secondaryKey === null || feature.kind !== 'aggregate') return null
  const { name: column, type: element } = secondaryKey
  const label = typeof argument === 'string' ? argument : argument.label
  return {
    kind: 'secondary-keys',
    name: `${column}_keys_${label}`,
    description: `The values of ${column} that the lists over ${label} are of (${view.name})`,
    column,
    window: feature.window,
    type: { kind: 'Array', element, nullable: true },
  }
}

function resolveAttribute(context: Context, definition: Attribute, path: string): Feature | null {
  const { view, problems } = context
  const { name, column } = definition
  const checked = { of: 'attribute', known: attributeOptions, own: ['column'], path }
  checkOptions(definition, checked, problems, definition, view)
  const metadata = resolveMetadata(definition, path, problems, view)
  const field = columnOf(context, definition, path)
  if (field === null) return null
  const type = { ...field.type, nullable: true }
  return { kind: 'attribute', name, ...metadata, column, type }
}

function columnOf(
  { columns, problems, view }: Context,
  definition: Aggregate | Attribute,
  path: string,
): Field | null {
  const { column } = definition
  const field = columns.find((candidate) => candidate.name === column)
  if (field !== undefined) return field
  const names = columns.map((candidate) => candidate.name).join(', ')
  problems.add(path, `no column is named ${shown(column)}; they are ${names}`, definition, view)
  return null
}

function inputProblem(fn: AggregateFunction, type: DataType): string | null {
  if (inputKinds[fn.name].some((kind) => kind === type.kind)) return null
  return `cannot take the ${writtenName(fn.name)} of ${canonicalType(type)}`
}
