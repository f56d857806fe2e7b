/**
 * Values with their times, in their order: the state of the functions that answer with a list.
 *
 * One flat array, `[time, value, time, value, …]`, ascending by time and, among equals, by arrival.
 * Times are ns after the start of the tile; entries of several tiles are in the order of the tiles.
 * Whole numbers of 64 bits are kept as doubles where these are exact, so that most are no objects.
 */
import type { Column } from '../../model/rows.ts'
import type { DataType, Field, Value } from '../../model/types.ts'
import { exactLengthMax } from '../capacity.ts'
import { fromStored, toStored } from '../stored-value.ts'
import { valueSize } from '../value-pool.ts'
import type { Side } from './first-last.ts'
import { stateBytes } from './pooled-state.ts'

/** Times at even places, each before its value. */
export type Entries = Value[]

export function timeAt(entries: Entries, at: number): number {
  return entries[at] as number
}

/** Arrays of numbers are copied from it: the engine keeps them as doubles, not as objects. */
const doubles: Entries = [0.5, 0.5]

/** One entry. */
export function oneEntry(timeNs: number, value: Value): Entries {
  if (typeof value !== 'number') return [timeNs, value]
  const entries = doubles.slice()
  entries[0] = timeNs
  entries[1] = value
  return entries
}

/** Where an entry belongs that has just come: behind those of its time. */
export function placeOf(entries: Entries, timeNs: number): number {
  let low = 0
  let high = entries.length
  if (high === 0 || timeAt(entries, high - 2) <= timeNs) return high
  while (low < high) {
    const middle = ((low + high) >>> 2) << 1
    if (timeAt(entries, middle) <= timeNs) low = middle + 2
    else high = middle
  }
  return low
}

/** Puts an entry in. */
function insertEntry(entries: Entries, at: number, timeNs: number, value: Value): void {
  if (at === entries.length) entries.push(timeNs, value)
  else entries.splice(at, 0, timeNs, value)
}

/** Entries with one more; the array is another while it is small. */
export function withEntry(entries: Entries, at: number, timeNs: number, value: Value): Entries {
  if (entries.length < exactLengthMax) return entries.toSpliced(at, 0, timeNs, value)
  insertEntry(entries, at, timeNs, value)
  return entries
}

/** Whether a full list has no room for a value that has just come: it is later than its equals. */
export function isBeyond(entries: Entries, side: Side, timeNs: number): boolean {
  if (side === 'last') return timeNs < timeAt(entries, 0)
  return timeNs >= timeAt(entries, entries.length - 2)
}

/** Puts an entry into a full list; returns the value that leaves it at the other end. */
export function replaceEnd(entries: Entries, side: Side, timeNs: number, value: Value): Value {
  if (side === 'last') {
    const dropped = entries[1]!
    entries.shift()
    entries.shift()
    insertEntry(entries, placeOf(entries, timeNs), timeNs, value)
    return dropped
  }
  const dropped = entries.at(-1)!
  const at = placeOf(entries, timeNs)
  for (let to = entries.length - 1; to > at + 1; to--) entries[to] = entries[to - 2]!
  entries[at] = timeNs
  entries[at + 1] = value
  return dropped
}

/** Bytes of an entry with this value: two doubles, or two objects and the pointers to them. */
export function entryBytes(value: Value): number {
  return typeof value === 'number' ? 16 : 24 + valueSize(value)
}

export function entriesBytes(entries: Entries): number {
  let bytes = stateBytes
  for (let at = 1; at < entries.length; at += 2) bytes += entryBytes(entries[at]!)
  return bytes
}

/** How a column's values are read into entries. */
export function entryReader({ type }: Field): (column: Column, i: number) => Value {
  switch (type.kind) {
    case 'Float64':
    case 'Float32':
      return ({ floats }, i) => floats[i]!
    case 'Int32':
      return ({ low }, i) => low[i]! | 0
    case 'Int64':
    case 'Timestamp':
      return (column, i) => {
        const number = column.high[i]! * 4294967296 + column.low[i]!
        return Number.isSafeInteger(number) ? number : column.get(i)
      }
    default:
      return ({ values }, i) => values[i]!
  }
}

/** The values of some entries, as they are answered. */
export function answered({ type }: Field, values: readonly Value[]): readonly Value[] {
  if (type.kind !== 'Int64' && type.kind !== 'Timestamp') return values
  return values.map((value) => (typeof value === 'number' ? BigInt(value) : value))
}

export function toStoredEntries(type: DataType, entries: Entries): unknown {
  return entries.map((each, at) => (at % 2 === 0 ? each : toStored(type, each)))
}

export function fromStoredEntries(type: DataType, stored: unknown): Entries {
  return (stored as readonly unknown[]).map((each, at) =>
    at % 2 === 0 ? (each as number) : fromStored(type, each),
  )
}
