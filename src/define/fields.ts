/**
 * What sources and entities say, checked: fields, event time, join keys, metadata.
 *
 * A features file may be JavaScript, or TypeScript that was never compiled, so nothing is taken
 * for granted. Each function adds to `problems` and returns what is usable.
 */
import { eventDepthMax } from '../base/limits.ts'
import type { Metadata } from '../model/catalog.ts'
import { keyKinds } from '../model/key.ts'
import type { DataType, Field } from '../model/types.ts'
import { canonicalType } from './identity.ts'
import { checkFieldName, shown } from './names.ts'
import type { Problems } from './problems.ts'
import { dataTypeOf } from './types.ts'

/** The fields of a schema, a list of join keys or a `rowSchema`; at least one. */
export function resolveFields(
  schemas: unknown,
  path: string,
  problems: Problems,
  definition: unknown,
): readonly Field[] {
  if (typeof schemas !== 'object' || schemas === null || Object.keys(schemas).length === 0) {
    problems.add(path, 'name at least one field, such as { user_id: t.String() }', definition)
    return []
  }
  const fields: Field[] = []
  for (const [name, schema] of Object.entries(schemas)) {
    const at = `${path}.${name}`
    try {
      const type = dataTypeOf(schema)
      checkFieldName(name, at, problems, definition)
      checkStructNames(type, at, problems, definition)
      // The event itself is the outermost level.
      if (depthOf(type) >= eventDepthMax) {
        problems.add(at, `nests deeper than the ${eventDepthMax} levels of an event`, definition)
      }
      fields.push({ name, type })
    } catch (error) {
      problems.caught(error, at, definition)
    }
  }
  return fields
}

/** The field of the event time; `''` when there is none. */
export function resolveTimestampField(
  named: unknown,
  fields: readonly Field[],
  path: string,
  problems: Problems,
  definition: unknown,
): string {
  const candidates = fields.filter(({ type }) => type.kind === 'Timestamp' && !type.nullable)
  if (named === undefined) {
    if (candidates.length === 1) return candidates[0]!.name
    const reason =
      candidates.length === 0
        ? 'the schema has no t.Timestamp() field that is not nullable'
        : `name one of ${candidates.map((field) => field.name).join(', ')}`
    problems.add(path, reason, definition)
    return ''
  }
  if (candidates.some((field) => field.name === named)) return named as string
  problems.add(path, `${shown(named)} is not a Timestamp field that is not nullable`, definition)
  return ''
}

/** The join keys of an entity. */
export function resolveJoinKeys(
  schemas: unknown,
  path: string,
  problems: Problems,
  definition: unknown,
): readonly Field[] {
  const fields = resolveFields(schemas, path, problems, definition)
  for (const { name, type } of fields) {
    if (!type.nullable && keyKinds.some((kind) => kind === type.kind)) continue
    const allowed = keyKinds.join(', ')
    problems.add(
      `${path}.${name}`,
      `a join key is one of ${allowed}, and not nullable; it is ${canonicalType(type)}`,
      definition,
    )
  }
  return fields
}

/** Description, owner and tags; only those that are there. */
export function resolveMetadata(
  definition: { readonly [K in keyof Metadata]?: unknown },
  path: string,
  problems: Problems,
  ...sites: readonly unknown[]
): Metadata {
  const { description, owner, tags } = definition
  for (const [name, text] of Object.entries({ description, owner })) {
    if (text === undefined || typeof text === 'string') continue
    problems.add(`${path}.${name}`, `${shown(text)} is not text`, definition, ...sites)
  }
  const isTags =
    typeof tags === 'object' &&
    tags !== null &&
    Object.values(tags).every((tag) => typeof tag === 'string')
  if (tags !== undefined && !isTags) {
    problems.add(`${path}.tags`, 'tags are names with texts', definition, ...sites)
  }
  return {
    ...(description !== undefined && { description: description as string }),
    ...(owner !== undefined && { owner: owner as string }),
    ...(tags !== undefined && { tags: { ...(tags as Record<string, string>) } }),
  }
}

function depthOf(type: DataType): number {
  switch (type.kind) {
    case 'Array':
      return 1 + depthOf(type.element)
    case 'Map':
      return 1 + depthOf(type.value)
    case 'Struct':
      return 1 + Math.max(0, ...type.fields.map((field) => depthOf(field.type)))
    default:
      return 0
  }
}

function checkStructNames(
  type: DataType,
  path: string,
  problems: Problems,
  definition: unknown,
): void {
  switch (type.kind) {
    case 'Array':
      return checkStructNames(type.element, `${path}[]`, problems, definition)
    case 'Map':
      return checkStructNames(type.value, `${path}[]`, problems, definition)
    case 'Struct':
      for (const field of type.fields) {
        const at = `${path}.${field.name}`
        checkFieldName(field.name, at, problems, definition)
        checkStructNames(field.type, at, problems, definition)
      }
      return
    default:
      return
  }
}
