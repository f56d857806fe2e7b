/**
 * The first or the last n values, in the order of their times and, among equals, of their arrival.
 *
 * Algebra: identity the empty list, merge appends the later tile's and keeps n; associative, not
 * commutative, a monoid. Exact. 8 bytes, and in the pool 64 and 16 for each value, with its own
 * size where it is not a number.
 */
import type { Field, Value } from '../../model/types.ts'
import type { Cells } from '../cells.ts'
import type { Partial } from '../partial.ts'
import type { ValuePool } from '../value-pool.ts'
import {
  answered,
  entriesBytes,
  entryBytes,
  entryReader,
  fromStoredEntries,
  isBeyond,
  oneEntry,
  placeOf,
  replaceEnd,
  toStoredEntries,
  withEntry,
  type Entries,
} from './entries.ts'
import type { Side } from './first-last.ts'
import { pooledPartial, type StateAlgebra } from './pooled-state.ts'

export interface ListOptions {
  readonly side: Side
  /** Values at most. */
  readonly n: number
  readonly field: Field
}

export function list(options: ListOptions): Partial {
  const algebra = listAlgebra(options)
  const read = entryReader(options.field)
  return pooledPartial(algebra, ({ f64 }, at, rows, column, pool) => {
    const { from, to, cellOf, offsetNs } = rows
    const { isNull } = column
    for (let i = from; i < to; i++) {
      if (isNull[i] === 1 || cellOf[i] === 0) continue
      const cell = cellOf[i]! + at
      const place = f64[cell]!
      if (place === 0) {
        const entries = oneEntry(offsetNs[i]!, read(column, i))
        f64[cell] = pool.hold(entries, entriesBytes(entries))
      } else add(pool, place, options, offsetNs[i]!, read(column, i))
    }
  })
}

/** The list, as it is answered; empty where there was no value. */
export function listValue(
  { side, n, field }: ListOptions,
  { f64 }: Cells,
  at: number,
  pool: ValuePool,
): readonly Value[] {
  const entries = pool.state(f64[at]!) as Entries
  const values = entries.filter((_, place) => place % 2 === 1)
  return answered(field, side === 'first' ? values.slice(0, n) : values.slice(-n))
}

/** Adds a value that has just come to the list of a tile. */
function add(
  pool: ValuePool,
  place: number,
  { side, n }: ListOptions,
  timeNs: number,
  value: Value,
): void {
  const entries = pool.state(place) as Entries
  const { length } = entries
  if (length < 2 * n) {
    const grown = withEntry(entries, placeOf(entries, timeNs), timeNs, value)
    pool.put(place, grown, entryBytes(value))
    return
  }
  if (isBeyond(entries, side, timeNs)) return
  const dropped = replaceEnd(entries, side, timeNs, value)
  pool.put(place, entries, entryBytes(value) - entryBytes(dropped))
}

function listAlgebra({ side, n, field }: ListOptions): StateAlgebra<Entries> {
  return {
    copy: (entries) => [...entries],
    merge(into, from) {
      if (side === 'first') {
        for (let at = 0; at < from.length && into.length < 2 * n; at++) into.push(from[at]!)
        return into
      }
      for (const each of from) into.push(each)
      // Not at every tile: what is too much is dropped once it is as much as what is kept.
      if (into.length > 4 * n) into.splice(0, into.length - 2 * n)
      return into
    },
    bytesOf: entriesBytes,
    toStored: (entries) => toStoredEntries(field.type, entries),
    fromStored: (stored) => fromStoredEntries(field.type, stored),
  }
}
