/**
 * The body of a push: a table by columns, each a list of values or one value for every row, which
 * becomes one event a row.
 */
import { MillraceError } from '../../base/errors.ts'
import type { SourceEvents } from '../../model/contracts.ts'
import { JsonReader } from '../../model/json-reader.ts'
import { MsgpackWriter } from '../../model/msgpack-writer.ts'
import { PayloadWriter } from '../../model/payload-writer.ts'
import type { DataType } from '../../model/types.ts'

/** One column as msgpack: where each of its values ends, or null for one of every row. */
interface Column {
  readonly name: Buffer
  readonly values: MsgpackWriter
  readonly ends: readonly number[] | null
}

/** Where rows may be told to go; all that is taken is kept, and served. */
const targets = ['online', 'online_and_offline']

/**
 * @param types  By source: its events as a whole.
 * @throws MillraceError `JSON_INVALID`, `REQUEST_INVALID`, `SOURCE_UNKNOWN`, `BATCH_TOO_LARGE`
 */
export function parsePush(body: Buffer, types: ReadonlyMap<string, DataType>): SourceEvents {
  const source = sourceIn(body)
  const type = types.get(source)
  if (type === undefined) throw new MillraceError('SOURCE_UNKNOWN', { source })
  const reader = new JsonReader(body)
  let columns: readonly Column[] | null = null
  reader.object((name) => {
    if (name === 'df') columns = columnsIn(reader, type)
    else reader.skip()
  })
  if (columns === null) throw invalid('df', 'is missing')
  return eventsOf(source, columns, body.length)
}

/** The name of the source, which may stand behind the rows; and that the rest is understood. */
function sourceIn(body: Buffer): string {
  const reader = new JsonReader(body)
  let source: string | null = null
  let to = 'online'
  reader.object((name) => {
    if (name === 'push_source_name') source = textIn(reader, name)
    else if (name === 'to') to = textIn(reader, name)
    else reader.skip()
  })
  reader.end()
  if (!targets.includes(to)) throw invalid('to', `is not one of ${targets.join(', ')}`)
  if (source === null) throw invalid('push_source_name', 'is missing')
  return source
}

function textIn(reader: JsonReader, name: string): string {
  if (!reader.isNext('text')) throw invalid(name, 'is not a string')
  return reader.text()
}

function columnsIn(reader: JsonReader, rows: DataType): readonly Column[] {
  if (!reader.isNext('object')) throw invalid('df', 'is not an object of columns')
  const fields = rows.kind === 'Struct' ? rows.fields : []
  const columns: Column[] = []
  reader.object((name) => {
    if (reader.isNext('object')) throw invalid(`df.${name}`, 'is neither a list nor one value')
    const type = fields.find((field) => field.name === name)?.type ?? null
    columns.push({ name: Buffer.from(name), ...valuesIn(reader, type) })
  })
  return columns
}

function valuesIn(reader: JsonReader, type: DataType | null): Omit<Column, 'name'> {
  const values = new MsgpackWriter(0)
  if (!reader.isNext('array')) {
    reader.write(values, type)
    return { values, ends: null }
  }
  const ends: number[] = []
  reader.array(() => {
    reader.write(values, type)
    ends.push(values.length)
  })
  return { values, ends }
}

function eventsOf(source: string, columns: readonly Column[], bytes: number): SourceEvents {
  const counts = columns.flatMap(({ ends }) => (ends === null ? [] : [ends.length]))
  const [count] = counts
  if (count === undefined) throw invalid('df', 'has no column that is a list')
  if (counts.some((each) => each !== count)) throw invalid('df', 'has columns of unequal lengths')
  const writer = new PayloadWriter(bytes)
  for (let row = 0; row < count; row++) {
    writer.event((out) => {
      out.map(columns.length)
      for (const { name, values, ends } of columns) {
        out.string(name, 0, name.length)
        const start = ends === null || row === 0 ? 0 : ends[row - 1]!
        out.raw(values.written.subarray(start, ends?.[row]))
      }
    })
  }
  return writer.take(source)
}

function invalid(path: string, reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path, reason })
}
