/**
 * Number of values that are not null.
 *
 * Algebra: identity 0, merge +; commutative, a group. Exact to 2⁵³. 8 bytes. Columns that cannot
 * be null share the tile's own event count and keep no count of theirs.
 */
import type { Cells } from '../cells.ts'
import type { Partial } from '../partial.ts'

export const count: Partial = {
  cells: 1,
  valueCells: [],
  init(cells, at) {
    cells.f64[at] = 0
  },
  update({ f64 }, at, rows, { isNull }) {
    const { from, to, cellOf } = rows
    for (let i = from; i < to; i++) f64[cellOf[i]! + at]! += 1 - isNull[i]!
  },
  merge: add,
  fold: add,
}

function add(into: Cells, at: number, from: Cells, fromAt: number): void {
  into.f64[at]! += from.f64[fromAt]!
}
