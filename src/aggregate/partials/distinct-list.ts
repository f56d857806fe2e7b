/**
 * The first n or the last n distinct values, each in the place of its first or last occurrence: by
 * time and, among equals, by arrival.
 *
 * Algebra: identity the empty list, merge keeps the occurrence of the earlier or the later tile and
 * n values; associative, not commutative, a monoid. Exact: a value that has left the list comes
 * back with the occurrence that brings it back. 8 bytes, and in the pool 104 and 16 for each value,
 * with its own size where it is not a number.
 */
import type { Value } from '../../model/types.ts'
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
  timeAt,
  toStoredEntries,
  withEntry,
  type Entries,
} from './entries.ts'
import type { ListOptions } from './list.ts'
import { pooledPartial, type StateAlgebra } from './pooled-state.ts'

/** Values among which one is looked for by looking at each; more are indexed. */
const scannedMax = 32

/** What an index costs for a value, and what the object costs that has one, bytes. */
const indexedBytes = 48
const objectBytes = 40

/** The list of a tile: its entries and, when they are many, the time of each value. */
interface TileList {
  entries: Entries
  times: Map<Value, number> | null
}

/** What merging makes: values in their order. */
type MergedList = Set<Value>

export function distinctList(options: ListOptions): Partial {
  const algebra = distinctAlgebra(options)
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
        const list: TileList = { entries, times: null }
        f64[cell] = pool.hold(list, listBytes(list))
      } else {
        const list = pool.state(place) as TileList
        const bytes = add(list, options, offsetNs[i]!, read(column, i))
        if (bytes !== 0) pool.put(place, list, bytes)
      }
    }
  })
}

/** The list, as it is answered. */
export function distinctListValue(
  { side, n, field }: ListOptions,
  { f64 }: Cells,
  at: number,
  pool: ValuePool,
): readonly Value[] {
  const values = [...valuesOf(pool.state(f64[at]!) as TileList | MergedList)]
  return answered(field, side === 'first' ? values.slice(0, n) : values.slice(-n))
}

/** Adds a value that has just come; returns by how many bytes the list has grown. */
function add(list: TileList, { side, n }: ListOptions, timeNs: number, value: Value): number {
  const { entries, times } = list
  const known = find(list, value)
  if (known >= 0) {
    const knownNs = timeAt(entries, known)
    if (side === 'last' ? timeNs < knownNs : timeNs >= knownNs) return 0
    times?.set(value, timeNs)
    move(entries, known, timeNs)
    return 0
  }
  if (entries.length === 2 * n) {
    if (isBeyond(entries, side, timeNs)) return 0
    const dropped = replaceEnd(entries, side, timeNs, value)
    times?.delete(dropped)
    times?.set(value, timeNs)
    return entryBytes(value) - entryBytes(dropped)
  }
  list.entries = withEntry(entries, placeOf(entries, timeNs), timeNs, value)
  if (times === null) return entryBytes(value) + index(list)
  times.set(value, timeNs)
  return entryBytes(value) + indexedBytes
}

/** Gives an entry another time, and with it another place: it has just come. */
function move(entries: Entries, from: number, timeNs: number): void {
  const value = entries[from + 1]!
  const to = placeOf(entries, timeNs)
  // One of these loops has nothing to do.
  let at = from
  for (; at + 2 < to; at += 2) {
    entries[at] = entries[at + 2]!
    entries[at + 1] = entries[at + 3]!
  }
  for (; at > to; at -= 2) {
    entries[at] = entries[at - 2]!
    entries[at + 1] = entries[at - 1]!
  }
  entries[at] = timeNs
  entries[at + 1] = value
}

/** Where the entry of a value is; -1 for nowhere. */
function find({ entries, times }: TileList, value: Value): number {
  if (times === null) {
    // From the end: what has just come is likely to come again.
    for (let at = entries.length - 1; at > 0; at -= 2) if (entries[at] === value) return at - 1
    return -1
  }
  const timeNs = times.get(value)
  if (timeNs === undefined) return -1
  let at = placeOf(entries, timeNs) - 2
  while (entries[at + 1] !== value) at -= 2
  return at
}

/** Makes an index of a list that has become long; returns its bytes. */
function index(list: TileList): number {
  const { entries } = list
  if (entries.length <= 2 * scannedMax) return 0
  list.times = new Map()
  for (let at = 0; at < entries.length; at += 2) {
    list.times.set(entries[at + 1]!, timeAt(entries, at))
  }
  return list.times.size * indexedBytes
}

function listBytes({ entries, times }: TileList): number {
  return objectBytes + entriesBytes(entries) + (times === null ? 0 : times.size * indexedBytes)
}

function* valuesOf(list: TileList | MergedList): Generator<Value> {
  if (list instanceof Set) yield* list
  else for (let at = 1; at < list.entries.length; at += 2) yield list.entries[at]!
}

function distinctAlgebra({ side, n, field }: ListOptions): StateAlgebra<TileList | MergedList> {
  return {
    copy: (list) => new Set(valuesOf(list)),
    merge(into, from) {
      const merged = into as MergedList
      for (const value of valuesOf(from)) {
        if (side === 'last') merged.delete(value)
        else if (merged.size === n) break
        merged.add(value)
      }
      // Not at every tile: what is too much is dropped once it is as much as what is kept.
      if (merged.size > 2 * n) for (const value of [...merged].slice(0, -n)) merged.delete(value)
      return merged
    },
    bytesOf: (list) => listBytes(list as TileList),
    toStored: (list) => toStoredEntries(field.type, (list as TileList).entries),
    fromStored(stored) {
      const list: TileList = { entries: fromStoredEntries(field.type, stored), times: null }
      index(list)
      return list
    },
  }
}
