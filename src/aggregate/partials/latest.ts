/**
 * The latest value: of the greatest event time and, among equals, of the last to arrive.
 *
 * Algebra: identity "none", merge takes the later tile's; associative, not commutative, a monoid.
 * Exact, to the nanosecond. 16 bytes: the value (or its place in the pool) and its time, ns after
 * the start of the tile, -1 for none. A tile is at most 2⁵³ ns (104 days) wide.
 */
import type { ColumnKind } from '../../model/rows.ts'
import type { Cells } from '../cells.ts'
import type { Partial } from '../partial.ts'

export function latest(kind: ColumnKind): Partial {
  return kind === 'int' ? latestInt : kind === 'float' ? latestFloat : latestValue
}

const none = -1

const latestFloat: Partial = {
  cells: 2,
  valueCells: [],
  init,
  update({ f64 }, at, rows, { floats, isNull }) {
    const { count, cellOf, offsetNs } = rows
    for (let i = 0; i < count; i++) {
      const cell = cellOf[i]! + at
      if (offsetNs[i]! >= f64[cell + 1]! && isNull[i] === 0) {
        f64[cell] = floats[i]!
        f64[cell + 1] = offsetNs[i]!
      }
    }
  },
  merge,
}

const latestInt: Partial = {
  cells: 2,
  valueCells: [],
  init,
  update(cells, at, rows, { high, low, isNull }) {
    const { count, cellOf, offsetNs } = rows
    for (let i = 0; i < count; i++) {
      const cell = cellOf[i]! + at
      if (offsetNs[i]! >= cells.f64[cell + 1]! && isNull[i] === 0) {
        cells.low[2 * cell] = low[i]!
        cells.high[2 * cell + 1] = high[i]!
        cells.f64[cell + 1] = offsetNs[i]!
      }
    }
  },
  merge(into, at, from, fromAt) {
    if (from.f64[fromAt + 1] === none) return
    into.low[2 * at] = from.low[2 * fromAt]!
    into.high[2 * at + 1] = from.high[2 * fromAt + 1]!
    into.f64[at + 1] = from.f64[fromAt + 1]!
  },
}

const latestValue: Partial = {
  cells: 2,
  valueCells: [0],
  init,
  update({ f64 }, at, rows, { values, isNull }, pool) {
    const { count, cellOf, offsetNs } = rows
    for (let i = 0; i < count; i++) {
      const cell = cellOf[i]! + at
      if (offsetNs[i]! < f64[cell + 1]! || isNull[i] === 1) continue
      const place = f64[cell]!
      if (place === 0) f64[cell] = pool.add(values[i]!)
      else pool.replace(place, values[i]!)
      f64[cell + 1] = offsetNs[i]!
    }
  },
  merge,
}

function init(cells: Cells, at: number): void {
  cells.f64[at] = 0
  cells.f64[at + 1] = none
}

/** For partials whose value, or its place, is a double. */
function merge(into: Cells, at: number, from: Cells, fromAt: number): void {
  if (from.f64[fromAt + 1] === none) return
  into.f64[at] = from.f64[fromAt]!
  into.f64[at + 1] = from.f64[fromAt + 1]!
}
