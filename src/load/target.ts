/**
 * What a load is aimed at: a source, the fields that are pushed into it, and what each is for.
 */
import { errorMessage, MillraceError } from '../base/errors.ts'
import type { Catalog } from '../model/catalog.ts'
import { convertValue, pointer, type Problem } from '../model/convert.ts'
import type { DataType, Field } from '../model/types.ts'

export interface Target {
  /** Name of the source. */
  readonly source: string
  readonly identity: string
  readonly fields: readonly TargetField[]
}

export interface TargetField extends Field {
  readonly role: FieldRole
  /** The value of every event, as it goes on the wire; absent: each has one of its own. */
  readonly fixed?: unknown
}

/**
 * `join-key`: of any view of the source; follows from the number of the event's entity key.
 * `event-id`: different in every event. `time`: a moment, the event's own. `value`: drawn.
 */
export type FieldRole = 'join-key' | 'event-id' | 'time' | 'value'

/**
 * The target of a source.
 *
 * @param name  Of the source; may be left out when there is one only.
 * @param fixed  Values that fields have in every event, by name, as JSON has them.
 * @throws {@link MillraceError} `USAGE_INVALID`, `SOURCE_UNKNOWN`.
 */
export function targetOf(
  catalog: Catalog,
  name: string | undefined,
  fixed: Readonly<Record<string, unknown>> = {},
): Target {
  const names = catalog.sources.map((source) => source.name)
  if (name === undefined && names.length !== 1) {
    throw new MillraceError('USAGE_INVALID', { reason: `--source is one of ${names.join(', ')}` })
  }
  const source = catalog.sources.find((source) => source.name === (name ?? names[0]))
  if (source === undefined) throw new MillraceError('SOURCE_UNKNOWN', { source: name! })
  const pushed = source.input?.fields ?? source.fields
  const keys = source.routes.flatMap((route) => catalog.routes[route]!.joinKeys)
  const keyNames = new Set(keys.map(({ name }) => name))
  const id = source.dedupe.by === 'event-id' ? source.dedupe.field.name : null
  const roleOf = (name: string, { kind }: DataType): FieldRole => {
    if (keyNames.has(name)) return 'join-key'
    if (name === id) return 'event-id'
    return kind === 'Timestamp' ? 'time' : 'value'
  }
  checkFixed(pushed, fixed)
  return {
    source: source.name,
    identity: source.identity,
    fields: pushed.map(({ name, type }) => ({
      name,
      type,
      role: roleOf(name, type),
      ...(Object.hasOwn(fixed, name) ? { fixed: fixed[name] } : {}),
    })),
  }
}

function checkFixed(fields: readonly Field[], fixed: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(fixed)) {
    const field = fields.find((field) => field.name === name)
    const problems: Problem[] = []
    if (field !== undefined) convertValue(field.type, value, pointer('', name), problems)
    else problems.push({ code: 'EVENT_FIELD_UNKNOWN', path: pointer('', name), details: {} })
    if (problems.length === 0) continue
    const { code, path, details } = problems[0]!
    throw new MillraceError('USAGE_INVALID', {
      reason: `--fixed: ${path}: ${errorMessage(code, details)}`,
    })
  }
}
