/**
 * Chunks as they are read → batches of so many rows: a backfill that goes on numbers its rows like
 * the one before, however DuckDB cuts them.
 *
 * A row that is none stands among the others as an event that no schema takes.
 */
import type { BatchRowsChunk, BatchRowsRequest } from '../model/backfill.ts'
import { encodeOrigins, type RefusedRow } from '../model/origins.ts'
import type { BatchChunk } from './reader.ts'

/** Of the array, and of the `bin` of an event: their longest forms, always. */
const headBytes = 5

/** The `bin` of an event that is nil. */
const nilEvent = Uint8Array.of(0xc6, 0, 0, 0, 1, 0xc0)

export type Regrouping = Pick<BatchRowsRequest, 'skip' | 'firstRows' | 'chunkRows' | 'isWhole'>

/** Leaves out the first rows, and the rows that are none behind the last event but at the end. */
export async function* regroup(
  chunks: AsyncIterable<BatchChunk>,
  { skip, firstRows, chunkRows, isWhole }: Regrouping,
): AsyncGenerator<BatchRowsChunk> {
  let group = new Group(firstRows)
  let left = skip
  let hasEvents = false
  for await (const chunk of chunks) {
    const { files, file, row } = await chunk.places()
    const isTail = hasEvents && chunk.count === 0
    for (const { place, ...why } of isTail && !isWhole ? [] : chunk.rejected) {
      if (left-- > 0) continue
      group.refuse(place.file, place.row, why)
      if (!group.isFull) continue
      yield group.take()
      group = new Group(chunkRows)
    }
    left = Math.max(0, left)
    hasEvents ||= chunk.count > 0
    const events = new Events(chunk.payload)
    const skipped = Math.min(left, chunk.count)
    left -= skipped
    events.next(skipped)
    for (let at = skipped; at < chunk.count;) {
      const count = Math.min(chunk.count - at, group.room)
      const places = {
        files,
        file: file.subarray(at, at + count),
        row: row.subarray(at, at + count),
      }
      group.add(events.next(count), places)
      at += count
      if (!group.isFull) continue
      yield group.take()
      group = new Group(chunkRows)
    }
  }
  if (group.count > 0) yield group.take()
}

/** Walks the events of a payload. */
class Events {
  readonly #payload: Uint8Array
  readonly #view: DataView
  #at = headBytes

  constructor(payload: Uint8Array) {
    this.#payload = payload
    this.#view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  }

  /** The bytes of the next so many. */
  next(count: number): Uint8Array {
    const start = this.#at
    for (let n = 0; n < count; n++) this.#at += headBytes + this.#view.getUint32(this.#at + 1)
    return this.#payload.subarray(start, this.#at)
  }
}

/** Rows of one batch to be. */
class Group {
  count = 0
  readonly #rowsMax: number
  readonly #parts: Uint8Array[] = []
  readonly #places = new Map<string | null, number>()
  readonly #file: Uint16Array
  readonly #row: Float64Array
  readonly #refused: RefusedRow[] = []

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
    this.#file = new Uint16Array(rowsMax)
    this.#row = new Float64Array(rowsMax)
  }

  get room(): number {
    return this.#rowsMax - this.count
  }

  get isFull(): boolean {
    return this.room === 0
  }

  /** @param events  Gone with the next chunk; copied. */
  add(
    events: Uint8Array,
    places: {
      readonly files: readonly (string | null)[]
      readonly file: Uint16Array
      readonly row: Float64Array
    },
  ): void {
    this.#parts.push(new Uint8Array(events))
    const own = places.files.map((name) => this.#placeOf(name))
    for (const [n, file] of places.file.entries()) this.#file[this.count + n] = own[file]!
    this.#row.set(places.row, this.count)
    this.count += places.file.length
  }

  refuse(file: string | null, row: number, why: Omit<RefusedRow, 'place'>): void {
    this.#parts.push(nilEvent)
    this.#refused.push({ place: this.count, ...why })
    this.#file[this.count] = this.#placeOf(file)
    this.#row[this.count] = row
    this.count += 1
  }

  take(): BatchRowsChunk {
    const { count } = this
    const bytes = this.#parts.reduce((sum, part) => sum + part.length, headBytes)
    const payload = new Uint8Array(bytes)
    payload[0] = 0xdd
    new DataView(payload.buffer).setUint32(1, count)
    let at = headBytes
    for (const part of this.#parts) {
      payload.set(part, at)
      at += part.length
    }
    const origins = encodeOrigins({
      files: [...this.#places.keys()],
      file: this.#file.subarray(0, count),
      row: this.#row.subarray(0, count),
      refused: this.#refused,
    })
    return { count, payload, origins }
  }

  #placeOf(file: string | null): number {
    const known = this.#places.get(file)
    if (known !== undefined) return known
    this.#places.set(file, this.#places.size)
    return this.#places.size - 1
  }
}
