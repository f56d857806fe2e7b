/**
 * Types as the platform names them.
 *
 * It has one integer type, and knows floats of 32 bits as elements of arrays only: elsewhere they
 * are told as `float64`, which their JSON numbers are as well.
 */
import { unreachable } from '../../base/assert.ts'
import type { DataType } from '../../model/types.ts'

/** `{"type": "array", "elementType": {"type": "int64"}}` */
export interface DataTypeJson {
  readonly type: string
  readonly elementType?: DataTypeJson
  readonly keyType?: DataTypeJson
  readonly valueType?: DataTypeJson
  readonly fields?: readonly { readonly name: string; readonly dataType: DataTypeJson }[]
}

export function dataTypeOf(type: DataType): DataTypeJson {
  switch (type.kind) {
    case 'Int64':
    case 'Int32':
      return { type: 'int64' }
    case 'Float64':
    case 'Float32':
      return { type: 'float64' }
    case 'String':
      return { type: 'string' }
    case 'Bool':
      return { type: 'boolean' }
    case 'Timestamp':
      return { type: 'timestamp' }
    case 'Array':
      return { type: 'array', elementType: elementTypeOf(type.element) }
    case 'Struct': {
      const fields = type.fields.map(({ name, type }) => ({ name, dataType: dataTypeOf(type) }))
      return { type: 'struct', fields }
    }
    case 'Map':
      return { type: 'map', keyType: { type: 'string' }, valueType: dataTypeOf(type.value) }
    default:
      return unreachable(type)
  }
}

/** The type as one word, of older clients: `int64`, `string_array`. */
export function typeWordOf(type: DataType): string {
  if (type.kind !== 'Array') return dataTypeOf(type).type
  const { type: element, elementType, fields, keyType } = elementTypeOf(type.element)
  const isNested = elementType !== undefined || fields !== undefined || keyType !== undefined
  return isNested ? 'array' : `${element}_array`
}

function elementTypeOf(element: DataType): DataTypeJson {
  return element.kind === 'Float32' ? { type: 'float32' } : dataTypeOf(element)
}
