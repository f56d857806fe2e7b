/**
 * The events of one section that do not count, though nothing is wrong with them: for every view of
 * their route that wanted them, or for some only, which the others have counted.
 *
 * A view wants an event when its transform has made a row of it. It cannot count one that is before
 * all of its windows, or before its stream begins, and does not if its key is one too many.
 */
import type { UncountedRows } from '../aggregate/lateness.ts'
import type { Catalog } from '../model/catalog.ts'
import {
  missedCodes,
  rejection,
  type MissedCode,
  type PartlyLate,
  type Rejection,
} from '../model/rejection.ts'
import type { RowBatch } from '../model/rows.ts'

/** What one view has made of the events of a section. */
export interface ViewRows {
  readonly view: number
  readonly rows: RowBatch
  /** Of the rows, those that it could not count. */
  readonly uncounted: UncountedRows
}

/** Where the rows are that a view has left out, by why it has. */
const rowsMissedBy: Readonly<Record<MissedCode, keyof UncountedRows>> = {
  EVENT_TOO_LATE: 'late',
  EVENT_BEFORE_STREAM: 'outside',
  EVENT_CARDINALITY: 'excess',
}

/** An event that some views have not counted. */
interface Missed {
  code: MissedCode
  readonly views: number[]
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
  const missed = new Map<number, Missed>()
  for (const { view, rows, uncounted } of views) {
    const { eventIndex, spans } = rows
    const start = rows.spanStart(span)
    const { end } = spans[span]!
    wanted.push(new Set(eventIndex.subarray(start, end)))
    for (const code of missedCodes) {
      const places = uncounted[rowsMissedBy[code]]
      for (let n = placeOf(places, start); n < places.length && places[n]! < end; n++) {
        const index = eventIndex[places[n]!]!
        const other = missed.get(index)
        if (other === undefined) missed.set(index, { code, views: [view] })
        else if (!other.views.includes(view)) other.views.push(view)
        // It may be an old event; that it is one of the history tells more, and what has room for
        // it another day most.
        if (other !== undefined) other.code = code
      }
    }
  }
  const timePath = `/${catalog.sources[source]!.timestampField}`
  const rejections: Rejection[] = []
  const partly: PartlyLate[] = []
  for (const [index, { code, views: missing }] of missed) {
    const names = missing.map((view) => catalog.views[view]!.name)
    // The key may be of several fields.
    const path = code === 'EVENT_CARDINALITY' ? '' : timePath
    const wanting = wanted.filter((events) => events.has(index)).length
    if (missing.length === wanting) rejections.push(refused(index, code, path, names))
    else partly.push({ index, code, path, views: names })
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

function refused(
  index: number,
  code: MissedCode,
  path: string,
  names: readonly string[],
): Rejection {
  const views = names.map((name) => `"${name}"`).join(' and ')
  return rejection(index, code, path, { views })
}
