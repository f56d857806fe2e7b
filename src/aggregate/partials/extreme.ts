/**
 * Smallest and largest value.
 *
 * Algebra: identity "none", merge min or max; commutative, a monoid (nothing can be taken out).
 * Exact. 8 bytes. Strings compare by Unicode code point.
 */
import type { DataType } from '../../model/types.ts'
import type { Cells } from '../cells.ts'
import type { Partial } from '../partial.ts'
import { valueCodec } from '../stored-value.ts'
import { compareText } from '../text-order.ts'

export function extremeFloat(which: 'min' | 'max'): Partial {
  const none = which === 'min' ? Infinity : -Infinity
  const sign = which === 'min' ? 1 : -1
  const merge = (into: Cells, at: number, from: Cells, fromAt: number): void => {
    const value = from.f64[fromAt]!
    if ((value - into.f64[at]!) * sign < 0) into.f64[at] = value
  }
  return {
    cells: 1,
    valueCells: [],
    init(cells, at) {
      cells.f64[at] = none
    },
    update({ f64 }, at, rows, { floats, isNull }) {
      const { from, to, cellOf } = rows
      for (let i = from; i < to; i++) {
        const cell = cellOf[i]! + at
        if ((floats[i]! - f64[cell]!) * sign < 0 && isNull[i] === 0) f64[cell] = floats[i]!
      }
    },
    merge,
    fold: merge,
  }
}

export function extremeInt(which: 'min' | 'max'): Partial {
  const isMin = which === 'min'
  const noneHigh = isMin ? 0x7fffffff : -0x80000000
  const noneLow = isMin ? 0xffffffff : 0
  const merge = (into: Cells, at: number, from: Cells, fromAt: number): void => {
    const high = from.high[2 * fromAt + 1]!
    const low = from.low[2 * fromAt]!
    const order = high - into.high[2 * at + 1]! || low - into.low[2 * at]!
    if (isMin ? order < 0 : order > 0) {
      into.low[2 * at] = low
      into.high[2 * at + 1] = high
    }
  }
  return {
    cells: 1,
    valueCells: [],
    init(cells, at) {
      cells.low[2 * at] = noneLow
      cells.high[2 * at + 1] = noneHigh
    },
    update(cells, at, rows, column) {
      const { from, to, cellOf } = rows
      const { high, low, isNull } = column
      for (let i = from; i < to; i++) {
        const cell = 2 * (cellOf[i]! + at)
        const order = high[i]! - cells.high[cell + 1]! || low[i]! - cells.low[cell]!
        if ((isMin ? order < 0 : order > 0) && isNull[i] === 0) {
          cells.low[cell] = low[i]!
          cells.high[cell + 1] = high[i]!
        }
      }
    },
    merge,
    fold: merge,
  }
}

export function extremeValue(which: 'min' | 'max', type: DataType): Partial {
  const sign = which === 'min' ? 1 : -1
  return {
    cells: 1,
    valueCells: [{ cell: 0, codec: valueCodec(type) }],
    init(cells, at) {
      cells.f64[at] = 0
    },
    update({ f64 }, at, rows, { values, isNull }, pool) {
      const { from, to, cellOf } = rows
      for (let i = from; i < to; i++) {
        if (isNull[i] === 1) continue
        const cell = cellOf[i]! + at
        const place = f64[cell]!
        const value = values[i]!
        if (place === 0) f64[cell] = pool.add(value)
        else if (compareText(value, pool.get(place)) * sign < 0) pool.replace(place, value)
      }
    },
    merge(into, at, from, fromAt, pool) {
      const place = from.f64[fromAt]!
      if (place === 0) return
      const best = into.f64[at]!
      if (best === 0 || compareText(pool.get(place), pool.get(best)) * sign < 0)
        into.f64[at] = place
    },
  }
}
