/**
 * One cell of a column → the value of an event's field, as a producer would have sent it.
 */
import { shortTextBytes, textCellBytes, textHeadBytes, type Cells } from '../duckdb/chunk.ts'
import type { DataType } from '../model/types.ts'
import type { EventWriter } from './event-writer.ts'

/** Writes the value of a row; `cells` are the columns that the field's plan asks for. */
export type WriteCell = (writer: EventWriter, cells: readonly Cells[], row: number) => void

const float = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i

/** As DuckDB and others write them in CSV; a column with a number in it has been read as such. */
const nonFinite = /^(?:(nan)|([+-]?)inf(?:inity)?)$/i

/** The number that a text of CSV is; null when it is none. */
function floatIn(text: string): number | null {
  if (float.test(text)) return Number(text)
  const [, nan, sign] = nonFinite.exec(text) ?? []
  if (nan !== undefined) return NaN
  return sign === undefined ? null : sign === '-' ? -Infinity : Infinity
}

export const writers = {
  int: (writer, [cells], row) => {
    if (cells!.isNull(row)) return writer.nil()
    const { words } = cells!
    writer.int(words[2 * row]!, words[2 * row + 1]!)
  },

  double: (writer, [cells], row) => {
    if (cells!.isNull(row)) writer.nil()
    else writer.double(cells!.doubles[row]!)
  },

  text: (writer, [cells], row) => {
    if (cells!.isNull(row)) return writer.nil()
    const { texts } = cells!
    const bytes = shortTextBytes(texts, row)
    if (bytes === -1) writer.text(cells!.get(row) as string)
    else writer.shortText(texts, row * textCellBytes + textHeadBytes, bytes)
  },

  /** What is no number goes on as it is, and is refused by its type. */
  floatText: (writer, [cells], row) => {
    const text = cells!.get(row) as string | null
    const number = text === null ? null : floatIn(text)
    if (number === null) writer.value(text)
    else writer.double(number)
  },

  flagText: (writer, [cells], row) => {
    const text = cells!.get(row) as string | null
    const isFlag = text !== null && /^(?:true|false)$/i.test(text)
    if (isFlag) writer.flag(text.length === 4)
    else writer.value(text)
  },

  micros: (writer, [cells], row) => {
    if (cells!.isNull(row)) return writer.nil()
    const { words } = cells!
    const micros = words[2 * row + 1]! * 0x1_0000_0000 + (words[2 * row]! >>> 0)
    const seconds = Math.floor(micros / 1_000_000)
    writer.instant(seconds, (micros - seconds * 1_000_000) * 1000)
  },

  nanos: (writer, [cells], row) => {
    if (cells!.isNull(row)) writer.nil()
    else writer.instantNs(cells!.get(row) as bigint)
  },

  /** What is no time goes on as it is, and the check says why. */
  timeText: (writer, [text, nanos], row) => {
    if (nanos!.isNull(row)) writer.value(text!.get(row))
    else writer.instantNs(nanos!.get(row) as bigint)
  },

  flag: (writer, [cells], row) => {
    writer.value(cells!.get(row))
  },

  json: (writer, [cells], row) => {
    writer.value(jsonValue(cells!.get(row) as string | null))
  },

  /** A whole number may be too large for a double. */
  jsonInt: (writer, [cells], row) => {
    const text = cells!.get(row) as string | null
    writer.value(text !== null && /^-?\d+$/.test(text) ? text : jsonValue(text))
  },
} as const satisfies Readonly<Record<string, WriteCell>>

/** What is JSON for DuckDB alone, such as NaN, is no number, and refused as that. */
function jsonValue(text: string | null): unknown {
  if (text === null) return null
  try {
    return JSON.parse(text)
  } catch {
    return NaN
  }
}

/** Lists, structs and maps. */
export function nestedWriter(type: DataType): WriteCell {
  return (writer, [cells], row) => writer.value(shaped(type, cells!.get(row)))
}

/** The value without the fields of structs that nobody asks for. */
function shaped(type: DataType, value: unknown): unknown {
  if (value === null) return null
  switch (type.kind) {
    case 'Array':
      return (value as readonly unknown[]).map((each) => shaped(type.element, each))
    case 'Struct': {
      const struct = value as Readonly<Record<string, unknown>>
      return new Map(
        type.fields.map((field) => [field.name, shaped(field.type, struct[field.name] ?? null)]),
      )
    }
    case 'Map': {
      const entries = value instanceof Map ? [...value] : Object.entries(value as object)
      return new Map(entries.map(([key, each]) => [key, shaped(type.value, each)]))
    }
    case 'Float64':
    case 'Float32':
      // A DECIMAL.
      return typeof value === 'string' && float.test(value) ? Number(value) : value
    default:
      return value
  }
}
