/**
 * One push source, checked and resolved: its fields, its event time and, if producers push events
 * of another shape, that shape and the function that makes rows of them.
 */
import type { PostProcessor, Source, SourceInput } from '../model/catalog.ts'
import { resolveFields, resolveMetadata, resolveTimestampField } from './fields.ts'
import { resolveBatch } from './resolve-batch.ts'
import { canonicalSource, identityOf } from './identity.ts'
import { checkOptions } from './options.ts'
import { plainFunctionProblem } from './plain-function.ts'
import type { Problems } from './problems.ts'
import { resolveDedupe } from './resolve-dedupe.ts'
import { checkOffline } from './check-offline.ts'
import { resolveMoment } from './resolve-moment.ts'
import { objectSchemaOf } from './schema.ts'
import { pushSourceOptions, type PushSource } from './source.ts'

/** A source before it has its place in the catalog. */
export type SourceDraft = Omit<Source, 'index' | 'routes'>

/** What cannot be used is among the problems, and an input that is not complete is left out. */
export function resolveSource(source: PushSource, problems: Problems): SourceDraft {
  const { name } = source
  const checked = { of: 'pushSource', known: pushSourceOptions, path: name }
  checkOptions(source, checked, problems, source)
  const fields = resolveFields(source.schema, `${name}.schema`, problems, source)
  const at = `${name}.timestampField`
  const timestampField = resolveTimestampField(source.timestampField, fields, at, problems, source)
  const input = resolveInput(source, problems)
  const dedupe = resolveDedupe(source, fields, problems)
  checkOffline(source, fields, problems)
  const facts = { fields, timestampField, dedupe, ...(input !== null && { input }) }
  const batch = resolveBatch(source.batch, `${name}.batch`, problems, source)
  const streamStartMs = resolveStreamStart(source, problems)
  return {
    name,
    ...resolveMetadata(source, name, problems),
    ...facts,
    ...(streamStartMs !== null && { streamStartMs }),
    ...(batch !== null && { batch }),
    offline: source.offline === true,
    schema: objectSchemaOf(fields, 'closed'),
    identity: identityOf(canonicalSource(facts)),
  }
}

function resolveInput(source: PushSource, problems: Problems): SourceInput | null {
  const { name, inputSchema, postProcessor } = source
  if (inputSchema === undefined && postProcessor === undefined) return null
  const reason = postProcessorProblem(postProcessor)
  if (reason !== null) problems.add(`${name}.postProcessor`, reason, source)
  if (inputSchema === undefined) {
    const missing = 'a postProcessor needs one: the fields that producers push'
    problems.add(`${name}.inputSchema`, missing, source)
    return null
  }
  const fields = resolveFields(inputSchema, `${name}.inputSchema`, problems, source)
  if (reason !== null) return null
  const schema = objectSchemaOf(fields, 'closed')
  return { fields, schema, postProcessor: postProcessor as unknown as PostProcessor }
}

function postProcessorProblem(postProcessor: unknown): string | null {
  if (postProcessor === undefined) {
    return 'an inputSchema needs one: a function from what is pushed to a row of the schema'
  }
  return plainFunctionProblem(postProcessor, 'a row of the schema')
}

/** Null for the moment at which a store first sees a view. */
function resolveStreamStart(source: PushSource, problems: Problems): number | null {
  const { name, batch, streamStartTime } = source
  if (streamStartTime === undefined) return null
  const path = `${name}.streamStartTime`
  if (batch === undefined) {
    problems.add(path, 'is where a batch source ends; the source has none', source)
  }
  return resolveMoment(streamStartTime, path, problems, source)
}
