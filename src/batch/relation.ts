/**
 * Where a batch source's rows are, as SQL: what stands behind FROM, and where each row is from.
 *
 * Rows of files have a place that a person can look up: the file and the number of the row in it.
 * Rows of a query have none but their number in its answer.
 */
import type { Batch, BatchFrom } from '../model/catalog.ts'
import type { Field } from '../model/types.ts'
import { sqlName, sqlText } from '../duckdb/database.ts'

export interface Relation {
  /** What to run first, once. */
  readonly setUp: readonly string[]
  /** A table with the columns that there are. */
  readonly detected: string
  /** The rows with all that is wanted of them, and their places in `placeColumns`. */
  readonly placed: string
  /** How the values of its columns are written. */
  readonly form: CellForm
  /** A query for the file, the line and the reason of what is no row, behind one for rows. */
  readonly brokenLines: string | null
  /** Whether `placed` has the names of the files, in `filename`. */
  readonly isOfFiles: boolean
}

/**
 * `typed`: as the column's type says. `json`: each cell is JSON, so that one wrong value does not
 * change the type of all others.
 */
export type CellForm = 'typed' | 'json'

/** Number of the file, and of the row: of all rows, from 1. */
export const placeColumns = { file: 'millrace file', row: 'millrace row' } as const

const fileAs = `AS ${sqlName(placeColumns.file)}`
const rowAs = `AS ${sqlName(placeColumns.row)}`

/** @param fields  The columns that are wanted; for NDJSON, they are looked for in every line. */
export function relationOf({ from, query }: Batch, fields: readonly Field[]): Relation {
  if (from.kind === 'query') return queryRelation([], from.sql)
  if (query !== null) {
    const view = `CREATE VIEW batch AS SELECT * FROM ${readFunction(from, 'detected', fields)}`
    return queryRelation([view], query)
  }
  const rows = readFunction(from, 'declared', fields)
  const row = from.kind === 'parquet' ? 'file_row_number + 1' : 'row_number() OVER ()'
  return {
    setUp: [],
    // Where each cell is read by itself, a column that is not there would be full of nulls.
    detected: from.kind === 'ndjson' ? readFunction(from, 'detected', fields) : rows,
    placed: `(SELECT *, file_index::BIGINT ${fileAs}, (${row})::BIGINT ${rowAs}, filename
      FROM ${rows})`,
    form: from.kind === 'ndjson' ? 'json' : 'typed',
    brokenLines: from.kind === 'csv' ? brokenCsvLines : null,
    isOfFiles: true,
  }
}

/** Rows of files that we have written, with the columns that they are read by. */
export function writtenRelation(...files: readonly string[]): Relation {
  const rows = `read_parquet([${files.map(sqlText).join(', ')}], hive_partitioning = false)`
  return {
    setUp: [],
    detected: rows,
    placed: rows,
    form: 'typed',
    brokenLines: null,
    isOfFiles: false,
  }
}

function queryRelation(setUp: readonly string[], sql: string): Relation {
  const numbered = `(SELECT *, 0::BIGINT ${fileAs}, row_number() OVER () ${rowAs} FROM (${sql}))`
  return {
    setUp,
    detected: `(${sql})`,
    placed: numbered,
    form: 'typed',
    brokenLines: null,
    isOfFiles: false,
  }
}

/**
 * `detected`: with the types that DuckDB finds. `declared`: values of text files are left as they
 * are written, and become what the schema says they are.
 */
function readFunction(
  { kind, files, hivePartitions }: Exclude<BatchFrom, { kind: 'query' }>,
  types: 'detected' | 'declared',
  fields: readonly Field[],
): string {
  const list = `[${files.map(sqlText).join(', ')}]`
  const hive = hivePartitions ? ', hive_partitioning = true, hive_types_autocast = false' : ''
  const isDeclared = types === 'declared'
  switch (kind) {
    case 'parquet':
      return `read_parquet(${list}${hive})`
    case 'csv':
      return `read_csv(${list}, header = true${isDeclared ? `, ${declaredCsv}` : ''}${hive})`
    case 'ndjson': {
      const columns = fields.map(({ name }) => `${sqlName(name)}: 'JSON'`).join(', ')
      const declared = isDeclared ? `, columns = {${columns}}` : ''
      const format = `format = 'newline_delimited', ignore_errors = true`
      return `read_json(${list}, ${format}${declared}${hive})`
    }
  }
}

/** Lines that are no rows are kept apart, in the tables `reject_scans` and `reject_errors`. */
const declaredCsv = `all_varchar = true, store_rejects = true, delim = ',', quote = '"',
  escape = '"'`

const brokenCsvLines = `SELECT file_path, line::BIGINT, min(lower(error_type::VARCHAR))
  FROM reject_errors JOIN reject_scans USING (scan_id, file_id) GROUP BY ALL ORDER BY ALL`
