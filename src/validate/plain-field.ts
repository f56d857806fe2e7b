/**
 * The fields of a plain event: what their names look like, and where their values go.
 *
 * A plain event is a flat map that holds every required field once, no other, each in a usual wire
 * form of its type. The form alone decides then that all is right with it, and what is canonical.
 * Thread: shard.
 */
import { eventTimeMsMax, eventTimeMsMin } from '../base/limits.ts'
import type { Source } from '../model/catalog.ts'
import type { Column, RowBatch } from '../model/rows.ts'
import type { Field, ScalarKind } from '../model/types.ts'
import { form, scalar } from './scalar.ts'

/** Reads the event `bytes[start, end)` into row `i`; false when it is not plain. */
export type FastReader = (
  bytes: Buffer,
  view: DataView,
  start: number,
  end: number,
  i: number,
) => boolean

export interface PlainField {
  /** The field's name as a msgpack string, header included: whole words, and the bytes left. */
  readonly nameWords: Int32Array
  readonly nameRest: Uint8Array
  readonly kind: ScalarKind
  readonly nullable: boolean
  readonly isTime: boolean
  /** Where the value goes; null for fields that no view aggregates. */
  readonly column: Column | null
}

/** Null for a field that plain events do not have. */
export function plainField(
  { name, type }: Field,
  source: Source,
  rows: RowBatch,
): PlainField | null {
  if (type.kind === 'Array' || type.kind === 'Struct' || type.kind === 'Map') return null
  const text = new TextEncoder().encode(name)
  if (text.length > 255) return null
  const header = text.length < 32 ? [0xa0 | text.length] : [0xd9, text.length]
  const encoded = Uint8Array.from([...header, ...text])
  const words = Math.floor(encoded.length / 4)
  return {
    nameWords: Int32Array.from({ length: words }, (_, n) => wordAt(encoded, 4 * n)),
    nameRest: encoded.subarray(4 * words),
    kind: type.kind,
    nullable: type.nullable,
    isTime: name === source.timestampField,
    column: rows.columns.find((column) => column.name === name) ?? null,
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(at)
}

/** Puts the scalar at hand into its column; false if its form is not a usual one of the type. */
export function place(field: PlainField, rows: RowBatch, i: number, bytes: Buffer): boolean {
  const { column } = field
  if (scalar.form === form.nil) {
    if (!field.nullable) return false
    if (column !== null) setNull(column, i)
    return true
  }
  switch (field.kind) {
    case 'Int64':
      return scalar.form === form.int && setInt(column, i, scalar.high, scalar.low)
    case 'Int32':
      if (scalar.form !== form.int || scalar.high !== (scalar.low | 0) >> 31) return false
      return setInt(column, i, scalar.high, scalar.low)
    case 'Float64':
    case 'Float32':
      return setFloat(column, i, field.kind === 'Float32')
    case 'Timestamp':
      return setTime(field, rows, i)
    case 'String':
      if (scalar.form !== form.text) return false
      if (column !== null) {
        column.isNull[i] = 0
        column.values[i] = bytes.toString('latin1', scalar.start, scalar.end)
      }
      return true
    case 'Bool':
      if (scalar.form !== form.bool) return false
      if (column !== null) {
        column.isNull[i] = 0
        column.values[i] = scalar.bool
      }
      return true
  }
}

function setNull(column: Column, i: number): void {
  column.set(i, null)
}

function setInt(column: Column | null, i: number, high: number, low: number): boolean {
  if (column === null) return true
  column.isNull[i] = 0
  column.high[i] = high
  column.low[i] = low
  return true
}

function setFloat(column: Column | null, i: number, isSingle: boolean): boolean {
  let value: number
  if (scalar.form === form.float) value = scalar.float
  else if (scalar.form === form.int) {
    value = scalar.high * 4294967296 + scalar.low
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) return false
  } else return false
  if (isSingle) {
    value = Math.fround(value)
    if (value - value !== 0) return false
  }
  if (column !== null) {
    column.isNull[i] = 0
    // The sum turns −0 into 0.
    column.floats[i] = value + 0
  }
  return true
}

function setTime(field: PlainField, rows: RowBatch, i: number): boolean {
  let ns = 0
  let ms: number
  if (scalar.form === form.instant) {
    ms = scalar.ms
    ns = scalar.ns
  } else if (scalar.form === form.int) ms = scalar.high * 4294967296 + scalar.low
  else return false
  if (ms < eventTimeMsMin || ms > eventTimeMsMax || (ms === eventTimeMsMax && ns > 0)) return false
  if (field.isTime) {
    rows.timeMs[i] = ms
    rows.timeNs[i] = ns
  }
  if (field.column !== null) setNanoseconds(field.column, i, ms, ns)
  return true
}

/** Sets `ms · 10⁶ + ns` as a 64-bit integer, in parts that a double holds exactly. */
function setNanoseconds(column: Column, i: number, ms: number, ns: number): void {
  const upper = Math.floor(ms / 1_048_576)
  const scaled = upper * 1_000_000
  const above = Math.floor(scaled / 4096)
  const below = (scaled - above * 4096) * 1_048_576 + (ms - upper * 1_048_576) * 1_000_000 + ns
  const carry = Math.floor(below / 4294967296)
  setInt(column, i, above + carry, below - carry * 4294967296)
}
