/**
 * Values, statuses and times as Feast's feature server writes them.
 *
 * Integers are JSON numbers of any length, exact in the text; a Timestamp is whole seconds since
 * 1970; a float that JSON has no number for is the string that protobuf writes.
 */
import { unreachable } from '../../base/assert.ts'
import type { FeatureState } from '../../model/contracts.ts'
import { floatText } from '../../model/float-json.ts'
import { formatTimestamp, msOf } from '../../model/timestamp.ts'
import type { DataType, Value } from '../../model/types.ts'

/** The JSON text of a value of the type. */
export function valueText(type: DataType, value: Value): string {
  if (value === null) return 'null'
  switch (type.kind) {
    case 'Int64':
    case 'Int32':
      return `${value as bigint | number}`
    case 'Float64':
    case 'Float32':
      return floatText(value as number)
    case 'String':
    case 'Bool':
      return JSON.stringify(value)
    case 'Timestamp':
      return `${Math.floor(msOf(value as bigint) / 1000)}`
    case 'Array':
      return `[${(value as readonly Value[]).map((each) => valueText(type.element, each)).join()}]`
    case 'Struct': {
      const struct = value as Readonly<Record<string, Value>>
      return objectText(type.fields.map(({ name, type }) => [name, type, struct[name] ?? null]))
    }
    case 'Map': {
      const entries = [...(value as ReadonlyMap<string, Value>)]
      return objectText(entries.map(([name, each]) => [name, type.value, each]))
    }
    default:
      return unreachable(type)
  }
}

function objectText(members: readonly (readonly [string, DataType, Value])[]): string {
  const texts = members.map(
    ([name, type, value]) => `${JSON.stringify(name)}:${valueText(type, value)}`,
  )
  return `{${texts.join()}}`
}

export const statusOf: Readonly<Record<FeatureState, string>> = {
  present: 'PRESENT',
  null: 'NULL_VALUE',
  empty: 'NULL_VALUE',
  overflow: 'NULL_VALUE',
  expired: 'OUTSIDE_MAX_AGE',
  unseen: 'NOT_FOUND',
  failed: 'INVALID',
  backfilling: 'INVALID',
}

/** What has no time of its own is told to be from the beginning of time. */
export const noTimeText = '1970-01-01T00:00:00Z'

/** No digits of fraction, three or six: what Python reads. */
export function timeText(ns: bigint | null): string {
  if (ns === null) return noTimeText
  const text = formatTimestamp(ns - (((ns % 1000n) + 1000n) % 1000n))
  const [whole, fraction] = text.slice(0, -1).split('.') as [string, string?]
  if (fraction === undefined) return text
  return `${whole}.${fraction.padEnd(fraction.length > 3 ? 6 : 3, '0')}Z`
}
