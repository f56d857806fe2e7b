/**
 * Some thousand rows of an answer of DuckDB, column by column.
 *
 * Numbers and short texts are seen where DuckDB has them, without a copy or an object each;
 * anything else is made into plain values one at a time. What DuckDB shares is gone with the next
 * chunk.
 */
import type { DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api'
import { MsgpackTimestamp } from '../model/msgpack.ts'

/** One column of a chunk. */
export interface Cells {
  isNull(row: number): boolean
  /** The value as plain data; see {@link plainValue}. */
  get(row: number): unknown
  /** Of a BIGINT: low and high half in turn. */
  readonly words: Int32Array
  /** Of a DOUBLE. */
  readonly doubles: Float64Array
  /** Of a VARCHAR: see {@link shortTextBytes}. */
  readonly texts: Uint8Array
}

/** Bytes of a cell of a VARCHAR, and of the length at its beginning; the text comes next. */
export const textCellBytes = 16
export const textHeadBytes = 4

/** Bytes of a text that may stand in its cell; others are elsewhere. */
const inlineTextBytesMax = 12

/**
 * How long the text of a cell is that stands in it, in bytes of UTF-8; -1 for one that does not.
 *
 * @see https://github.com/duckdb/duckdb/blob/main/src/include/duckdb.h `duckdb_string_t`
 */
export function shortTextBytes(texts: Uint8Array, row: number): number {
  const at = row * textCellBytes
  const length = texts[at]!
  const isShort = length <= inlineTextBytesMax && (texts[at + 1]! | texts[at + 2]!) === 0
  return isShort && texts[at + 3] === 0 ? length : -1
}

export class Chunk {
  readonly count: number
  readonly columnCount: number
  readonly #chunk: DuckDBDataChunk

  constructor(chunk: DuckDBDataChunk) {
    this.#chunk = chunk
    this.count = chunk.rowCount
    this.columnCount = chunk.columnCount
  }

  column(n: number): Cells {
    return new VectorCells(this.#chunk.getColumnVector(n) as unknown as Vector)
  }
}

/** What DuckDB's types keep private; at run time it is there. */
interface Vector {
  readonly items?: BigInt64Array | Float64Array
  readonly dataView?: DataView
  readonly validity?: { readonly data: BigUint64Array | null; readonly offset: number }
  getItem(row: number): DuckDBValue
}

const noWords = new Int32Array(0)
const noDoubles = new Float64Array(0)
const noTexts = new Uint8Array(0)

class VectorCells implements Cells {
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly texts: Uint8Array
  readonly #vector: Vector
  /** A bit for each row, set where there is a value; null where all have one. */
  readonly #valid: Uint8Array | null

  constructor(vector: Vector) {
    this.#vector = vector
    const { items, validity, dataView } = vector
    const data = validity?.data ?? null
    this.#valid = data === null ? null : new Uint8Array(data.buffer, data.byteOffset)
    this.words =
      items instanceof BigInt64Array
        ? new Int32Array(items.buffer, items.byteOffset, items.length * 2)
        : noWords
    this.doubles = items instanceof Float64Array ? items : noDoubles
    this.texts =
      dataView === undefined
        ? noTexts
        : new Uint8Array(dataView.buffer, dataView.byteOffset, dataView.byteLength)
  }

  isNull(row: number): boolean {
    const valid = this.#valid
    return valid !== null && ((valid[row >> 3]! >> (row & 7)) & 1) === 0
  }

  get(row: number): unknown {
    return this.isNull(row) ? null : plainValue(this.#vector.getItem(row))
  }
}

/**
 * A value of DuckDB as plain data: whole numbers of 64 bits and more are `bigint`, instants and
 * days are {@link MsgpackTimestamp}, lists arrays, structs objects, maps `Map`s, and what has no
 * such form, decimals among it, is DuckDB's text of it.
 */
function plainValue(value: DuckDBValue): unknown {
  if (typeof value !== 'object' || value === null) return value
  if ('items' in value) return value.items.map(plainValue)
  if ('entries' in value) {
    const { entries } = value
    if (Array.isArray(entries)) {
      return new Map(entries.map((entry) => [plainValue(entry.key), plainValue(entry.value)]))
    }
    const fields = Object.entries(entries).map(([name, each]) => [name, plainValue(each)] as const)
    return Object.fromEntries(fields)
  }
  return instantOf(value) ?? String(value)
}

const dayNs = 86_400_000_000_000n

function instantOf(value: object): MsgpackTimestamp | null {
  // A time of day has microseconds, too, and is no instant.
  if (!value.constructor.name.includes('Timestamp') && !('days' in value && !('months' in value))) {
    return null
  }
  if ('nanos' in value) return new MsgpackTimestamp(value.nanos as bigint)
  if ('micros' in value) return new MsgpackTimestamp((value.micros as bigint) * 1000n)
  if ('millis' in value) return new MsgpackTimestamp((value.millis as bigint) * 1_000_000n)
  if ('seconds' in value) return new MsgpackTimestamp((value.seconds as bigint) * 1_000_000_000n)
  return new MsgpackTimestamp(BigInt((value as { days: number }).days) * dayNs)
}
