/**
 * One realtime view, checked and resolved against the views that it reads.
 */
import { featuresPerViewMax } from '../base/limits.ts'
import type { RealtimeTransform, RealtimeView } from '../model/catalog.ts'
import type { Field } from '../model/types.ts'
import { resolveFields, resolveMetadata } from './fields.ts'
import { checkName } from './names.ts'
import { checkOptions } from './options.ts'
import { plainFunctionProblem } from './plain-function.ts'
import type { Problems } from './problems.ts'
import { realtimeFeatureViewOptions, type RealtimeFeatureView } from './realtime.ts'
import { PartsResolver, selectionOf, type ViewOf } from './resolve-parts.ts'

/** The name of request data among a transform's input. */
const requestName = 'request'

/** A realtime view before it has its place in the catalog. */
export type RealtimeDraft = Omit<RealtimeView, 'index'>

export function resolveRealtime(
  view: RealtimeFeatureView,
  viewOf: ViewOf,
  problems: Problems,
): RealtimeDraft {
  const { name, requestSchema, sources, transform } = view
  const checked = { of: 'realtimeFeatureView', known: realtimeFeatureViewOptions, path: name }
  checkOptions(view, checked, problems, view)
  const reason = plainFunctionProblem(transform, 'a row')
  if (reason !== null) problems.add(`${name}.transform`, reason, view)
  const { joinKeys, parts, features: inputs } = resolveSources(view, viewOf, problems)
  const requestFields =
    requestSchema === undefined
      ? []
      : resolveFields(requestSchema, `${name}.requestSchema`, problems, view)
  if (sources === undefined && requestSchema === undefined) {
    problems.add(name, 'it needs a requestSchema or sources', view)
  }
  return {
    name,
    ...resolveMetadata(view, name, problems),
    requestFields,
    joinKeys,
    parts,
    inputs,
    features: resolveOutput(view, problems),
    transform: transform as RealtimeTransform,
  }
}

function resolveSources(view: RealtimeFeatureView, viewOf: ViewOf, problems: Problems) {
  const { name, sources } = view
  const resolver = new PartsResolver(view, viewOf, problems)
  const listed: readonly unknown[] = Array.isArray(sources) ? sources : []
  if (sources !== undefined && listed.length === 0) {
    problems.add(`${name}.sources`, 'name at least one view', view)
  }
  for (const [n, source] of listed.entries()) {
    const path = `${name}.sources[${n}]`
    const selection = selectionOf(source)
    if (selection?.view.kind === 'millrace.realtimeFeatureView') {
      problems.add(path, 'a realtime view does not read another one', source, view)
    } else if (selection?.namespace === requestName) {
      const reason = `"${requestName}" is request data; give it a name with withName`
      problems.add(path, reason, source, view)
    } else {
      resolver.add(source, path)
    }
  }
  return resolver.resolved
}

function resolveOutput(view: RealtimeFeatureView, problems: Problems): readonly Field[] {
  const path = `${view.name}.outputSchema`
  const fields = resolveFields(view.outputSchema, path, problems, view)
  if (fields.length > featuresPerViewMax) {
    problems.add(path, `${fields.length} features are more than ${featuresPerViewMax}`, view)
  }
  for (const { name } of fields) checkName(name, `${path}.${name}`, problems, view)
  return fields
}
