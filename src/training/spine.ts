/**
 * The spine of a training set: a file of which each row is a question, whose answer is added to it.
 *
 * It has a column for each join key of the service, and one with a moment; all others are kept as
 * they are. A row that is no question makes the whole file unusable: as many rows come out as went
 * in. One with a null in its key is a question, as it is of clients of other products: views with
 * that null in their key know nothing of it.
 */
import { MillraceError } from '../base/errors.ts'
import { eventTimeMsMax, eventTimeMsMin, keyBytesMax } from '../base/limits.ts'
import { keySql, planColumns, timeSql } from '../batch/columns.ts'
import { sqlName, type Database } from '../duckdb/database.ts'
import type { SqlField } from '../duckdb/sql-type.ts'
import type { Field } from '../model/types.ts'
import { formatOf, type TableFormat } from './formats.ts'
import { whyNoSpine } from './spine-error.ts'
import { isTime, openSpineFile, type SpineFile } from './spine-file.ts'

/** Number of a row, from 0. */
export const spineRow = 'millrace_row'

/** What names of our own columns begin with, in the files of answers, too. */
const ownPrefix = 'millrace_'

export interface Spine {
  /** The rows as they are written and as they are asked, each with its number in `millrace_row`. */
  readonly kept: string
  readonly asked: string
  readonly columns: readonly string[]
  /** Null where there are no rows, and no column that could only be it. */
  readonly timeColumn: string | null
  readonly rows: number
}

export interface SpineOptions {
  readonly file: string
  /** Null: the only column with times. */
  readonly timeColumn: string | null
  readonly joinKeys: readonly Field[]
  readonly requestFields: readonly Field[]
  /** Of what is made of it. */
  readonly outFormat: TableFormat
}

/**
 * Checks a spine, and fills the table `spine` of the database: `spine_row`, `time_ns` and `k0`, …
 * for the join keys, which may be null.
 *
 * @throws {@link MillraceError} `SPINE_INVALID` with every column that does not fit, or the first
 *   row that is no question or cannot be read.
 */
export async function openSpine(database: Database, options: SpineOptions): Promise<Spine> {
  try {
    return await readSpine(database, options)
  } catch (thrown) {
    if (!(thrown instanceof MillraceError) || thrown.code !== 'QUERY_FAILED') throw thrown
    const { file } = options
    throw spineInvalid(file, await whyNoSpine(database, file, thrown), thrown)
  }
}

async function readSpine(database: Database, options: SpineOptions): Promise<Spine> {
  const { file, joinKeys, requestFields, outFormat } = options
  const fields = [...joinKeys, ...requestFields]
  const opened = await openSpineFile(database, { file, fields, outFormat })
  checkNames(file, opened)
  const timeColumn = await timeColumnOf(database, options, opened)
  const timeField: Field = { name: timeColumn ?? '', type: { kind: 'Timestamp', nullable: false } }
  const asked = timeColumn === null ? joinKeys : [...joinKeys, timeField]
  const { problems } = planColumns(asked, opened.found, 'typed')
  if (problems.length > 0) throw spineInvalid(file, problems.join('; '))
  const rowsOf = opened.rowsBy(timeColumn)
  const columns = await database.columnsOf(`SELECT * FROM ${rowsOf.asked}`)
  const keys = joinKeys.flatMap((key, n) => [
    `${keySql(key, 'typed')} AS k${n}`,
    `${sqlName(key.name)} IS NULL OR ${isSameKey(key, columns)} AS is_k${n}`,
  ])
  const time = timeColumn === null ? 'NULL::BIGINT' : timeSql(timeField, columns, 'typed')
  await database.run(
    `CREATE TABLE spine AS
      SELECT ${[`${spineRow} AS spine_row`, `${time} AS time_ns`, ...keys].join(', ')}
      FROM ${numbered(rowsOf.asked)}`,
  )
  await checkRows(database, options, timeColumn)
  const [[rows]] = (await database.rows('SELECT count(*) FROM spine')) as [[bigint]]
  return {
    kept: numbered(rowsOf.kept),
    asked: numbered(rowsOf.asked),
    columns: columns.map(({ name }) => name),
    timeColumn,
    rows: Number(rows),
  }
}

function numbered(rows: string): string {
  return `(SELECT *, row_number() OVER () - 1 AS ${spineRow} FROM ${rows})`
}

function checkNames(file: string, { found, twice }: SpineFile): void {
  if (twice !== null) {
    throw spineInvalid(file, `two of its columns are named "${twice}", upper case or lower`)
  }
  const ours = found.find(({ name }) => name.toLowerCase().startsWith(ownPrefix))
  if (ours === undefined) return
  const why = `names that begin with ${ownPrefix} are not free`
  throw spineInvalid(file, `it has a column "${ours.name}", and ${why}`)
}

/** The column of the moment, as the file spells it. */
async function timeColumnOf(
  database: Database,
  { file, timeColumn, joinKeys, requestFields }: SpineOptions,
  { found, rowsBy }: SpineFile,
): Promise<string | null> {
  if (timeColumn !== null) {
    const named = found.find(({ name }) => name.toLowerCase() === timeColumn.toLowerCase())
    return named?.name ?? timeColumn
  }
  // What looks like a time may be something else to the service, such as `"Infinity"`.
  const known = [...joinKeys, ...requestFields.filter(({ type }) => type.kind !== 'Timestamp')]
  const others = found.filter(({ name }) => {
    return known.every((field) => field.name.toLowerCase() !== name.toLowerCase())
  })
  const typed = others.filter(({ type }) => isTime(type))
  // A text in a file that has types is one; in others it may be a time with nanoseconds.
  const isText = typed.length === 0 || formatOf(file, 'spine') !== 'parquet'
  const texts = others.filter(({ type }) => isText && type.text === 'VARCHAR')
  const { rows, likely } = await likelyTimes(database, texts, rowsBy(null).asked)
  const times = [...typed, ...likely].map(({ name }) => name)
  if (times.length === 1) return times[0]!
  if (times.length === 0 && rows === 0) return null
  const which =
    times.length === 0 ? 'none of its columns has times' : `times are in ${times.join(', ')}`
  throw spineInvalid(file, `${which}; name the column of the moment`)
}

/** Columns of text whose values are times for the greater part: which are none is to be told. */
async function likelyTimes(
  database: Database,
  texts: readonly SqlField[],
  rows: string,
): Promise<{ readonly rows: number; readonly likely: readonly SqlField[] }> {
  const counts = texts.flatMap(({ name }) => {
    const value = sqlName(name)
    return [`count(TRY_CAST(upper(${value}) AS TIMESTAMP_NS))`, `count(${value})`]
  })
  const [row] = await database.rows(`SELECT ${['count(*)', ...counts].join(', ')} FROM ${rows}`)
  const [all, ...found] = row!.map(Number)
  const likely = texts.filter((_, n) => {
    const [times, values] = [found[2 * n]!, found[2 * n + 1]!]
    return times > 0 && 2 * times >= values
  })
  return { rows: all!, likely }
}

/** Whether what a column has is the key that it is taken for, as SQL: 1.5 is not 2. */
function isSameKey(key: Field, columns: readonly SqlField[]): string {
  const name = sqlName(key.name)
  const value = keySql(key, 'typed')
  const { type } = columns.find((each) => each.name.toLowerCase() === key.name.toLowerCase())!
  const same: string[] = [`${value} IS NOT NULL`]
  const isText = type.text === 'VARCHAR'
  switch (key.type.kind) {
    case 'String':
      same.push(`${value} <> ''`)
      break
    case 'Bool':
      if (isText) same.push(`lower(${name}) IN ('true', 'false')`)
      break
    default:
      if (isText) same.push(`regexp_full_match(${name}, '-?[0-9]+')`)
      if (/^(?:FLOAT|DOUBLE)$/.test(type.text)) {
        same.push(`${value} = ${name}`, `abs(${name}) <= ${Number.MAX_SAFE_INTEGER}`)
      }
      if (key.type.kind === 'Int32') same.push(`${value} BETWEEN -${2 ** 31} AND ${2 ** 31 - 1}`)
  }
  return `coalesce(${same.join(' AND ')}, false)`
}

async function checkRows(
  database: Database,
  { file, joinKeys }: SpineOptions,
  timeColumn: string | null,
): Promise<void> {
  const isTime = `time_ns BETWEEN ${eventTimeMsMin}000000 AND ${eventTimeMsMax}000000`
  const ofTime = {
    is: `coalesce(${isTime}, false)`,
    whatOf: (row: bigint) => `${sqlName(timeColumn!)} of row ${row} is no time from 1900 to 2200`,
  }
  const checks = [
    ofTime,
    ...joinKeys.map(({ name }, n) => ({
      is: `is_k${n}`,
      whatOf: (row: bigint) => `${sqlName(name)} of row ${row} is no join key`,
    })),
    {
      is: `coalesce(${hasKeyBytes(joinKeys)}, true)`,
      whatOf: (row: bigint) => `the key of row ${row} has more than ${keyBytesMax} bytes`,
    },
  ]
  for (const { is, whatOf } of checks) {
    const [first] = await database.rows(`SELECT min(spine_row) FROM spine WHERE NOT (${is})`)
    const row = first![0] as bigint | null
    if (row !== null) throw spineInvalid(file, whatOf(row + 1n))
  }
}

/** Whether the columns `k0`, … have no more bytes than a key; null where one of them is. */
export function hasKeyBytes(joinKeys: readonly Field[]): string {
  const bytes = joinKeys.map(({ type }, n) => {
    if (type.kind === 'String') return `2 + strlen(k${n})`
    return type.kind === 'Bool' ? '1' : '8'
  })
  return `(${bytes.join(' + ')} <= ${keyBytesMax})`
}

export function spineInvalid(file: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('SPINE_INVALID', { file, reason }, { cause })
}
