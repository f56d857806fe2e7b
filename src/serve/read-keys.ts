/**
 * The keys and the request data of a read, from any wire form to canonical values.
 *
 * What is missing, unknown or unusable is refused, and the message says where it is.
 */
import { errorMessage, MillraceError, type ErrorCode } from '../base/errors.ts'
import type { HttpReadOptions } from '../model/contracts.ts'
import { convertValue, type Problem, type ValueForm } from '../model/convert.ts'
import { encodeKeyValues } from '../model/key.ts'
import type { Field, Value } from '../model/types.ts'

/** One name → value, in any wire form. */
export type Given = Readonly<Record<string, unknown>>

export interface KeyOptions {
  /** Place of the key in a read of several, for the message. @defaultValue null */
  readonly row?: number | null
  /** What it is the key of, for the message. @defaultValue `'read'` */
  readonly of?: string
  /** Whether it may have nulls. @defaultValue false */
  readonly nulls?: boolean
}

/**
 * Converts a key's values.
 *
 * @returns `values[n]` of `joinKeys[n]`.
 * @throws MillraceError `KEY_INVALID`
 */
export function convertKey(
  joinKeys: readonly Field[],
  given: Given,
  { row = null, of = 'read', nulls = false }: KeyOptions = {},
): readonly Value[] {
  const invalid = (name: string, reason: string): MillraceError =>
    keyInvalid(name, reason === unknownField ? keyUnknown(joinKeys, of) : reason, row)
  return convertAll(joinKeys, given, { form: 'wire', nulls, invalid })
}

/** @throws MillraceError `KEY_INVALID` when values cannot be a key. */
export function keyBytes(
  joinKeys: readonly Field[],
  values: readonly Value[],
  row: number | null,
): Uint8Array {
  const key = encodeKeyValues(joinKeys, values)
  if (key instanceof Uint8Array) return key
  throw keyInvalid(key.field, key.reason, row)
}

/**
 * Converts the request data of a read of so many keys.
 *
 * @returns `values[row][n]` of `fields[n]`.
 * @throws MillraceError `REQUEST_DATA_INVALID`, `REQUEST_INVALID`
 */
export function convertRequests(
  fields: readonly Field[],
  { requestData: given, isJson = false }: HttpReadOptions,
  keys: number,
): readonly (readonly Value[])[] {
  const form = isJson ? 'json-request' : 'request'
  if (given === undefined) {
    const [first] = fields
    if (first !== undefined && keys > 0) throw dataInvalid(first.name, 'missing', null)
    return []
  }
  if (given.length !== keys) {
    const reason = `has ${given.length} elements, and there are ${keys} keys`
    throw new MillraceError('REQUEST_INVALID', { path: 'requests', reason })
  }
  return given.map((data, n) => {
    const row = keys > 1 ? n : null
    const invalid = (name: string, reason: string): MillraceError =>
      dataInvalid(name, reason === unknownField ? dataUnknown(fields) : reason, row)
    return convertAll(fields, data, { form, nulls: false, invalid })
  })
}

const unknownField = 'unknown'

interface ConvertOptions {
  readonly form: ValueForm
  /** Whether any of the values may be null. */
  readonly nulls: boolean
  readonly invalid: (name: string, reason: string) => MillraceError
}

function convertAll(
  fields: readonly Field[],
  given: Given,
  { form, nulls, invalid }: ConvertOptions,
): Value[] {
  // First of all: what is missing then is most likely this one, misspelt.
  for (const name in given) {
    if (fields.some((field) => field.name === name) || !Object.hasOwn(given, name)) continue
    throw invalid(name, unknownField)
  }
  const values: Value[] = []
  for (const { name, type } of fields) {
    const isGiven = Object.hasOwn(given, name)
    if (!isGiven && !type.nullable) throw invalid(name, 'missing')
    if (nulls && given[name] === null) {
      values.push(null)
      continue
    }
    const problems: Problem[] = []
    values.push(convertValue(type, isGiven ? given[name] : null, '', problems, form))
    const problem = problems[0]
    if (problem) throw invalid(name, reasonOfProblem(problem))
  }
  return values
}

function reasonOfProblem({ code, path, details }: Problem): string {
  const reason = errorMessage(code, details)
  return path === '' ? reason : `${reason} at ${path}`
}

function keyUnknown(joinKeys: readonly Field[], of: string): string {
  const expected = joinKeys.map(({ name }) => name).join(', ')
  return `not a join key of this ${of}, which takes ${expected === '' ? 'none' : expected}`
}

function dataUnknown(fields: readonly Field[]): string {
  const expected = fields.map(({ name }) => name).join(', ')
  return `not request data of this read, which takes ${expected === '' ? 'none' : expected}`
}

function keyInvalid(key: string, reason: string, row: number | null): MillraceError {
  return invalidAt('KEY_INVALID', { key }, reason, 'keys', row)
}

function dataInvalid(field: string, reason: string, row: number | null): MillraceError {
  return invalidAt('REQUEST_DATA_INVALID', { field }, reason, 'requests', row)
}

function invalidAt(
  code: ErrorCode,
  about: Readonly<Record<string, string>>,
  reason: string,
  list: string,
  row: number | null,
): MillraceError {
  if (row === null) return new MillraceError(code, { ...about, reason })
  return new MillraceError(code, { ...about, reason: `${reason} (in ${list}[${row}])`, row })
}
