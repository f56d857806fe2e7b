/**
 * Which columns of files and queries become which fields: the one table of it.
 *
 * A column is asked of DuckDB in a form that is exact and cheap to read, and handed on as the value
 * that a producer would have sent; whether that is a value of the field is for the same check.
 *
 * | field     | columns of type                                                        |
 * | --------- | ---------------------------------------------------------------------- |
 * | Int64     | integers, DECIMAL(n, 0), floats without a fraction, text in decimals   |
 * | Int32     | the same                                                               |
 * | Float64   | floats, DECIMAL (rounded), integers up to BIGINT that are exact, text  |
 * | Float32   | the same                                                               |
 * | String    | text, ENUM, UUID                                                       |
 * | Bool      | BOOLEAN, the text true or false                                        |
 * | Timestamp | any TIMESTAMP, DATE, integers up to BIGINT of milliseconds, text       |
 * | Array     | lists and arrays of what its element takes                             |
 * | Struct    | structs with at least its fields                                       |
 * | Map       | maps with text as keys, structs                                        |
 *
 * Text stands for other types where the files have nothing but text: in CSV. A cell of NDJSON is
 * what a producer sends as JSON.
 */
import type { SqlField, SqlType } from '../duckdb/sql-type.ts'
import { sqlName } from '../duckdb/database.ts'
import type { DataType, Field } from '../model/types.ts'
import { nestedWriter, writers, type WriteCell } from './cells.ts'
import { encodeName, type EncodedName } from './event-writer.ts'
import type { CellForm } from './relation.ts'

/** How one field is read. */
export interface ColumnPlan {
  /** Of the field. */
  readonly name: EncodedName
  /** What is asked of DuckDB, each a column. */
  readonly sql: readonly string[]
  readonly write: WriteCell
}

/** Integers that a BIGINT holds, whatever they are. */
const narrowInts = 'TINYINT SMALLINT INTEGER BIGINT UTINYINT USMALLINT UINTEGER'.split(' ')
const wideInts = 'UBIGINT HUGEINT UHUGEINT'.split(' ')
const floats = ['FLOAT', 'DOUBLE']
const texts = ['VARCHAR', 'ENUM', 'UUID']
const microTimes = [
  ...'TIMESTAMP TIMESTAMP_S TIMESTAMP_MS DATE'.split(' '),
  'TIMESTAMP WITH TIME ZONE',
]

/** Plans the fields of a schema, or says of each what is wrong. */
export function planColumns(
  fields: readonly Field[],
  columns: readonly SqlField[],
  form: CellForm,
): { readonly plans: readonly ColumnPlan[]; readonly problems: readonly string[] } {
  const problems: string[] = []
  const plans: ColumnPlan[] = []
  for (const { name, type } of fields) {
    const named = columns.filter((each) => each.name.toLowerCase() === name.toLowerCase())
    const [column] = named
    if (column === undefined || named.length > 1) {
      const what = column === undefined ? 'no' : 'more than one'
      problems.push(`there is ${what} column "${name}"`)
      continue
    }
    const problem = form === 'json' ? null : mismatch(type, column.type)
    if (problem !== null) problems.push(`column "${name}" is ${problem}`)
    else plans.push(form === 'json' ? jsonPlan(name, type) : planColumn(name, type, column.type))
  }
  return { plans, problems }
}

/**
 * The event time of a row in nanoseconds, as SQL: null where it has none that can be told before it
 * is checked.
 */
export function timeSql(field: Field, columns: readonly SqlField[], form: CellForm): string {
  const name = sqlName(field.name)
  if (form === 'json') {
    const text = `(${name} ->> '$')`
    const ms = `TRY_CAST(${text} AS BIGINT)`
    return `CASE json_type(${name}) WHEN 'VARCHAR' THEN ${textNs(text)} ELSE ${msNs(ms)} END`
  }
  const type = columns.find((each) => each.name.toLowerCase() === field.name.toLowerCase())!.type
  const scalar = scalarName(type)
  if (texts.includes(scalar)) return textNs(name)
  if (narrowInts.includes(scalar)) return msNs(`${name}::BIGINT`)
  if (scalar === 'TIMESTAMP_NS') return `epoch_ns(${name})`
  return `TRY(${microsOf(name, scalar)} * 1000)`
}

/** A cast of a TIMESTAMP WITH TIME ZONE would ask for the time zone of the machine. */
function microsOf(name: string, scalar: string): string {
  return scalar === 'DATE' ? `epoch_us(${name}::TIMESTAMP)` : `epoch_us(${name})`
}

/** A join key as text, a number or a boolean, in which equal keys are equal. */
export function keySql({ name, type }: Field, form: CellForm): string {
  const value = form === 'json' ? `(${sqlName(name)} ->> '$')` : sqlName(name)
  return `TRY_CAST(${value} AS ${keySqlType(type)})`
}

/** The type of a column of join keys. */
function keySqlType({ kind }: DataType): string {
  return kind === 'String' ? 'VARCHAR' : kind === 'Bool' ? 'BOOLEAN' : 'BIGINT'
}

const msNs = (ms: string): string => `TRY((${ms}) * 1000000)`
const textNs = (text: string): string => `epoch_ns(TRY_CAST(upper(${text}) AS TIMESTAMP_NS))`

function jsonPlan(name: string, { kind }: DataType): ColumnPlan {
  const write = writers[kind === 'Int64' ? 'jsonInt' : 'json']
  return { name: encodeName(name), sql: [`${sqlName(name)}::VARCHAR`], write }
}

function planColumn(name: string, type: DataType, column: SqlType): ColumnPlan {
  const quoted = sqlName(name)
  const scalar = scalarName(column)
  const encoded = encodeName(name)
  const plan = (write: WriteCell, ...sql: readonly string[]): ColumnPlan => {
    return { name: encoded, sql, write }
  }
  switch (type.kind) {
    case 'Int64':
    case 'Int32':
      if (narrowInts.includes(scalar)) return plan(writers.int, `${quoted}::BIGINT`)
      if (floats.includes(scalar)) return plan(writers.double, `${quoted}::DOUBLE`)
      return plan(writers.text, `${quoted}::VARCHAR`)
    case 'Float64':
    case 'Float32':
      if (narrowInts.includes(scalar)) return plan(writers.int, `${quoted}::BIGINT`)
      if (texts.includes(scalar)) return plan(writers.floatText, `${quoted}::VARCHAR`)
      return plan(writers.double, `${quoted}::DOUBLE`)
    case 'String':
      return plan(writers.text, `${quoted}::VARCHAR`)
    case 'Bool':
      if (texts.includes(scalar)) return plan(writers.flagText, `${quoted}::VARCHAR`)
      return plan(writers.flag, quoted)
    case 'Timestamp':
      if (narrowInts.includes(scalar)) return plan(writers.int, `${quoted}::BIGINT`)
      if (texts.includes(scalar))
        return plan(writers.timeText, `${quoted}::VARCHAR`, textNs(quoted))
      if (scalar === 'TIMESTAMP_NS') return plan(writers.nanos, `epoch_ns(${quoted})`)
      return plan(writers.micros, microsOf(quoted, scalar))
    case 'Array':
    case 'Struct':
    case 'Map':
      return plan(nestedWriter(type), quoted)
  }
}

/** What a column is that cannot be a field of the type, or null when it can. */
function mismatch(type: DataType, column: SqlType): string | null {
  const wrong = `${column.text}, which cannot be ${type.kind}`
  switch (type.kind) {
    case 'Array':
      if (column.kind !== 'list') return wrong
      return within(mismatch(type.element, column.element), 'an element')
    case 'Struct': {
      if (column.kind !== 'struct') return wrong
      // Values are found by their names, and not by DuckDB, to which upper case is lower case.
      const isThere = (name: string): boolean => column.fields.some((each) => each.name === name)
      const missing = type.fields.find(({ name, type }) => !type.nullable && !isThere(name))
      if (missing !== undefined) return `${column.text}, in which there is no "${missing.name}"`
      const { problems } = planColumns(
        type.fields.filter(({ name }) => isThere(name)),
        column.fields,
        'typed',
      )
      return problems.length === 0 ? null : `${column.text}, in which ${problems.join(' and ')}`
    }
    case 'Map':
      if (column.kind === 'struct') {
        return (
          column.fields
            .map((field) => mismatch(type.value, field.type))
            .find((each) => each !== null) ?? null
        )
      }
      if (column.kind !== 'map' || scalarName(column.key) !== 'VARCHAR') return wrong
      return within(mismatch(type.value, column.value), 'a value')
    default:
      return takes(type.kind, scalarName(column), column.text) ? null : wrong
  }
}

function within(problem: string | null, what: string): string | null {
  return problem === null ? null : `a list or map of which ${what} is ${problem}`
}

function takes(kind: DataType['kind'], scalar: string, text: string): boolean {
  if (scalar === 'NULL') return true
  switch (kind) {
    case 'Int64':
    case 'Int32':
      if (scalar === 'DECIMAL') return text.endsWith(',0)')
      return [...narrowInts, ...wideInts, ...floats, 'VARCHAR'].includes(scalar)
    case 'Float64':
    case 'Float32':
      return [...narrowInts, ...floats, 'DECIMAL', 'VARCHAR'].includes(scalar)
    case 'String':
      return texts.includes(scalar)
    case 'Bool':
      return ['BOOLEAN', 'VARCHAR'].includes(scalar)
    case 'Timestamp':
      return [...narrowInts, ...microTimes, 'TIMESTAMP_NS', 'VARCHAR'].includes(scalar)
    default:
      return false
  }
}

function scalarName(type: SqlType): string {
  return type.kind === 'scalar' ? type.name : ''
}
