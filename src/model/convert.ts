/**
 * Which wire value becomes which value of a declared type: the one table of conversions.
 *
 * Wire values are what a msgpack decoder or a JSON parser gives; what comes out is the canonical
 * form of `model/types.ts`, or a list of problems, each with a JSON pointer and never with a value.
 *
 * | declared  | integer       | fraction  | NaN, ±∞ | string          | instant | array | map    |
 * | --------- | ------------- | --------- | ------- | --------------- | ------- | ----- | ------ |
 * | Int64     | in range      | type      | range   | decimal integer | type    | type  | type   |
 * | Int32     | in range      | type      | range   | decimal integer | type    | type  | type   |
 * | Float64   | if exact      | as it is  | range   | type            | type    | type  | type   |
 * | Float32   | rounded       | rounded   | range   | type            | type    | type  | type   |
 * | String    | type          | type      | type    | well-formed     | type    | type  | type   |
 * | Bool      | type          | type      | type    | type            | type    | type  | type   |
 * | Timestamp | epoch ms      | time      | time    | RFC 3339        | exact   | type  | type   |
 * | Array     | type          | type      | type    | type            | type    | each  | type   |
 * | Struct    | type          | type      | type    | type            | type    | type  | fields |
 * | Map       | type          | type      | type    | type            | type    | type  | each   |
 *
 * `type`, `range` and `time` are EVENT_FIELD_TYPE, EVENT_FIELD_RANGE and EVENT_TIME. A Bool takes a
 * boolean and nothing else does; no type takes a binary; null and absence are values of nullable
 * types only. For integer types a float without a fraction is an integer, within ±2⁵³; for float
 * types it is a float. A Float32 takes what a Float64 takes, then rounds. −0 becomes 0. Only what
 * is computed as it is read, and request data for that, may be NaN or infinite.
 *
 * `docs/reference/types.md` shows what this makes of every kind of value, msgpack and JSON.
 */
import { unreachable } from '../base/assert.ts'
import type { ErrorCode, ErrorDetails } from '../base/errors.ts'
import { eventTimeMsMax, eventTimeMsMin } from '../base/limits.ts'
import { floatOfText, nonFiniteTexts } from './float-json.ts'
import { MsgpackTimestamp } from './msgpack.ts'
import { parseTimestamp } from './timestamp.ts'
import type { DataType, Field, Value } from './types.ts'

/** Why a value has no canonical form. */
export interface Problem {
  readonly code: ErrorCode
  /** JSON pointer to the value; not escaped for display. */
  readonly path: string
  readonly details: ErrorDetails
}

/**
 * What comes in: `wire` as the table says; `canonical` is what a transform returns, where text is
 * never a number or an instant, a Timestamp is a `bigint` of nanoseconds and a Map may be a `Map`.
 *
 * In the others a float may be NaN or infinite: `request`, request data as on the wire, which has
 * it as a number or as the text of JSON (`float-json.ts`); `json-request`, the same from JSON,
 * where it is text and a number beyond the doubles is out of range; `computed`, what the function
 * of a realtime view returns, else as `canonical`.
 */
export type ValueForm = 'wire' | 'canonical' | 'request' | 'json-request' | 'computed'

/** How a form differs from the others. */
interface FormRules {
  readonly isWire: boolean
  /** How floats may be NaN or infinite. */
  readonly nonFinite: { readonly numbers: boolean; readonly texts: boolean }
}

const formRules: Readonly<Record<ValueForm, FormRules>> = {
  wire: { isWire: true, nonFinite: { numbers: false, texts: false } },
  canonical: { isWire: false, nonFinite: { numbers: false, texts: false } },
  request: { isWire: true, nonFinite: { numbers: true, texts: true } },
  'json-request': { isWire: true, nonFinite: { numbers: false, texts: true } },
  computed: { isWire: false, nonFinite: { numbers: true, texts: false } },
}

/**
 * Converts one value. After a problem was pushed, the returned value means nothing.
 *
 * @param path  JSON pointer of the value, the start of every pushed path.
 */
export function convertValue(
  type: DataType,
  wire: unknown,
  path: string,
  problems: Problem[],
  form: ValueForm = 'wire',
): Value {
  const before = problems.length
  const value = convert(type, wire, problems, formRules[form])
  if (problems.length > before && path !== '') prefix(problems, before, path)
  return value
}

/**
 * Converts the fields of an event: every declared field, in their order, and no other.
 *
 * @returns a null-prototype object; after a problem was pushed, it means nothing.
 */
export function convertEvent(
  fields: readonly Field[],
  wire: Readonly<Record<string, unknown>>,
  problems: Problem[],
): Record<string, Value> {
  return convertFields(fields, wire, problems, formRules.wire)
}

/** Whether a wire value is a map: what msgpack maps and JSON objects decode to. */
export function isWireMap(wire: unknown): wire is Readonly<Record<string, unknown>> {
  if (typeof wire !== 'object' || wire === null) return false
  const prototype: unknown = Object.getPrototypeOf(wire)
  return prototype === Object.prototype || prototype === null
}

/** The path of a field below another path. */
export function pointer(path: string, segment: string): string {
  return `${path}/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

function convert(type: DataType, wire: unknown, problems: Problem[], form: FormRules): Value {
  if (wire === undefined || wire === null) {
    if (type.nullable) return null
    return wire === null ? wrongType(type, wire, problems) : missing(problems)
  }
  switch (type.kind) {
    case 'Int64':
      return toInt64(type, wire, problems, form)
    case 'Int32':
      return toInt32(type, wire, problems, form)
    case 'Float64':
    case 'Float32':
      return toFloat(type, wire, problems, form)
    case 'String':
      return typeof wire === 'string' && isPlainText(wire) ? wire : wrongType(type, wire, problems)
    case 'Bool':
      return typeof wire === 'boolean' ? wire : wrongType(type, wire, problems)
    case 'Timestamp':
      return toTimestamp(type, wire, problems, form)
    case 'Array':
      return Array.isArray(wire)
        ? toArray(type.element, wire, problems, form)
        : wrongType(type, wire, problems)
    case 'Struct':
      return isWireMap(wire)
        ? convertFields(type.fields, wire, problems, form)
        : wrongType(type, wire, problems)
    case 'Map':
      return isWireMap(wire) || (wire instanceof Map && !form.isWire)
        ? toMap(type, wire, problems, form)
        : wrongType(type, wire, problems)
    default:
      return unreachable(type)
  }
}

function toInt64(type: DataType, wire: unknown, problems: Problem[], form: FormRules): Value {
  const integer = integerOf(wire, form)
  if (integer === 'type') return wrongType(type, wire, problems)
  if (integer === 'inexact') {
    const exact = form.isWire ? 'a 64-bit integer or a decimal string' : 'a bigint'
    return outOfRange(`numbers that are exact, ±2^53; give it as ${exact}`, problems)
  }
  if (integer === 'range') return outOfRange(type.kind, problems)
  const value = BigInt(integer)
  return value === BigInt.asIntN(64, value) ? value : outOfRange(type.kind, problems)
}

function toInt32(type: DataType, wire: unknown, problems: Problem[], form: FormRules): Value {
  const integer = integerOf(wire, form)
  if (integer === 'type') return wrongType(type, wire, problems)
  if (integer === 'range' || integer === 'inexact') return outOfRange(type.kind, problems)
  const value = Number(integer)
  return value === (value | 0) ? value | 0 : outOfRange(type.kind, problems)
}

/**
 * The exact integer that a wire value stands for, or which rule it breaks; `inexact`: a number
 * within 64 bits that may stand for its neighbours as well.
 */
function integerOf(wire: unknown, form: FormRules): number | bigint | 'type' | 'range' | 'inexact' {
  if (typeof wire === 'bigint') return wire
  if (typeof wire === 'number') {
    if (Number.isSafeInteger(wire)) return wire
    if (wire >= -(2 ** 63) && wire < 2 ** 63) return Number.isInteger(wire) ? 'inexact' : 'type'
    return 'range'
  }
  if (typeof wire !== 'string' || !form.isWire) return 'type'
  if (!/^-?(?:0|[1-9]\d*)$/.test(wire)) return 'type'
  // Longer than any 64-bit integer; the conversion's cost grows faster than the length.
  return wire.length > 20 ? 'range' : BigInt(wire)
}

function toFloat(
  type: DataType,
  wire: unknown,
  problems: Problem[],
  { nonFinite }: FormRules,
): Value {
  let value: number
  if (typeof wire === 'number') {
    if (nonFinite.numbers && !Number.isFinite(wire)) return wire
    value = wire
  } else if (typeof wire === 'string' && nonFinite.texts) {
    const expected = `${type.kind}, a number or one of ${nonFiniteTexts.join(', ')}`
    return floatOfText(wire) ?? wrongType(type, wire, problems, expected)
  } else if (typeof wire === 'bigint') {
    value = Number(wire)
    // Beyond 2^53 a float has gaps: an integer in one is refused, not moved to its edge.
    if (!Number.isSafeInteger(value) && !isExactly(value, wire)) {
      return outOfRange('integers that a Float64 holds exactly', problems)
    }
  } else return wrongType(type, wire, problems)
  if (type.kind === 'Float32') value = Math.fround(value)
  // The sum turns −0 into 0 and leaves all else as it is.
  return Number.isFinite(value) ? value + 0 : outOfRange(type.kind, problems)
}

function isExactly(value: number, integer: bigint): boolean {
  return Number.isFinite(value) && BigInt(value) === integer
}

const timeNsMin = BigInt(eventTimeMsMin) * 1_000_000n
const timeNsMax = BigInt(eventTimeMsMax) * 1_000_000n

function toTimestamp(type: DataType, wire: unknown, problems: Problem[], form: FormRules): Value {
  let ns: bigint | null
  if (wire instanceof MsgpackTimestamp) ns = wire.ns
  else if (typeof wire === 'bigint') ns = form.isWire ? wire * 1_000_000n : wire
  else if (!form.isWire) return wrongType(type, wire, problems)
  else if (typeof wire === 'number') {
    if (!Number.isInteger(wire)) return wrongTime('not a whole number of milliseconds', problems)
    ns = BigInt(wire) * 1_000_000n
  } else if (typeof wire === 'string') {
    ns = parseTimestamp(wire)
    if (ns === null) return wrongTime('not a time such as 2024-05-01T12:00:00.123456789Z', problems)
  } else return wrongType(type, wire, problems)
  if (ns < timeNsMin || ns > timeNsMax) {
    return wrongTime('before 1900-01-01 or after 2200-01-01', problems)
  }
  return ns
}

function toArray(
  element: DataType,
  wire: readonly unknown[],
  problems: Problem[],
  form: FormRules,
): Value {
  const values: Value[] = []
  for (let i = 0; i < wire.length; i++) {
    const before = problems.length
    values.push(convert(element, wire[i], problems, form))
    if (problems.length > before) prefix(problems, before, `/${i}`)
  }
  return values
}

function toMap(
  type: Extract<DataType, { kind: 'Map' }>,
  wire: object,
  problems: Problem[],
  form: FormRules,
): Value {
  const entries: Iterable<[unknown, unknown]> = wire instanceof Map ? wire : Object.entries(wire)
  const values = new Map<string, Value>()
  for (const [key, value] of entries) {
    if (!isUsableKey(key)) return wrongKey(key, problems)
    const before = problems.length
    values.set(key, convert(type.value, value, problems, form))
    if (problems.length > before) prefix(problems, before, pointer('', key))
  }
  return values
}

/** The msgpack decoder refuses `__proto__`: a reader could not be answered. */
function isUsableKey(key: unknown): key is string {
  return typeof key === 'string' && isPlainText(key) && key !== '__proto__'
}

/** A byte order mark would be lost on the way into the store and back. */
function isPlainText(text: string): boolean {
  return text.isWellFormed() && !startsWithMark(text)
}

function startsWithMark(text: string): boolean {
  return text.startsWith('\ufeff')
}

function convertFields(
  fields: readonly Field[],
  wire: Readonly<Record<string, unknown>>,
  problems: Problem[],
  form: FormRules,
): Record<string, Value> {
  const values = Object.create(null) as Record<string, Value>
  let known = 0
  for (const { name, type } of fields) {
    const before = problems.length
    // Only what the wire holds itself: a field may be named like something every object inherits.
    const own = Object.hasOwn(wire, name)
    if (own) known += 1
    values[name] = convert(type, own ? wire[name] : undefined, problems, form)
    if (problems.length > before) prefix(problems, before, pointer('', name))
  }
  const keys = Object.keys(wire)
  if (keys.length > known) {
    const names = new Set(fields.map((field) => field.name))
    for (const key of keys) {
      if (names.has(key)) continue
      problems.push({ code: 'EVENT_FIELD_UNKNOWN', path: pointer('', key), details: {} })
    }
  }
  return values
}

/** Puts a path before those of the problems from `from` on: paths are built only when needed. */
function prefix(problems: Problem[], from: number, path: string): void {
  for (let i = from; i < problems.length; i++) {
    const problem = problems[i]!
    problems[i] = { ...problem, path: path + problem.path }
  }
}

function wrongType(
  type: DataType,
  wire: unknown,
  problems: Problem[],
  expected: string = type.kind,
): null {
  const details = { expected, actual: wireType(wire) }
  problems.push({ code: 'EVENT_FIELD_TYPE', path: '', details })
  return null
}

/** The path has the key only if it is text that an answer can carry. */
function wrongKey(key: unknown, problems: Problem[]): null {
  const path = typeof key === 'string' && key.isWellFormed() ? pointer('', key) : ''
  const details = { expected: 'another key', actual: key === '__proto__' ? key : wireType(key) }
  problems.push({ code: 'EVENT_FIELD_TYPE', path, details })
  return null
}

function missing(problems: Problem[]): null {
  problems.push({ code: 'EVENT_FIELD_MISSING', path: '', details: {} })
  return null
}

function outOfRange(expected: string, problems: Problem[]): null {
  problems.push({ code: 'EVENT_FIELD_RANGE', path: '', details: { expected } })
  return null
}

function wrongTime(reason: string, problems: Problem[]): null {
  problems.push({ code: 'EVENT_TIME', path: '', details: { reason } })
  return null
}

/** What a wire value is, for a message. */
function wireType(wire: unknown): string {
  if (wire === null) return 'null'
  if (typeof wire === 'bigint' || Number.isInteger(wire)) return 'integer'
  if (typeof wire === 'number') return 'float'
  if (typeof wire === 'string') {
    if (!wire.isWellFormed()) return 'ill-formed string'
    return startsWithMark(wire) ? 'string with a byte order mark' : 'string'
  }
  if (wire instanceof MsgpackTimestamp) return 'timestamp'
  if (ArrayBuffer.isView(wire)) return 'binary'
  if (Array.isArray(wire)) return 'array'
  return isWireMap(wire) ? 'map' : typeof wire
}
