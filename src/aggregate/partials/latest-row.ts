/**
 * A column of the latest row: of the greatest event time and, among equals, of the last to arrive;
 * null when it is null there, which is how it differs from the latest value.
 *
 * Algebra: identity "none", merge takes the later tile's; associative, not commutative, a monoid.
 * Exact, to the nanosecond. 24 bytes: the value (or its place in the pool), its time, ns after the
 * start of the tile, -1 for none, and whether it is null. A tile is at most 2⁵³ ns (104 days) wide.
 */
import { columnKind, type Column, type ColumnKind } from '../../model/rows.ts'
import type { Field } from '../../model/types.ts'
import type { Cells } from '../cells.ts'
import type { Partial } from '../partial.ts'
import { valueCodec } from '../stored-value.ts'
import type { ValuePool } from '../value-pool.ts'

const none = -1

/** Cell of the null flag within the partial. */
const nullCell = 2

export function latestRow(field: Field): Partial {
  const kind = columnKind(field)
  const store = stores[kind]
  return {
    cells: 3,
    valueCells: kind === 'value' ? [{ cell: 0, codec: valueCodec(field.type) }] : [],
    init({ f64 }, at) {
      f64[at] = 0
      f64[at + 1] = none
      f64[at + nullCell] = 0
    },
    update(cells, at, rows, column, pool) {
      const { from, to, cellOf, offsetNs } = rows
      for (let i = from; i < to; i++) {
        const cell = cellOf[i]! + at
        if (offsetNs[i]! < cells.f64[cell + 1]!) continue
        store(cells, cell, column, i, pool)
        cells.f64[cell + 1] = offsetNs[i]!
        cells.f64[cell + nullCell] = column.isNull[i]!
      }
    },
    merge(into, at, from, fromAt) {
      if (from.f64[fromAt + 1] === none) return
      into.low[2 * at] = from.low[2 * fromAt]!
      into.high[2 * at + 1] = from.high[2 * fromAt + 1]!
      into.f64[at + 1] = from.f64[fromAt + 1]!
      into.f64[at + nullCell] = from.f64[fromAt + nullCell]!
    },
  }
}

/** Whether the row's value is null. */
export function isNullThere({ f64 }: Cells, at: number): boolean {
  return f64[at + nullCell] === 1
}

type Store = (cells: Cells, cell: number, column: Column, i: number, pool: ValuePool) => void

const stores: Readonly<Record<ColumnKind, Store>> = {
  float({ f64 }, cell, { floats }, i) {
    f64[cell] = floats[i]!
  },
  int(cells, cell, { high, low }, i) {
    cells.low[2 * cell] = low[i]!
    cells.high[2 * cell + 1] = high[i]!
  },
  value({ f64 }, cell, { values, isNull }, i, pool) {
    const place = f64[cell]!
    if (isNull[i] === 1) {
      pool.release(place)
      f64[cell] = 0
    } else if (place === 0) f64[cell] = pool.add(values[i]!)
    else pool.replace(place, values[i]!)
  },
}
