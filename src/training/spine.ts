/**
 * The spine of a training set: a file of which each row is a question, whose answer is added to it.
 *
 * It has a column for each join key of the service, and one with a moment; all others are kept as
 * they are. A row that is no question makes the whole file unusable: as many rows come out as went
 * in.
 */
import { MillraceError } from '../base/errors.ts'
import { eventTimeMsMax, eventTimeMsMin, keyBytesMax } from '../base/limits.ts'
import { keySql, planColumns, timeSql } from '../batch/columns.ts'
import { sqlName, sqlText, type Database } from '../duckdb/database.ts'
import type { SqlField } from '../duckdb/sql-type.ts'
import type { Field } from '../model/types.ts'
import { formatOf, type TableFormat } from './formats.ts'

/** Number of a row, from 0. */
export const spineRow = 'millrace_row'

export interface Spine {
  /** The rows, each with its number in `millrace_row`, as a table of SQL. */
  readonly table: string
  readonly columns: readonly string[]
  readonly timeColumn: string
  readonly rows: number
}

export interface SpineOptions {
  readonly file: string
  /** Null: the only column with times. */
  readonly timeColumn: string | null
  readonly joinKeys: readonly Field[]
  /** Of what is made of it. */
  readonly outFormat: TableFormat
}

/**
 * Checks a spine, and fills the table `spine` of the database: `spine_row`, `time_ns` and `k0`, …
 * for the join keys.
 *
 * @throws {@link MillraceError} `SPINE_INVALID` with every column that does not fit, or the first
 *   row that is no question; `QUERY_FAILED` when the file cannot be read.
 */
export async function openSpine(database: Database, options: SpineOptions): Promise<Spine> {
  const { file, joinKeys } = options
  const found = await database.columnsOf(`SELECT * FROM ${readFunction(options, [])}`)
  const timeColumn = options.timeColumn ?? theTimeColumn(file, found, joinKeys)
  const timeField: Field = { name: timeColumn, type: { kind: 'Timestamp', nullable: false } }
  const { problems } = planColumns([...joinKeys, timeField], found, 'typed')
  if (problems.length > 0) throw spineInvalid(file, problems.join('; '))
  const read = readFunction(options, found)
  const columns = await database.columnsOf(`SELECT * FROM ${read}`)
  const table = `(SELECT *, row_number() OVER () - 1 AS ${spineRow} FROM ${read})`
  const keys = joinKeys.map((key, n) => `${keySql(key, 'typed')} AS k${n}`)
  const time = timeSql(timeField, columns, 'typed')
  await database.run(
    `CREATE TABLE spine AS
      SELECT ${spineRow} AS spine_row, ${[`${time} AS time_ns`, ...keys].join(', ')} FROM ${table}`,
  )
  await checkRows(database, options, timeColumn)
  const [[rows]] = (await database.rows('SELECT count(*) FROM spine')) as [[bigint]]
  return { table, columns: columns.map(({ name }) => name), timeColumn, rows: Number(rows) }
}

function theTimeColumn(
  file: string,
  columns: readonly SqlField[],
  joinKeys: readonly Field[],
): string {
  const times = columns.filter(({ name, type }) => {
    return /^(?:TIMESTAMP|DATE)/.test(type.text) && joinKeys.every((key) => key.name !== name)
  })
  if (times.length === 1) return times[0]!.name
  const names = times.map(({ name }) => name).join(', ')
  const which = times.length === 0 ? 'none of its columns has times' : `times are in ${names}`
  throw spineInvalid(file, `${which}; name the column of the moment`)
}

/** @param columns  Those that there are, once they are known: text that is a key stays text. */
function readFunction(
  { file, joinKeys, outFormat }: SpineOptions,
  columns: readonly SqlField[],
): string {
  const name = sqlText(file)
  switch (formatOf(file, 'spine')) {
    case 'parquet':
      return `read_parquet(${name})`
    case 'csv': {
      // What goes from text to text is not changed on the way.
      if (outFormat === 'csv' && columns.length > 0) {
        return `read_csv(${name}, header = true, all_varchar = true)`
      }
      const texts = joinKeys
        .filter(({ type }) => type.kind === 'String')
        .map((key) => columns.find((each) => each.name.toLowerCase() === key.name.toLowerCase()))
        .flatMap((column) => (column === undefined ? [] : [`${sqlText(column.name)}: 'VARCHAR'`]))
      const types = texts.length === 0 ? '' : `, types = {${texts.join(', ')}}`
      return `read_csv(${name}, header = true, sample_size = -1${types})`
    }
    case 'ndjson':
      return `read_json(${name}, format = 'newline_delimited', sample_size = -1)`
  }
}

async function checkRows(
  database: Database,
  { file, joinKeys }: SpineOptions,
  timeColumn: string,
): Promise<void> {
  const isTime = `time_ns BETWEEN ${eventTimeMsMin}000000 AND ${eventTimeMsMax}000000`
  const checks = [
    { is: `coalesce(${isTime}, false)`, column: timeColumn, what: 'is no time from 1900 to 2200' },
    ...joinKeys.map(({ name }, n) => ({
      is: `k${n} IS NOT NULL AND k${n}::VARCHAR <> ''`,
      column: name,
      what: 'is no join key',
    })),
  ]
  for (const { is, column, what } of checks) {
    const [first] = await database.rows(`SELECT min(spine_row) FROM spine WHERE NOT (${is})`)
    const row = first![0] as bigint | null
    if (row !== null) throw spineInvalid(file, `${sqlName(column)} of row ${row + 1n} ${what}`)
  }
  const bytes = joinKeys.map(({ type }, n) => (type.kind === 'String' ? `2 + strlen(k${n})` : `8`))
  const [first] = await database.rows(
    `SELECT min(spine_row) FROM spine WHERE ${bytes.join(' + ')} > ${keyBytesMax}`,
  )
  const row = first![0] as bigint | null
  if (row !== null) {
    throw spineInvalid(file, `the key of row ${row + 1n} has more than ${keyBytesMax} bytes`)
  }
}

/** Whether the columns `k0`, … have no more bytes than a key. */
export function hasKeyBytes(joinKeys: readonly Field[]): string {
  const bytes = joinKeys.map(({ type }, n) => (type.kind === 'String' ? `2 + strlen(k${n})` : '8'))
  return `(${bytes.join(' + ')} <= ${keyBytesMax})`
}

export function spineInvalid(file: string, reason: string): MillraceError {
  return new MillraceError('SPINE_INVALID', { file, reason })
}
