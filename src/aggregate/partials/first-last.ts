/**
 * The first and the last value, by event time to the nanosecond: of equal times, the first or the
 * last to arrive.
 *
 * Algebra: identity "none", merge takes the earlier tile's or the later one's; associative, not
 * commutative, a monoid. Exact. 16 bytes: the value (or its place in the pool) and its time, ns
 * after the start of the tile. A tile is at most 2⁵³ ns (104 days) wide.
 */
import { columnKind } from '../../model/rows.ts'
import type { Field } from '../../model/types.ts'
import type { Cells } from '../cells.ts'
import type { Partial } from '../partial.ts'
import { valueCodec } from '../stored-value.ts'

export type Side = 'first' | 'last'

export function firstLast(side: Side, field: Field): Partial {
  switch (columnKind(field)) {
    case 'float':
      return firstLastFloat(side)
    case 'int':
      return firstLastInt(side)
    case 'value':
      return firstLastValue(side, field)
  }
}

/**
 * Times in the order of a side: a row takes the place of one whose order plus `beyond` it reaches,
 * which is what a cell holds. One that has just come is later than its equals.
 */
const orders = { first: { sign: -1, beyond: 1 }, last: { sign: 1, beyond: 0 } } as const

/** What any row reaches. */
const none = -Infinity

function firstLastFloat(side: Side): Partial {
  const { sign, beyond } = orders[side]
  const take = takeDouble(side)
  return {
    cells: 2,
    valueCells: [],
    init,
    update({ f64 }, at, rows, { floats, isNull }) {
      const { from, to, cellOf, offsetNs } = rows
      for (let i = from; i < to; i++) {
        const cell = cellOf[i]! + at
        const order = offsetNs[i]! * sign
        if (order >= f64[cell + 1]! && isNull[i] === 0) {
          f64[cell] = floats[i]!
          f64[cell + 1] = order + beyond
        }
      }
    },
    merge: (into, at, from, fromAt) => take(into, at, from, fromAt, 0),
    fold: take,
  }
}

function firstLastInt(side: Side): Partial {
  const { sign, beyond } = orders[side]
  const take = (into: Cells, at: number, from: Cells, fromAt: number, shiftNs: number): void => {
    if (!isTaken(side, into.f64[at + 1]!, from.f64[fromAt + 1]!)) return
    into.low[2 * at] = from.low[2 * fromAt]!
    into.high[2 * at + 1] = from.high[2 * fromAt + 1]!
    into.f64[at + 1] = from.f64[fromAt + 1]! + shiftNs * sign
  }
  return {
    cells: 2,
    valueCells: [],
    init,
    update(cells, at, rows, { high, low, isNull }) {
      const { from, to, cellOf, offsetNs } = rows
      for (let i = from; i < to; i++) {
        const cell = cellOf[i]! + at
        const order = offsetNs[i]! * sign
        if (order >= cells.f64[cell + 1]! && isNull[i] === 0) {
          cells.low[2 * cell] = low[i]!
          cells.high[2 * cell + 1] = high[i]!
          cells.f64[cell + 1] = order + beyond
        }
      }
    },
    merge: (into, at, from, fromAt) => take(into, at, from, fromAt, 0),
    fold: take,
  }
}

function firstLastValue(side: Side, field: Field): Partial {
  const { sign, beyond } = orders[side]
  const take = takeDouble(side)
  return {
    cells: 2,
    valueCells: [{ cell: 0, codec: valueCodec(field.type) }],
    init,
    update({ f64 }, at, rows, { values, isNull }, pool) {
      const { from, to, cellOf, offsetNs } = rows
      for (let i = from; i < to; i++) {
        const cell = cellOf[i]! + at
        const order = offsetNs[i]! * sign
        if (order < f64[cell + 1]! || isNull[i] === 1) continue
        const place = f64[cell]!
        if (place === 0) f64[cell] = pool.add(values[i]!)
        else pool.replace(place, values[i]!)
        f64[cell + 1] = order + beyond
      }
    },
    merge: (into, at, from, fromAt) => take(into, at, from, fromAt, 0),
  }
}

/** For partials whose value, or its place, is a double. */
function takeDouble(side: Side) {
  const { sign } = orders[side]
  return (into: Cells, at: number, from: Cells, fromAt: number, shiftNs: number): void => {
    if (!isTaken(side, into.f64[at + 1]!, from.f64[fromAt + 1]!)) return
    into.f64[at] = from.f64[fromAt]!
    into.f64[at + 1] = from.f64[fromAt + 1]! + shiftNs * sign
  }
}

function init({ f64 }: Cells, at: number): void {
  f64[at] = 0
  f64[at + 1] = none
}

/** Whether the value of a later tile takes the place of that of an earlier one. */
function isTaken(side: Side, earlier: number, later: number): boolean {
  return later !== none && (side === 'last' || earlier === none)
}
