/**
 * Values as the platform writes them: like our own JSON (`serve/json.ts`), but an integer of any
 * size is a decimal string, and a struct an array of its values in the order of its fields.
 */
import { unreachable } from '../../base/assert.ts'
import { floatText } from '../../model/float-json.ts'
import { formatTimestamp } from '../../model/timestamp.ts'
import type { DataType, Value } from '../../model/types.ts'

/** The JSON text of a value of the type. */
export function valueText(type: DataType, value: Value): string {
  if (value === null) return 'null'
  switch (type.kind) {
    case 'Int64':
    case 'Int32':
      return `"${value as bigint | number}"`
    case 'Float64':
    case 'Float32':
      return floatText(value as number)
    case 'String':
      return JSON.stringify(value)
    case 'Bool':
      return value === true ? 'true' : 'false'
    case 'Timestamp':
      return `"${formatTimestamp(value as bigint)}"`
    case 'Array':
      return listText((value as readonly Value[]).map((each) => valueText(type.element, each)))
    case 'Struct': {
      const struct = value as Readonly<Record<string, Value>>
      return listText(type.fields.map(({ name, type }) => valueText(type, struct[name] ?? null)))
    }
    case 'Map': {
      const members = [...(value as ReadonlyMap<string, Value>)].map(
        ([name, each]) => `${JSON.stringify(name)}:${valueText(type.value, each)}`,
      )
      return `{${members.join(',')}}`
    }
    default:
      return unreachable(type)
  }
}

/** A count that is null as zero, those of a series each. */
export function countText(type: DataType, value: Value): string {
  if (value === null) return type.kind === 'Array' ? 'null' : '"0"'
  if (type.kind !== 'Array') return valueText(type, value)
  return listText((value as readonly Value[]).map((each) => countText(type.element, each)))
}

function listText(elements: readonly string[]): string {
  return `[${elements.join(',')}]`
}
