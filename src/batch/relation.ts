/**
 * Where a batch source's rows are, as SQL: what stands behind FROM, and where each row is from.
 *
 * Rows of files have a place that a person can look up: the file and the number of the row in it.
 * Rows of a query have none but their number in its answer.
 */
import type { Field } from '../model/types.ts'
import { brokenRowsMax } from '../base/batch-limits.ts'
import { sqlName, sqlText } from '../duckdb/database.ts'
import { sqlFiles } from './files.ts'

export interface Relation {
  /** What to run first, once. */
  readonly setUp: readonly string[]
  /** A query with the columns that there are. */
  readonly detected: string
  /** The rows with all that is wanted of them, and their places in `placeColumns`. */
  readonly placed: string
  /** How the values of its columns are written. */
  readonly form: CellForm
  /** The file whose columns these are, where others have the same; null where there is none. */
  readonly file: string | null
}

/**
 * `typed`: as the column's type says. `json`: each cell is JSON, so that one wrong value does not
 * change the type of all others.
 */
export type CellForm = 'typed' | 'json'

/** Number of the file, from 0, and of the row, from 1: see `places.ts`. */
export const placeColumns = { file: 'millrace file', row: 'millrace row' } as const

const fileAs = `AS ${sqlName(placeColumns.file)}`
const rowAs = `AS ${sqlName(placeColumns.row)}`
/** Rows in the order of the files, which no condition on what comes out changes. */
const numbered = `(row_number() OVER ())::BIGINT ${rowAs}`

/** Rows of Parquet files that have the same columns. */
export function parquetRelation(names: readonly string[], hivePartitions: boolean): Relation {
  const rows = parquetSql(sqlFiles(names), hivePartitions)
  // A condition on a folder leaves files out, and what is left is numbered afresh: so rows are
  // numbered before.
  const row = hivePartitions ? numbered : `(file_row_number + 1)::BIGINT ${rowAs}`
  const placed = `(SELECT *, file_index::BIGINT ${fileAs}, ${row} FROM ${rows})`
  return { setUp: [], detected: `SELECT * FROM ${rows}`, placed, form: 'typed', file: names[0]! }
}

/** The columns that are wanted, by where they are: a folder's stands for one in lines. */
export interface WantedColumns {
  readonly ofLines: readonly Field[]
  readonly ofFolders: readonly string[]
}

/** Some CSV files of one header. */
export interface CsvFiles {
  /** Place of the first of them. */
  readonly first: number
  readonly names: readonly string[]
  readonly header: readonly string[]
}

/**
 * Rows of CSV files: texts, to become what the schema says they are.
 *
 * @param columns  Each of the lines is in every header once.
 */
export function csvRelation(runs: readonly CsvFiles[], columns: WantedColumns): Relation {
  const { ofLines, ofFolders } = columns
  const rows = runs.map(({ first, names, header }) => {
    const wanted = ofLines.map((field) => {
      const place = header.findIndex((name) => name.toLowerCase() === field.name.toLowerCase())
      const cell = sqlName(csvColumn(place))
      // Where all is in quotes, so is what is not there.
      const value = field.type.kind === 'String' ? cell : `nullif(${cell}, '')`
      return `${value} AS ${sqlName(field.name)}`
    })
    const all = [...wanted, ...ofFolders.map(sqlName)].join(', ')
    const list = sqlFiles(names)
    return `SELECT ${all}, (${first} + file_index)::BIGINT ${fileAs}, ${numbered}
      FROM ${csvSql({ list, header, rejects: 'left out', hivePartitions: ofFolders.length > 0 })}`
  })
  const all = rows.join(' UNION ALL ')
  return { setUp: [], detected: all, placed: `(${all})`, form: 'typed', file: runs[0]!.names[0]! }
}

/**
 * Rows of files of JSON lines, with the cells as they are written.
 *
 * @param broken  Numbers of the rows that are none, by which rows are numbered over all files.
 */
export function ndjsonRelation(
  names: readonly string[],
  columns: WantedColumns,
  broken: readonly number[],
): Relation {
  const { ofLines, ofFolders } = columns
  const lines = (broken.length === 0 ? readLines : readLinesAlone)(names, columns)
  const wanted = [
    ...ofLines.map(({ name }) => sqlName(name)),
    ...ofFolders.map((name) => `to_json(${sqlName(name)}) AS ${sqlName(name)}`),
  ]
  const left = broken.length === 0 ? '' : `WHERE ${rowName} NOT IN (${broken.join(', ')})`
  const placed = `(SELECT * FROM (
    SELECT ${wanted.join(', ')}, file_index::BIGINT ${fileAs}, ${numbered} FROM ${lines}) ${left})`
  return { setUp: [], detected: `SELECT * FROM ${placed}`, placed, form: 'json', file: null }
}

/** The fast way, for lines that are all objects. */
function readLines(names: readonly string[], { ofLines, ofFolders }: WantedColumns): string {
  const types = ofLines.map(({ name }) => `${sqlName(name)}: 'JSON'`).join(', ')
  return `read_json(${sqlFiles(names)}, ${ndjson}, records = true, ignore_errors = true,
    columns = {${types}}${hiveSql(ofFolders.length > 0)})`
}

/** Each line by itself: on the fast way, DuckDB 1.5 loses the one behind one that breaks off. */
function readLinesAlone(names: readonly string[], { ofLines, ofFolders }: WantedColumns): string {
  const types = JSON.stringify(Object.fromEntries(ofLines.map(({ name }) => [name, 'JSON'])))
  const cells = ofLines.map(({ name }) => `cells.${sqlName(name)}`)
  const others = ['file_index', ...ofFolders.map(sqlName)]
  return `(SELECT ${[...cells, ...others].join(', ')} FROM (
    SELECT json_transform(json, ${sqlText(types)}) AS cells, ${others.join(', ')}
    FROM ${jsonLinesSql(sqlFiles(names), ofFolders.length > 0)}))`
}

/** Rows of files that we have written, with the columns that they are read by. */
export function writtenRelation(...files: readonly string[]): Relation {
  const rows = `read_parquet([${files.map(sqlText).join(', ')}], hive_partitioning = false)`
  return { setUp: [], detected: `SELECT * FROM ${rows}`, placed: rows, form: 'typed', file: null }
}

/** Rows of a query. */
export function queryRelation(setUp: readonly string[], sql: string): Relation {
  const placed = `(SELECT *, 0::BIGINT ${fileAs}, row_number() OVER () ${rowAs}
    FROM (${sql}\n))`
  return { setUp, detected: sql, placed, form: 'typed', file: null }
}

const rowName = sqlName(placeColumns.row)

/** @param list  Files as SQL takes them, like all below. */
export function parquetSql(list: string, hivePartitions: boolean): string {
  return `read_parquet(${list}, hive_partitioning = ${hivePartitions}, hive_types_autocast = false)`
}

/** All values of CSV files as text, `""` as an empty one, in columns named by their places. */
export function csvSql(reading: {
  readonly list: string
  readonly header: readonly string[]
  /** What becomes of broken rows; those that are kept are in `reject_errors`. */
  readonly rejects: 'left out' | 'kept'
  readonly hivePartitions?: boolean
}): string {
  const { list, header, rejects, hivePartitions = false } = reading
  const columns = header.map((_, place) => `${sqlName(csvColumn(place))}: 'VARCHAR'`).join(', ')
  // With ignore_errors alone, DuckDB 1.5 leaves out good rows behind a quote that is not closed.
  const rejectsMax = rejects === 'kept' ? brokenRowsMax + 1 : 1
  return `read_csv(${list}, auto_detect = false, header = true, columns = {${columns}},
    ${csvFormat}, allow_quoted_nulls = false, store_rejects = true,
    rejects_limit = ${rejectsMax}${hiveSql(hivePartitions)})`
}

/** Commas between values, and quotes around what needs them. */
export const csvFormat = `delim = ',', quote = '"', escape = '"'`

/** The lines of files, each in the column `line`, but those that are not in UTF-8 or too long. */
export function linesSql(list: string): string {
  return `read_csv(${list}, auto_detect = false, header = false, columns = {line: 'VARCHAR'},
    delim = '\u0001', quote = '', escape = '', store_rejects = true, rejects_limit = 1)`
}

/** The lines of files of JSON lines that are not empty, in the column `json`; null for no JSON. */
export function jsonLinesSql(list: string, hivePartitions = false): string {
  return `read_ndjson_objects(${list}, ignore_errors = true${hiveSql(hivePartitions)})`
}

/** That a file has a JSON value a line. */
export const ndjson = `format = 'newline_delimited'`

export function hiveSql(hivePartitions: boolean): string {
  return hivePartitions ? ', hive_partitioning = true, hive_types_autocast = false' : ''
}

function csvColumn(place: number): string {
  return `millrace ${place}`
}
