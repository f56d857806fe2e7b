/**
 * The dedupe rule of one push source, checked.
 */
import { formatDuration } from '../base/duration.ts'
import { windowMsMax } from '../base/limits.ts'
import type { Dedupe } from '../model/catalog.ts'
import { eventIdKinds } from '../model/key.ts'
import type { Field } from '../model/types.ts'
import { canonicalType } from './identity.ts'
import { shown } from './names.ts'
import type { Problems } from './problems.ts'
import { resolveDuration } from './resolve-duration.ts'
import type { PushSource } from './source.ts'

const rules = ['sequence', 'event-id', 'event-time'] as const

const bySequence: Dedupe = { by: 'sequence' }

/** The rule of a source; the default one when it cannot be used, which is among the problems. */
export function resolveDedupe(
  source: PushSource,
  fields: readonly Field[],
  problems: Problems,
): Dedupe {
  const dedupe: unknown = source.dedupe
  if (dedupe === undefined) return bySequence
  const path = `${source.name}.dedupe`
  if (typeof dedupe !== 'object' || dedupe === null) {
    const example = '{ by: "event-id", field: "id", horizon: "1d" }'
    problems.add(path, `${shown(dedupe)} is not a rule such as ${example}`, source)
    return bySequence
  }
  const { by, field, horizon, ...others } = dedupe as Record<string, unknown>
  for (const [name, value] of Object.entries({ field, horizon })) {
    if (by !== 'event-id' && value !== undefined) others[name] = value
  }
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) problems.add(`${path}.${unknown}`, 'is not part of this rule', source)
  switch (by) {
    case 'sequence':
      return bySequence
    case 'event-time':
      return { by }
    case 'event-id': {
      const idField = resolveIdField(field, fields, problems, source)
      const horizonMs = resolveHorizon(horizon, problems, source)
      return idField === null ? bySequence : { by, field: idField, horizonMs }
    }
    default: {
      const known = rules.map((rule) => `"${rule}"`).join(', ')
      problems.add(`${path}.by`, `${shown(by)} is not one of ${known}`, source)
      return bySequence
    }
  }
}

function resolveIdField(
  named: unknown,
  fields: readonly Field[],
  problems: Problems,
  source: PushSource,
): Field | null {
  const path = `${source.name}.dedupe.field`
  const field = fields.find(({ name }) => name === named)
  if (field === undefined) {
    const names = fields.map(({ name }) => name).join(', ')
    problems.add(path, `no field is named ${shown(named)}; they are ${names}`, source)
    return null
  }
  if (!field.type.nullable && eventIdKinds.some((kind) => kind === field.type.kind)) return field
  const type = canonicalType(field.type)
  const allowed = eventIdKinds.join(', ')
  problems.add(path, `an event id is one of ${allowed}, and not nullable; it is ${type}`, source)
  return null
}

function resolveHorizon(horizon: unknown, problems: Problems, source: PushSource): number {
  const path = `${source.name}.dedupe.horizon`
  const ms = resolveDuration(horizon, path, problems, source)
  if (ms > windowMsMax) {
    problems.add(path, `is longer than ${formatDuration(windowMsMax)}`, source)
  }
  return ms
}
