/**
 * Columns of NDJSON with request data whose floats DuckDB takes for something else: numbers beside
 * `"NaN"` are JSON to it, and `"Infinity"` is a date. Their types are given to it.
 */
import { planColumns } from '../batch/columns.ts'
import { sqlName, type Database } from '../duckdb/database.ts'
import type { SqlField, SqlType } from '../duckdb/sql-type.ts'
import type { DataType, Field } from '../model/types.ts'

/**
 * The types of all columns, by name; null where those that DuckDB finds will do.
 *
 * @param read  What stands behind FROM.
 */
export async function requestTypes(
  database: Database,
  read: string,
  requestFields: readonly Field[],
): Promise<ReadonlyMap<string, string> | null> {
  if (requestFields.length === 0) return null
  const columns = await database.columnsOf(`SELECT * FROM ${read}`)
  // Only here JSON is told from other text.
  const sql = `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ${read})`
  const types = new Map((await database.rows(sql)) as [string, string][])
  let isOther = false
  for (const column of columns) {
    const field = requestFields.find(({ name }) => name === column.name)
    if (field === undefined || fits(field, column, types.get(column.name)!)) continue
    types.set(column.name, withFloats(field.type, column.type))
    isOther = true
  }
  return isOther ? types : null
}

function fits(field: Field, column: SqlField, type: string): boolean {
  return !type.includes('JSON') && planColumns([field], [column], 'typed').problems.length === 0
}

/** The type of a column, but for its floats. */
function withFloats(type: DataType, column: SqlType): string {
  if (type.kind === 'Float64' || type.kind === 'Float32') return 'DOUBLE'
  if (type.kind === 'Array' && column.kind === 'list') {
    return `${withFloats(type.element, column.element)}[]`
  }
  if (type.kind === 'Map' && column.kind === 'map') {
    return `MAP(${column.key.text}, ${withFloats(type.value, column.value)})`
  }
  if (column.kind !== 'struct') return column.text
  const fields = column.fields.map((field) => {
    const declared = type.kind === 'Map' ? type.value : memberOf(type, field.name)
    const text = declared === undefined ? field.type.text : withFloats(declared, field.type)
    return `${sqlName(field.name)} ${text}`
  })
  return `STRUCT(${fields.join(', ')})`
}

function memberOf(type: DataType, name: string): DataType | undefined {
  return type.kind === 'Struct' ? type.fields.find((each) => each.name === name)?.type : undefined
}
