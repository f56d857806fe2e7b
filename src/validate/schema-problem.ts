/**
 * What a TypeBox check found, in our own codes: JSON pointer and keyword, never a value.
 *
 * Conversion finds most problems first. What is left are the rules that only a schema states, such
 * as a minimum or a pattern.
 */
import type { TLocalizedValidationError } from 'typebox/error'
import { pointer, type Problem } from '../model/convert.ts'

/** The problem of a value that a schema refused. */
export function schemaProblem(errors: readonly TLocalizedValidationError[]): Problem {
  const error = errors[0]
  if (error === undefined) return refusedBy('schema', '')
  const path = error.instancePath
  switch (error.keyword) {
    case 'required':
      return {
        code: 'EVENT_FIELD_MISSING',
        path: pointer(path, error.params.requiredProperties[0] ?? ''),
        details: {},
      }
    case 'boolean':
      // A property that is not listed is checked by the schema `false`, before the object is.
      if (!error.schemaPath.endsWith('/additionalProperties')) return refusedBy('false', path)
      return { code: 'EVENT_FIELD_UNKNOWN', path, details: {} }
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
    case 'minLength':
    case 'maxLength':
    case 'minItems':
    case 'maxItems':
    case 'minProperties':
    case 'maxProperties':
      return {
        code: 'EVENT_FIELD_RANGE',
        path,
        details: { expected: `${error.keyword} ${error.params.limit}` },
      }
    default:
      return refusedBy(error.keyword, path)
  }
}

function refusedBy(keyword: string, path: string): Problem {
  const details = { expected: `what "${keyword}" of the schema allows`, actual: 'something else' }
  return { code: 'EVENT_FIELD_TYPE', path, details }
}
