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
  const write = rowWriter(writer, plans, chunk)
  writer.reset()
  for (let row = 0; row < chunk.count; row++) write(row)
  const columns = columnsOf(plans)
  return {
    count: chunk.count,
    payload: writer.payload(),
    file: chunk.column(columns),
    row: chunk.column(columns + 1),
  }
}

/** How many columns plans ask for. */
export function columnsOf(plans: readonly ColumnPlan[]): number {
  return plans.reduce((count, { sql }) => count + sql.length, 0)
}

/**
 * What writes a row of a chunk as an event, and returns where that begins; the columns of the plans
 * come first in the chunk.
 */
export function rowWriter(
  writer: EventWriter,
  plans: readonly ColumnPlan[],
  chunk: Chunk,
): (row: number) => number {
  let column = 0
  const cells = plans.map(({ sql }) => sql.map(() => chunk.column(column++)))
  return (row) => {
    const start = writer.begin()
    writer.map(plans.length)
    for (let n = 0; n < plans.length; n++) {
      const { name, write } = plans[n]!
      writer.name(name)
      write(writer, cells[n]!, row)
    }
    writer.end()
    return start
  }
}
