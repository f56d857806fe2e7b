/**
 * Values in the form in which they are stored: plain msgpack, whatever their type.
 *
 * A Struct is the array of its fields' values in their order, a Map the array of its keys and
 * values in turn: msgpack's own maps could not hold every key and would not tell the two apart.
 * Part of the store's format.
 */
import type { DataType, Value } from '../model/types.ts'
import type { PlaceCodec } from './partial.ts'

/** What the encoder takes for a value of the type. */
export function toStored(type: DataType, value: Value): unknown {
  if (value === null) return null
  switch (type.kind) {
    case 'Array':
      return (value as readonly Value[]).map((element) => toStored(type.element, element))
    case 'Struct': {
      const struct = value as Readonly<Record<string, Value>>
      return type.fields.map((field) => toStored(field.type, struct[field.name] ?? null))
    }
    case 'Map':
      return [...(value as ReadonlyMap<string, Value>)].flatMap(([key, part]) => [
        key,
        toStored(type.value, part),
      ])
    default:
      return value
  }
}

/** The value of the type that `stored`, as it was decoded, stands for. */
export function fromStored(type: DataType, stored: unknown): Value {
  if (stored === null) return null
  switch (type.kind) {
    case 'Array':
      return (stored as readonly unknown[]).map((element) => fromStored(type.element, element))
    case 'Struct': {
      const struct = Object.create(null) as Record<string, Value>
      type.fields.forEach((field, i) => {
        struct[field.name] = fromStored(field.type, (stored as readonly unknown[])[i])
      })
      return struct
    }
    case 'Map': {
      const parts = stored as readonly unknown[]
      const map = new Map<string, Value>()
      for (let i = 0; i < parts.length; i += 2) {
        map.set(parts[i] as string, fromStored(type.value, parts[i + 1]))
      }
      return map
    }
    default:
      return stored as Value
  }
}

/** Stores values of a type that stand in the pool. */
export function valueCodec(type: DataType): PlaceCodec {
  return {
    toStored: (pool, place) => toStored(type, pool.get(place)),
    // Place 0 is "no value": it was stored as null.
    fromStored: (pool, stored) => (stored === null ? 0 : pool.add(fromStored(type, stored))),
  }
}
