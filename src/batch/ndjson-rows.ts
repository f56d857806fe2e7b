/**
 * Which lines of files of JSON lines are no rows, and which columns the others have.
 *
 * A row's number is that of its line, empty lines not counted. DuckDB would make a row of nulls of
 * what is no object, and take the first of two values of one name.
 */
import { brokenRowsMax } from '../base/batch-limits.ts'
import type { Database } from '../duckdb/database.ts'
import type { BrokenRow, CheckedRows } from './broken-rows.ts'
import type { BatchFiles } from './files.ts'
import { jsonLinesSql } from './relation.ts'

/** Lines in which a column has to be, if it is there at all. */
const sampledLines = 20_480

/** By what begins an object, behind white space. */
const isObject = `starts_with(ltrim(json::VARCHAR, ' ' || chr(9) || chr(13)), '{')`

const reasonSql = `CASE
  WHEN json IS NULL THEN 'it is no JSON'
  WHEN NOT ${isObject} THEN 'it is no JSON object'
  WHEN len(json_keys(json)) <> list_unique(json_keys(json)) THEN 'a name is in it twice'
  END`

/** @throws {@link MillraceError} `BATCH_FILE` where there are too many. */
export async function checkNdjsonRows(database: Database, files: BatchFiles): Promise<CheckedRows> {
  const broken: BrokenRow[] = []
  const counts: number[] = []
  for (const [file, name] of files.names.entries()) {
    const { count, found } = await files.ask([name], (list) => brokenLines(database, list))
    if (broken.length + found.length > brokenRowsMax) {
      throw files.error(name, `with it more than ${brokenRowsMax} lines are no rows`)
    }
    for (const each of found) broken.push({ file, ...each })
    counts.push(count)
  }
  return { broken, counts }
}

/** Names in the first lines; null where there is no object in them. */
export async function sampledNames(
  database: Database,
  files: BatchFiles,
): Promise<ReadonlySet<string> | null> {
  const rows = await files.ask(files.names, (list) =>
    database.rows(
      `SELECT DISTINCT unnest(json_keys(json))
        FROM (SELECT json FROM ${jsonLinesSql(list)} LIMIT ${sampledLines})
        WHERE json IS NOT NULL AND ${isObject}`,
    ),
  )
  return rows.length === 0 ? null : new Set(rows.map(([name]) => String(name)))
}

async function brokenLines(
  database: Database,
  list: string,
): Promise<{ readonly count: number; readonly found: readonly Omit<BrokenRow, 'file'>[] }> {
  const lines = `(SELECT row_number() OVER () AS row, ${reasonSql} AS reason
    FROM ${jsonLinesSql(list)})`
  const [answer] = await database.rows(
    `SELECT count(*), arg_min(row, row, ${brokenRowsMax + 1}) FILTER (reason IS NOT NULL),
      arg_min(reason, row, ${brokenRowsMax + 1}) FILTER (reason IS NOT NULL) FROM ${lines}`,
  )
  const [count, numbers, reasons] = answer as [bigint, readonly bigint[] | null, string[] | null]
  const found = (numbers ?? []).map((row, n) => ({ row: Number(row), reason: reasons![n]! }))
  return { count: Number(count), found }
}
