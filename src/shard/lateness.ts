/**
 * The events of one section that came too late: for every view of their route that wanted them, or
 * for some only, which the others have counted.
 *
 * A view wants an event when its transform has made a row of it.
 */
import type { Catalog, Route } from '../model/catalog.ts'
import { rejection, type PartlyLate, type Rejection } from '../model/rejection.ts'
import type { RowBatch } from '../model/rows.ts'

export class Lateness {
  /** By place in the batch: the views that did not count the event. */
  readonly #views = new Map<number, number[]>()

  /** Rows of a view that it could not count. */
  add(view: number, rows: RowBatch, late: readonly number[]): void {
    for (const row of late) {
      const event = rows.eventIndex[row]!
      const views = this.#views.get(event)
      if (views === undefined) this.#views.set(event, [view])
      else if (!views.includes(view)) views.push(view)
    }
  }

  /**
   * Tells those that are rejected from those that were counted by some.
   *
   * @param rowsOf  The rows that a view has just applied; null for one that takes no part.
   */
  judge(
    catalog: Catalog,
    { views, source }: Route,
    rowsOf: (view: number) => RowBatch | null,
  ): { readonly rejections: Rejection[]; readonly partly: PartlyLate[] } {
    const wanted = views.map((view) => {
      const rows = rowsOf(view)
      return new Set(rows?.eventIndex.subarray(0, rows.count))
    })
    const path = `/${catalog.sources[source]!.timestampField}`
    const rejections: Rejection[] = []
    const partly: PartlyLate[] = []
    for (const [index, late] of this.#views) {
      const names = late.map((view) => catalog.views[view]!.name)
      const wanting = wanted.filter((events) => events.has(index)).length
      if (late.length === wanting) rejections.push(tooLate(index, path, names))
      else partly.push({ index, path, views: names })
    }
    return { rejections, partly }
  }
}

function tooLate(index: number, path: string, names: readonly string[]): Rejection {
  const views = names.map((name) => `"${name}"`).join(' and ')
  return rejection(index, 'EVENT_TOO_LATE', path, { views })
}
