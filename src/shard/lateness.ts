/**
 * The events of one section that came too late: for every view of their route that wanted them, or
 * for some only, which the others have counted.
 *
 * A view wants an event when its transform has made a row of it.
 */
import type { Catalog } from '../model/catalog.ts'
import { rejection, type PartlyLate, type Rejection } from '../model/rejection.ts'
import type { RowBatch } from '../model/rows.ts'

/** What one view has made of the events of a section. */
export interface ViewRows {
  readonly view: number
  readonly rows: RowBatch
  /** Of the rows, those that it could not count, ascending. */
  readonly late: readonly number[]
}

/**
 * Tells those that are rejected from those that were counted by some.
 *
 * @param views  The views that take part.
 * @param span  The section's place among those whose rows they are.
 */
export function judgeLate(
  catalog: Catalog,
  source: number,
  views: readonly ViewRows[],
  span: number,
): { readonly rejections: Rejection[]; readonly partly: PartlyLate[] } {
  const wanted: ReadonlySet<number>[] = []
  const lateViews = new Map<number, number[]>()
  for (const { view, rows, late } of views) {
    const { eventIndex, spans } = rows
    const start = rows.spanStart(span)
    const { end } = spans[span]!
    wanted.push(new Set(eventIndex.subarray(start, end)))
    for (let n = placeOf(late, start); n < late.length && late[n]! < end; n++) {
      const index = eventIndex[late[n]!]!
      const others = lateViews.get(index)
      if (others === undefined) lateViews.set(index, [view])
      else if (!others.includes(view)) others.push(view)
    }
  }
  const path = `/${catalog.sources[source]!.timestampField}`
  const rejections: Rejection[] = []
  const partly: PartlyLate[] = []
  for (const [index, late] of lateViews) {
    const names = late.map((view) => catalog.views[view]!.name)
    const wanting = wanted.filter((events) => events.has(index)).length
    if (late.length === wanting) rejections.push(tooLate(index, path, names))
    else partly.push({ index, path, views: names })
  }
  return { rejections, partly }
}

/** The place of the first row that is not before `row`. */
function placeOf(rows: readonly number[], row: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows[middle]! < row) low = middle + 1
    else high = middle
  }
  return low
}

function tooLate(index: number, path: string, names: readonly string[]): Rejection {
  const views = names.map((name) => `"${name}"`).join(' and ')
  return rejection(index, 'EVENT_TOO_LATE', path, { views })
}
