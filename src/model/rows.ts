/**
 * Rows in columns: what validation and transforms hand to the aggregation of one shard.
 *
 * A batch is filled from one or several sections, applied and filled again; its arrays are kept
 * and grow. Row `i` of every column belongs to the same event. Columns hold converted values
 * (`model/types.ts`), an integer as two halves so that 64 bits stay exact without a `bigint` per
 * value.
 */
import type { Field, Value } from './types.ts'

/** How a column stores its values. */
export type ColumnKind = 'float' | 'int' | 'value'

export function columnKind(field: Field): ColumnKind {
  switch (field.type.kind) {
    case 'Float64':
    case 'Float32':
      return 'float'
    case 'Int64':
    case 'Int32':
    case 'Timestamp':
      return 'int'
    case 'Bool':
    case 'String':
    case 'Array':
    case 'Struct':
    case 'Map':
      return 'value'
  }
}

export class Column {
  readonly name: string
  readonly kind: ColumnKind
  readonly nullable: boolean
  /** 1 where the value is null; the other arrays hold 0 or null there. */
  isNull: Uint8Array
  /** `float`: the value. */
  floats: Float64Array
  /** `int`: value = high · 2³² + low. */
  high: Int32Array
  low: Uint32Array
  /** `value`: strings, booleans, arrays and the like. */
  values: Value[]

  constructor(field: Field) {
    this.name = field.name
    this.kind = columnKind(field)
    this.nullable = field.type.nullable
    this.isNull = new Uint8Array(0)
    this.floats = new Float64Array(0)
    this.high = new Int32Array(0)
    this.low = new Uint32Array(0)
    this.values = []
  }

  grow(capacity: number): void {
    this.isNull = grown(this.isNull, new Uint8Array(capacity))
    if (this.kind === 'float') this.floats = grown(this.floats, new Float64Array(capacity))
    if (this.kind === 'int') {
      this.high = grown(this.high, new Int32Array(capacity))
      this.low = grown(this.low, new Uint32Array(capacity))
    }
  }

  /** The converted value of row `i`. */
  get(i: number): Value {
    if (this.isNull[i] === 1) return null
    switch (this.kind) {
      case 'float':
        return this.floats[i]!
      case 'int':
        return (BigInt(this.high[i]!) << 32n) | BigInt(this.low[i]!)
      case 'value':
        return this.values[i]!
    }
  }

  /** Makes row 0 of this column what row `i` of another of its kind is. */
  copy(from: Column, i: number): void {
    this.isNull[0] = from.isNull[i]!
    switch (this.kind) {
      case 'float':
        this.floats[0] = from.floats[i]!
        return
      case 'int':
        this.high[0] = from.high[i]!
        this.low[0] = from.low[i]!
        return
      case 'value':
        this.values[0] = from.values[i]!
    }
  }

  /** Sets row `i` from a converted value. */
  set(i: number, value: Value): void {
    this.isNull[i] = value === null ? 1 : 0
    switch (this.kind) {
      case 'float':
        this.floats[i] = value === null ? 0 : (value as number)
        return
      case 'int': {
        if (typeof value === 'bigint') {
          this.high[i] = Number(BigInt.asIntN(32, value >> 32n))
          this.low[i] = Number(BigInt.asUintN(32, value))
          return
        }
        const number = value === null ? 0 : (value as number)
        this.high[i] = Math.floor(number / 4294967296)
        this.low[i] = number >>> 0
        return
      }
      case 'value':
        this.values[i] = value
        return
    }
  }
}

/** Some rows of a batch: the first, and the one behind the last. */
export interface RowRange {
  readonly from: number
  readonly to: number
}

/** The rows of one section, which follow those of the section before it. */
export interface RowSpan {
  /** Behind the last of them. */
  readonly end: number
  /** When their batch arrived, ms; never decreases from span to span. */
  readonly arrivalMs: number
}

export class RowBatch {
  readonly columns: readonly Column[]
  count = 0
  /** The sections whose rows these are, in journal order. */
  spans: RowSpan[] = []
  /** Place of the row's event in its journalled batch. */
  eventIndex: Int32Array
  /** Event time: whole ms since the epoch, and the nanoseconds within that ms, 0…999 999. */
  timeMs: Float64Array
  timeNs: Int32Array
  /** The entity key: its hash, and its bytes as `bytes[keyStart, keyEnd)`. */
  keyHash: Uint32Array
  keyStart: Int32Array
  keyEnd: Int32Array
  bytes: Uint8Array
  /** The same in whole words, where each key begins with one and zeros follow it; else null. */
  words: Int32Array | null = null
  #capacity = 0

  constructor(fields: readonly Field[]) {
    this.columns = fields.map((field) => new Column(field))
    this.eventIndex = new Int32Array(0)
    this.timeMs = new Float64Array(0)
    this.timeNs = new Int32Array(0)
    this.keyHash = new Uint32Array(0)
    this.keyStart = new Int32Array(0)
    this.keyEnd = new Int32Array(0)
    this.bytes = new Uint8Array(0)
  }

  /** Empties the batch and makes room; keys of the rows to come stand in `bytes`. */
  reset(bytes: Uint8Array, rows: number, words: Int32Array | null = null): void {
    this.count = 0
    this.spans = []
    this.bytes = bytes
    this.words = words
    this.reserve(rows)
  }

  /** What has been added since the last span is that of one section. */
  endSpan(arrivalMs: number): void {
    this.spans.push({ end: this.count, arrivalMs })
  }

  /** The first row of a span. */
  spanStart(span: number): number {
    return span === 0 ? 0 : this.spans[span - 1]!.end
  }

  reserve(rows: number): void {
    if (rows <= this.#capacity) return
    const capacity = Math.max(rows, this.#capacity * 2, 64)
    this.eventIndex = grown(this.eventIndex, new Int32Array(capacity))
    this.timeMs = grown(this.timeMs, new Float64Array(capacity))
    this.timeNs = grown(this.timeNs, new Int32Array(capacity))
    this.keyHash = grown(this.keyHash, new Uint32Array(capacity))
    this.keyStart = grown(this.keyStart, new Int32Array(capacity))
    this.keyEnd = grown(this.keyEnd, new Int32Array(capacity))
    for (const column of this.columns) column.grow(capacity)
    this.#capacity = capacity
  }
}

function grown<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
