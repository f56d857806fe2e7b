/**
 * Whether the Parquet files of a batch source have the same columns, of the same types.
 *
 * DuckDB reads all of them as the first one says, and casts what is of another type: a 3.5 would be
 * a 4. So nothing is read before every file's schema has been looked at: all of them at once, and
 * then one file of each kind more closely.
 */
import type { Database } from '../duckdb/database.ts'
import type { SqlField } from '../duckdb/sql-type.ts'
import type { BatchFiles } from './files.ts'
import { parquetSql } from './relation.ts'

export interface ParquetCheck {
  readonly hivePartitions: boolean
  /** Names of the columns that are read; null for all. */
  readonly wanted: readonly string[] | null
}

/**
 * @throws {@link MillraceError} `BATCH_FILE` for what is no Parquet file, `BATCH_COLUMNS` with the
 *   columns of the first file that differ from those of the first of all.
 */
export async function checkParquet(
  database: Database,
  files: BatchFiles,
  { hivePartitions, wanted }: ParquetCheck,
): Promise<void> {
  const [first, ...others] = await firstOfEachKind(database, files)
  const columnsOf = (name: string): Promise<readonly SqlField[]> =>
    files.ask([name], (list) =>
      database.columnsOf(`SELECT * FROM ${parquetSql(list, hivePartitions)}`),
    )
  const all = await columnsOf(first!)
  const isWanted = new Set(wanted?.map((name) => name.toLowerCase()))
  const expected = all.filter(({ name }) => wanted === null || isWanted.has(name.toLowerCase()))
  for (const other of others) {
    const problems = differences(expected, await columnsOf(other), first!)
    if (problems.length === 0) continue
    throw files.columnsError([`${other}: ${problems.join('; ')}`])
  }
}

/** Number of rows in each file. */
export async function parquetRows(
  database: Database,
  files: BatchFiles,
): Promise<readonly number[]> {
  const rows = await files.ask(files.names, (list) =>
    database.rows(`SELECT file_name, num_rows FROM parquet_file_metadata(${list})`),
  )
  const counts = new Map(rows.map(([name, count]) => [plainName(name), Number(count)]))
  return files.names.map((name) => counts.get(name)!)
}

/** The first file, and the first of all that say something else of any column. */
async function firstOfEachKind(database: Database, files: BatchFiles): Promise<readonly string[]> {
  const facts = 'name, type, num_children, converted_type, logical_type, duckdb_type'
  const rows = await files.ask(files.names, (list) =>
    database.rows(
      `SELECT file_name, md5(list(row(${facts}) ORDER BY column_id)::VARCHAR)
        FROM parquet_schema(${list}) GROUP BY 1`,
    ),
  )
  const kinds = new Map(rows.map(([name, kind]) => [plainName(name), kind]))
  const seen = new Set<unknown>()
  return files.names.filter((name) => {
    const isNew = !seen.has(kinds.get(name))
    seen.add(kinds.get(name))
    return isNew
  })
}

function plainName(name: unknown): string {
  return String(name).replace(/^\.\//, '')
}

function differences(
  expected: readonly SqlField[],
  columns: readonly SqlField[],
  first: string,
): readonly string[] {
  return expected.flatMap(({ name, type }) => {
    const column = columns.find((each) => each.name.toLowerCase() === name.toLowerCase())
    if (column === undefined) return [`there is no column "${name}", as there is in ${first}`]
    if (column.type.text === type.text) return []
    return [`column "${name}" is ${column.type.text}, and ${type.text} in ${first}`]
  })
}
