/**
 * DataType → TypeBox schema: the check that a canonical value passes.
 *
 * In: a `DataType` (`model/types.ts`). Out: a plain TypeBox schema without functions, so that it
 * survives `structuredClone` on its way to a shard thread. Holds: a value that `convertValue`
 * returned without problems passes the schema of its type.
 */
import Type, { type TProperties, type TSchema } from 'typebox'
import { unreachable } from '../base/assert.ts'
import { eventTimeMsMax, eventTimeMsMin } from '../base/limits.ts'
import type { DataType, Field } from '../model/types.ts'

const float32Max = 3.4028234663852886e38
const nsPerMs = 1_000_000n

/** The schema of one value of a type. */
export function schemaOf(type: DataType): TSchema {
  const schema = nonNullSchemaOf(type)
  return type.nullable ? Type.Union([schema, Type.Null()]) : schema
}

/**
 * The schema of an object with these fields, every one of them present.
 *
 * @param fields  Field names and types, in any order.
 * @param extra  Whether the object may have more properties than the fields.
 */
export function objectSchemaOf(fields: readonly Field[], extra: 'closed' | 'open'): TSchema {
  const properties: TProperties = Object.fromEntries(
    fields.map((field) => [field.name, schemaOf(field.type)]),
  )
  return Type.Object(properties, extra === 'closed' ? { additionalProperties: false } : {})
}

function nonNullSchemaOf(type: DataType): TSchema {
  switch (type.kind) {
    case 'Int64':
      // A compiled check compares with number literals; 2^63 is one exactly, 2^63 - 1 is not.
      return Type.BigInt({ minimum: -(2n ** 63n), exclusiveMaximum: 2n ** 63n })
    case 'Int32':
      return Type.Integer({ minimum: -(2 ** 31), maximum: 2 ** 31 - 1 })
    case 'Float64':
      return Type.Number()
    case 'Float32':
      return Type.Number({ minimum: -float32Max, maximum: float32Max })
    case 'String':
      return Type.String()
    case 'Bool':
      return Type.Boolean()
    case 'Timestamp':
      // Both limits, as ns, are exact number literals too.
      return Type.BigInt({
        minimum: BigInt(eventTimeMsMin) * nsPerMs,
        maximum: BigInt(eventTimeMsMax) * nsPerMs,
      })
    case 'Array':
      return Type.Array(schemaOf(type.element))
    case 'Struct':
      return objectSchemaOf(type.fields, 'closed')
    case 'Map':
      return { ...mapSchema }
    default:
      return unreachable(type)
  }
}

/**
 * A `Map` told from other objects by its members. JSON Schema has no words for a Map's entries, and
 * a refinement would be lost in `structuredClone`; conversion has checked the entries.
 */
const mapSchema: TSchema = {
  type: 'object',
  required: ['size', 'get', 'entries'],
  properties: {
    size: { type: 'integer' },
    get: { type: 'function' },
    entries: { type: 'function' },
  },
}
