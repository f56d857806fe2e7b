/**
 * Values as JSON: exact, and the same whatever the size of a number.
 *
 * An Int64 is a decimal string, because a JSON number is a double to most readers; a Timestamp is
 * RFC 3339 in UTC with its nanoseconds; a Float that JSON has no number for is a string
 * (`model/float-json.ts`). A Struct and a Map are objects, safe with any field name.
 */
import { unreachable } from '../base/assert.ts'
import { floatJson } from '../model/float-json.ts'
import { formatTimestamp } from '../model/timestamp.ts'
import type { DataType, Value } from '../model/types.ts'

export type Json = null | boolean | number | string | readonly Json[] | { [name: string]: Json }

/** The JSON form of a value of the type. */
export function toJson(type: DataType, value: Value): Json {
  if (value === null) return null
  switch (type.kind) {
    case 'Int64':
      return String(value as bigint)
    case 'Int32':
    case 'String':
    case 'Bool':
      return value as number | string | boolean
    case 'Float64':
    case 'Float32':
      return floatJson(value as number)
    case 'Timestamp':
      return formatTimestamp(value as bigint)
    case 'Array':
      return (value as readonly Value[]).map((element) => toJson(type.element, element))
    case 'Struct': {
      const struct = value as Readonly<Record<string, Value>>
      return jsonObject(
        type.fields.map(({ name, type }) => [name, toJson(type, struct[name] ?? null)]),
      )
    }
    case 'Map': {
      const entries = [...(value as ReadonlyMap<string, Value>)]
      return jsonObject(entries.map(([name, each]) => [name, toJson(type.value, each)]))
    }
    default:
      return unreachable(type)
  }
}

/** An object with exactly these members: no prototype, so `__proto__` is a name like any other. */
export function jsonObject(members: Iterable<readonly [string, Json]>): { [name: string]: Json } {
  const object = Object.create(null) as { [name: string]: Json }
  for (const [name, value] of members) object[name] = value
  return object
}
