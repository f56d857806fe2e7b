/**
 * Floats that are NaN or infinite in files of text, as reads have them in JSON: DuckDB would write
 * `nan` into CSV, and into NDJSON what no parser of JSON takes.
 */
import { sqlName, sqlText, type Database } from '../duckdb/database.ts'
import type { SqlField, SqlType } from '../duckdb/sql-type.ts'
import { nonFiniteTexts } from '../model/float-json.ts'
import type { TableFormat } from './formats.ts'

/** SQL for a value from SQL for it. */
type Write = (value: string) => string

/** A float as what goes into a file: all values of a column are of one type, of JSON or text. */
const floatOf: Readonly<Record<Exclude<TableFormat, 'parquet'>, Write>> = {
  csv: (value) => `CASE ${value} ${whenNonFinite(sqlText)} ELSE ${value}::VARCHAR END`,
  ndjson: (value) => {
    const textJson: Write = (text) => `to_json(${sqlText(text)})`
    return `CASE ${value} ${whenNonFinite(textJson)} ELSE to_json(${value}) END`
  },
}

function whenNonFinite(write: Write): string {
  return nonFiniteTexts.map((text) => `WHEN ${sqlText(text)}::DOUBLE THEN ${write(text)}`).join(' ')
}

/** The query, so that its rows can be written in the format; in their order. */
export async function withTextFloats(
  database: Database,
  sql: string,
  format: TableFormat,
): Promise<string> {
  if (format === 'parquet') return sql
  const columns = await database.columnsOf(sql)
  if (!columns.some(({ type }) => hasFloats(type))) return sql
  const written = columns.map(({ name, type }: SqlField) => {
    const column = sqlName(name)
    return hasFloats(type) ? `${writtenAs(type, floatOf[format], column)} AS ${column}` : column
  })
  return `SELECT ${written.join(', ')} FROM (${sql})`
}

function hasFloats(type: SqlType): boolean {
  switch (type.kind) {
    case 'scalar':
      return type.name === 'DOUBLE' || type.name === 'FLOAT'
    case 'list':
      return hasFloats(type.element)
    case 'struct':
      return type.fields.some((field) => hasFloats(field.type))
    case 'map':
      return hasFloats(type.value)
  }
}

function writtenAs(type: SqlType, float: Write, value: string, depth = 0): string {
  if (!hasFloats(type)) return value
  const within = (part: SqlType, sql: string): string => writtenAs(part, float, sql, depth + 1)
  const each = `each${depth}`
  switch (type.kind) {
    case 'scalar':
      return float(value)
    case 'list':
      return `list_transform(${value}, lambda ${each}: ${within(type.element, each)})`
    case 'struct': {
      const fields = type.fields.map(({ name, type: part }) => {
        return `${sqlName(name)} := ${within(part, `struct_extract(${value}, ${sqlText(name)})`)}`
      })
      return `CASE WHEN ${value} IS NOT NULL THEN struct_pack(${fields.join(', ')}) END`
    }
    case 'map': {
      const written = within(type.value, `${each}."value"`)
      const entry = `struct_pack("key" := ${each}."key", "value" := ${written})`
      const entries = `list_transform(map_entries(${value}), lambda ${each}: ${entry})`
      return `CASE WHEN ${value} IS NOT NULL THEN map_from_entries(${entries}) END`
    }
  }
}
