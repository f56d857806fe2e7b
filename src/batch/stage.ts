/**
 * Rows that a post-processor makes of a batch's rows → a file of rows of the source's schema, each
 * with the place of what it was made of.
 */
import type { Batch, Source } from '../model/catalog.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import type { Field, Value } from '../model/types.ts'
import { sqlText, type Database } from '../duckdb/database.ts'
import type { TableWriter } from '../duckdb/table-writer.ts'
import { isProblem } from '../validate/decoder.ts'
import { createEventReader } from '../validate/event-reader.ts'
import { eachEvent } from './event-writer.ts'
import type { NumberedChunk } from './numbered-chunk.ts'
import { placeColumns } from './relation.ts'

/** The rows that the post-processor refuses, or makes something else of, of one chunk. */
export interface Refused {
  readonly chunk: NumberedChunk
  /** By place in the chunk. */
  readonly rejections: readonly Rejection[]
}

const placeFields: readonly Field[] = [placeColumns.file, placeColumns.row].map((name) => {
  return { name, type: { kind: 'Int64', nullable: false } }
})

export interface StageOptions {
  readonly database: Database
  readonly source: Source
  readonly batch: Batch
  /** Raw rows. */
  readonly chunks: AsyncIterable<NumberedChunk>
  /** The Parquet file that is made; it is whole when all that was refused has been told. */
  readonly file: string
}

/** Makes the file; tells what is refused on the way. */
export async function* stageRows(options: StageOptions): AsyncGenerator<Refused> {
  const { database, source, batch, chunks, file } = options
  const table = await database.createTable('staged', [...source.fields, ...placeFields])
  // What is read is routed later: no join key is known yet that would have to stay.
  const input = { ...source, routes: [], ...(batch.input && { input: batch.input }) }
  const stage = createStage(input, table)
  for await (const chunk of chunks) {
    const rejections = stage(chunk)
    if (rejections.length > 0) yield { chunk, rejections }
  }
  table.close()
  await database.run(`COPY staged TO ${sqlText(file)} (FORMAT parquet)`)
  await database.run('DROP TABLE staged')
}

function createStage(
  source: Source,
  table: TableWriter,
): (chunk: NumberedChunk) => readonly Rejection[] {
  const read = createEventReader({ routes: [] }, source)
  return ({ payload, file, row }) => {
    const rejections: Rejection[] = []
    eachEvent(payload, (start, end, index) => {
      const event = read(payload, start, end)
      if (event === null) return
      if (isProblem(event)) {
        rejections.push(rejection(index, event.code, event.path, event.details))
        return
      }
      const values: Value[] = source.fields.map(({ name }) => event.values[name]!)
      values.push(file.get(index) as bigint, row.get(index) as bigint)
      table.append(values)
    })
    return rejections
  }
}
