/**
 * The types of DuckDB's columns as plain data, and the one that goes with each of our own.
 */
import type { DuckDBType } from '@duckdb/node-api'
import { unreachable } from '../base/assert.ts'
import type { DataType } from '../model/types.ts'

export type SqlType = {
  /** As SQL writes it. */
  readonly text: string
} & (
  | {
      readonly kind: 'scalar'
      /** Without its parameters: `DECIMAL`, `TIMESTAMP_NS`, `ENUM`. */
      readonly name: string
    }
  | { readonly kind: 'list'; readonly element: SqlType }
  | { readonly kind: 'struct'; readonly fields: readonly SqlField[] }
  | { readonly kind: 'map'; readonly key: SqlType; readonly value: SqlType }
)

export interface SqlField {
  readonly name: string
  readonly type: SqlType
}

export function sqlType(type: DuckDBType): SqlType {
  const text = String(type)
  if ('entryNames' in type && 'entryTypes' in type) {
    const fields = type.entryNames.map((name, n) => ({ name, type: sqlType(type.entryTypes[n]!) }))
    return { kind: 'struct', fields, text }
  }
  if ('keyType' in type) {
    return { kind: 'map', key: sqlType(type.keyType), value: sqlType(type.valueType), text }
  }
  if ('valueType' in type) return { kind: 'list', element: sqlType(type.valueType), text }
  return { kind: 'scalar', name: text.split('(')[0]!, text }
}

/** The type of a column that holds values of one of ours. */
export function sqlTypeText(type: DataType): string {
  switch (type.kind) {
    case 'Int64':
      return 'BIGINT'
    case 'Int32':
      return 'INTEGER'
    case 'Float64':
      return 'DOUBLE'
    case 'Float32':
      return 'FLOAT'
    case 'String':
      return 'VARCHAR'
    case 'Bool':
      return 'BOOLEAN'
    case 'Timestamp':
      return 'TIMESTAMP_NS'
    case 'Array':
      return `${sqlTypeText(type.element)}[]`
    case 'Struct': {
      const fields = type.fields.map(({ name, type }) => `"${name}" ${sqlTypeText(type)}`)
      return `STRUCT(${fields.join(', ')})`
    }
    case 'Map':
      return `MAP(VARCHAR, ${sqlTypeText(type.value)})`
    default:
      return unreachable(type)
  }
}
