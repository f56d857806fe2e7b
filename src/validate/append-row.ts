/**
 * One event or one row of a transform → the next row of a batch.
 */
import type { RowBatch } from '../model/rows.ts'
import type { Value } from '../model/types.ts'

/** What a row has from its event, whatever its columns are; names as in `RowBatch`. */
export interface RowPlace {
  eventIndex: number
  timeMs: number
  timeNs: number
  keyHash: number
  keyStart: number
  keyEnd: number
}

/** Appends a row; `values` holds a converted value for each column of the batch. */
export function appendRow(
  rows: RowBatch,
  place: Readonly<RowPlace>,
  values: Readonly<Record<string, Value>>,
): void {
  const i = rows.count
  rows.reserve(i + 1)
  rows.eventIndex[i] = place.eventIndex
  rows.timeMs[i] = place.timeMs
  rows.timeNs[i] = place.timeNs
  rows.keyHash[i] = place.keyHash
  rows.keyStart[i] = place.keyStart
  rows.keyEnd[i] = place.keyEnd
  for (const column of rows.columns) column.set(i, values[column.name]!)
  rows.count = i + 1
}
