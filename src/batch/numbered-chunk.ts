/**
 * Rows of DuckDB → events as msgpack, with the numbers of their files and rows.
 */
import type { Cells, Chunk } from '../duckdb/chunk.ts'
import type { ColumnPlan } from './columns.ts'
import type { EventWriter } from './event-writer.ts'

/** Some events; gone with the next chunk. */
export interface NumberedChunk {
  readonly count: number
  readonly payload: Uint8Array
  /** Of each event: numbers of its file and its row. */
  readonly file: Cells
  readonly row: Cells
}

/** @param chunk  The columns of the plans in turn, then the numbers of file and row. */
export function numberedChunk(
  writer: EventWriter,
  plans: readonly ColumnPlan[],
  chunk: Chunk,
): NumberedChunk {
  let column = 0
  const cells = plans.map(({ sql }) => sql.map(() => chunk.column(column++)))
  const names = plans.map(({ nameBytes }) => nameBytes)
  const writes = plans.map(({ write }) => write)
  writer.reset()
  for (let row = 0; row < chunk.count; row++) {
    writer.begin()
    writer.map(plans.length)
    for (let n = 0; n < plans.length; n++) {
      writer.raw(names[n]!)
      writes[n]!(writer, cells[n]!, row)
    }
    writer.end()
  }
  return {
    count: chunk.count,
    payload: writer.payload(),
    file: chunk.column(column),
    row: chunk.column(column + 1),
  }
}
