/**
 * Floats of request data that JSON has as integers: a long one has become text (`json-body.ts`),
 * and of a float it is a number again, in arrays, structs and maps, too.
 */
import { isWireMap } from '../model/convert.ts'
import type { DataType } from '../model/types.ts'

/** @param value  Of the type, or of any other: what it is not is for the reader to say. */
export function withLongFloats(type: DataType, value: unknown): unknown {
  switch (type.kind) {
    case 'Float64':
    case 'Float32':
      return typeof value === 'string' && /^-?\d{16,}$/.test(value) ? Number(value) : value
    case 'Array':
      return Array.isArray(value)
        ? value.map((each: unknown) => withLongFloats(type.element, each))
        : value
    case 'Struct': {
      const types = new Map(type.fields.map((field) => [field.name, field.type]))
      return withMembers(value, (name) => types.get(name) ?? null)
    }
    case 'Map':
      return withMembers(value, () => type.value)
    default:
      return value
  }
}

function withMembers(value: unknown, typeOf: (name: string) => DataType | null): unknown {
  if (!isWireMap(value)) return value
  const members = Object.create(null) as Record<string, unknown>
  for (const [name, each] of Object.entries(value)) {
    const type = typeOf(name)
    members[name] = type === null ? each : withLongFloats(type, each)
  }
  return members
}
