/**
 * How the file of a spine is read: so that nothing is guessed of what is asked.
 *
 * Text has no types, and DuckDB finds some: that is well for a column that is only kept, and goes
 * to a Parquet file. But a moment has nanoseconds, a day may be a month, a line that looks like a
 * comment is a row, and a key is what is written: there, text stays text. Where text
 * is made of text of its kind, all of it does.
 */
import { sqlName, sqlText, type Database } from '../duckdb/database.ts'
import type { SqlField, SqlType } from '../duckdb/sql-type.ts'
import type { Field } from '../model/types.ts'
import { formatOf, type TableFormat } from './formats.ts'
import { requestTypes } from './request-types.ts'
import { plainName } from './spine-error.ts'

export interface SpineFileOptions {
  readonly file: string
  /** What of it is asked, beside the moment. */
  readonly fields: readonly Field[]
  /** Of what is made of it. */
  readonly outFormat: TableFormat
}

export interface SpineFile {
  /** The columns, of the types that DuckDB finds. */
  readonly found: readonly SqlField[]
  /** A name that two columns have, but for upper and lower case; null for none. */
  readonly twice: string | null
  /** @param time  The column of the moment; null for none. */
  readonly rowsBy: (time: string | null) => SpineRows
}

/** The rows of the file in its order, as tables of SQL. */
export interface SpineRows {
  /** What is asked: moments, join keys and request data. */
  readonly asked: string
  /** What is written. */
  readonly kept: string
}

/** @throws {@link MillraceError} `QUERY_FAILED` when the file cannot be read. */
export async function openSpineFile(
  database: Database,
  options: SpineFileOptions,
): Promise<SpineFile> {
  const file = sqlText(plainName(options.file))
  switch (formatOf(options.file, 'spine')) {
    case 'parquet':
      return openParquet(database, file)
    case 'csv':
      return openCsv(database, file, options)
    case 'ndjson':
      return openNdjson(database, file, options)
  }
}

async function openParquet(database: Database, file: string): Promise<SpineFile> {
  const read = `read_parquet(${file}, hive_partitioning = false)`
  const found = await database.columnsOf(`SELECT * FROM ${read}`)
  const names = await textsOf(database, `SELECT name FROM parquet_schema(${file})`)
  // The second of two columns of a name gets another one.
  const renamed = found.find(({ name }) => !names.includes(name))
  const twice = renamed?.name.replace(/_\d+$/, '') ?? null
  return { found, twice, rowsBy: () => ({ asked: read, kept: read }) }
}

/** As batch sources have it; a line that is no row makes the file unusable. */
const csvDialect = `delim = ',', quote = '"', escape = '"', comment = '', skip = 0,
  hive_partitioning = false`

async function openCsv(
  database: Database,
  file: string,
  { fields, outFormat }: SpineFileOptions,
): Promise<SpineFile> {
  const detected = `${file}, header = true, sample_size = -1, ${csvDialect}`
  const found = await database.columnsOf(`SELECT * FROM read_csv(${detected})`)
  const read = (header: boolean, typeOf: (column: SqlField) => string, more = ''): string =>
    `read_csv(${file}, header = ${header}, auto_detect = false, ${csvDialect},
      columns = ${declared(found, typeOf)}${more})`
  const names = await textsOf(database, `FROM ${read(false, () => text)} LIMIT 1`)
  const formats = await textsOf(
    database,
    `SELECT DateFormat, TimestampFormat FROM sniff_csv(${detected})`,
  )
  const isGuess = formats.some((format) => !format.startsWith('%Y-%m-%d'))
  const rowsBy = (time: string | null): SpineRows => {
    const asked = read(true, ({ name, type }) => {
      const isText = isTextOf(fields, name) || (isTime(type) && (name === time || isGuess))
      return isText ? text : type.text
    })
    if (outFormat !== 'csv') return { asked, kept: withMoment(asked, found, time) }
    return { asked, kept: read(true, () => text, ', allow_quoted_nulls = false') }
  }
  return { found, twice: twiceOf(names), rowsBy }
}

async function openNdjson(
  database: Database,
  file: string,
  { fields, outFormat }: SpineFileOptions,
): Promise<SpineFile> {
  const lines = `${file}, format = 'newline_delimited', hive_partitioning = false`
  const detected = `read_json(${lines}, sample_size = -1)`
  const columns = await database.columnsOf(`SELECT * FROM ${detected}`)
  const types = await requestTypes(database, detected, fields)
  const found = columns.map(({ name, type }): SqlField => {
    // A text that looks like one may be written in another way.
    const isId = type.kind === 'scalar' && type.name === 'UUID'
    return { name, type: isId ? { kind: 'scalar', name: text, text } : type }
  })
  const names = `SELECT DISTINCT unnest(json_keys(json)) FROM read_ndjson_objects(${file})`
  const read = (typeOf: (column: SqlField) => string): string =>
    `read_json(${lines}, columns = ${declared(found, typeOf)})`
  const rowsBy = (time: string | null): SpineRows => {
    const asked = read(({ name, type }) => {
      const isText = isTime(type) && (name === time || isTextOf(fields, name))
      return isText ? text : (types?.get(name) ?? type.text)
    })
    const isSame = outFormat === 'ndjson'
    return { asked, kept: isSame ? read(() => 'JSON') : withMoment(asked, found, time) }
  }
  return { found, twice: twiceOf(await textsOf(database, names)), rowsBy }
}

const text = 'VARCHAR'

/** Whether a column has times, by its type. */
export function isTime(type: SqlType): boolean {
  return /^(?:TIMESTAMP|DATE)/.test(type.text)
}

function isTextOf(fields: readonly Field[], column: string): boolean {
  return fields.some(({ name, type }) => {
    return type.kind === 'String' && name.toLowerCase() === column.toLowerCase()
  })
}

function declared(columns: readonly SqlField[], typeOf: (column: SqlField) => string): string {
  const types = columns.map((column) => `${sqlText(column.name)}: ${sqlText(typeOf(column))}`)
  return `{${types.join(', ')}}`
}

/** Rows whose moments have been text, and are none any more. */
function withMoment(rows: string, found: readonly SqlField[], time: string | null): string {
  const moment = found.find(({ name }) => name === time)
  if (moment === undefined || !(isTime(moment.type) || moment.type.text === text)) return rows
  const name = sqlName(moment.name)
  return `(SELECT * REPLACE (TRY_CAST(upper(${name}) AS TIMESTAMP_NS) AS ${name}) FROM ${rows})`
}

/** The texts of an answer, row by row; without what is null. */
async function textsOf(database: Database, sql: string): Promise<readonly string[]> {
  const rows = await database.rows(sql)
  return rows.flat().filter((value) => typeof value === 'string')
}

function twiceOf(names: readonly string[]): string | null {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name.toLowerCase())) return name
    seen.add(name.toLowerCase())
  }
  return null
}
