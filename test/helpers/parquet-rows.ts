/**
 * Rows of tests, to and from Parquet files.
 */
import type { Catalog } from '../../src/model/catalog.ts'
import type { Value } from '../../src/model/types.ts'
import { sqlName, sqlText, type Database } from '../../src/duckdb/database.ts'
import { plain } from './plain.ts'

/** All rows of a file in their order; the column `at` is in ns. */
export async function rowsOfParquet(
  database: Database,
  file: string,
): Promise<readonly (readonly unknown[])[]> {
  const columns = await database.columnsOf(`SELECT * FROM read_parquet(${sqlText(file)})`)
  const asked = columns.map(({ name }) =>
    name === 'at' ? `epoch_ns(${sqlName(name)})` : sqlName(name),
  )
  const rows = await database.rows(`SELECT ${asked.join(', ')} FROM read_parquet(${sqlText(file)})`)
  return rows.map((row) => row.map((value) => plain(value as Value)))
}

let tables = 0

export async function writeParquet(
  database: Database,
  file: string,
  fields: Catalog['sources'][number]['fields'],
  rows: readonly object[],
): Promise<void> {
  const table = `table${tables++}`
  const writer = await database.createTable(table, fields)
  for (const row of rows) {
    writer.append(fields.map(({ name }) => (row as Readonly<Record<string, Value>>)[name]!))
  }
  writer.close()
  await database.run(`COPY ${table} TO ${sqlText(file)} (FORMAT parquet)`)
}
