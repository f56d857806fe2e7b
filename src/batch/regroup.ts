/**
 * Chunks as they are read → batches of so many rows: a backfill that goes on numbers its rows like
 * the one before, however DuckDB cuts them.
 *
 * A row that is none stands among the others as an event that no schema takes.
 */
import type { BatchRowsChunk, BatchRowsRequest } from '../model/backfill.ts'
import { encodeOrigins, type RefusedRow } from '../model/origins.ts'
import type { ManyPlaces } from './places.ts'
import type { BatchChunk, RejectedRow } from './reader.ts'

/** Of the array, and of the `bin` of an event: their longest forms, always. */
const headBytes = 5

/** The `bin` of an event that is nil. */
const nilEvent = Uint8Array.of(0xc6, 0, 0, 0, 1, 0xc0)

export interface Regrouping extends Pick<BatchRowsRequest, 'skip' | 'firstRows' | 'chunkRows'> {
  /** Rows that are none, behind all others. */
  readonly broken: readonly RejectedRow[]
}

/** Leaves out the first rows. What a chunk holds is gone with the next one. */
export async function* regroup(
  chunks: AsyncIterable<BatchChunk>,
  { skip, firstRows, chunkRows, broken }: Regrouping,
): AsyncGenerator<BatchRowsChunk> {
  const group = new Group(Math.max(firstRows, chunkRows))
  group.begin(firstRows)
  let left = skip
  const refused = function* (rows: readonly RejectedRow[]): Generator<BatchRowsChunk> {
    for (const { place, ...why } of rows.slice(left)) {
      group.refuse(place.file, place.row, why)
      if (!group.isFull) continue
      yield group.take()
      group.begin(chunkRows)
    }
    left = Math.max(0, left - rows.length)
  }
  for await (const chunk of chunks) {
    yield* refused(chunk.rejected)
    const places = chunk.places()
    const events = new Events(chunk.payload)
    const skipped = Math.min(left, chunk.count)
    left -= skipped
    events.next(skipped)
    for (let at = skipped; at < chunk.count;) {
      const count = Math.min(chunk.count - at, group.room)
      group.add(events.next(count), places, at, count)
      at += count
      if (!group.isFull) continue
      yield group.take()
      group.begin(chunkRows)
    }
  }
  yield* refused(broken)
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

/** Rows of one batch to be, one batch after the other in the same memory. */
class Group {
  count = 0
  #rowsMax = 0
  #bytes = new Uint8Array(256 * 1024)
  #at = headBytes
  readonly #files = new Map<string | null, number>()
  readonly #file: Uint16Array
  readonly #row: Float64Array
  #refused: RefusedRow[] = []

  /** @param rowsMax  Rows of the largest. */
  constructor(rowsMax: number) {
    this.#file = new Uint16Array(rowsMax)
    this.#row = new Float64Array(rowsMax)
  }

  get room(): number {
    return this.#rowsMax - this.count
  }

  get isFull(): boolean {
    return this.room === 0
  }

  /** Begins a batch of so many rows. */
  begin(rowsMax: number): void {
    this.#rowsMax = rowsMax
    this.count = 0
    this.#at = headBytes
    this.#files.clear()
    this.#refused = []
  }

  /**
   * @param events  Gone with the next chunk; copied.
   * @param places  Those of the chunk, of which `[from, from + count)` are the events'.
   */
  add(events: Uint8Array, { files, file, row }: ManyPlaces, from: number, count: number): void {
    this.#append(events)
    const own = files.map((name) => this.#placeOf(name))
    for (let n = 0; n < count; n++) this.#file[this.count + n] = own[file[from + n]!]!
    this.#row.set(row.subarray(from, from + count), this.count)
    this.count += count
  }

  refuse(file: string | null, row: number, why: Omit<RefusedRow, 'place'>): void {
    this.#append(nilEvent)
    this.#refused.push({ place: this.count, ...why })
    this.#file[this.count] = this.#placeOf(file)
    this.#row[this.count] = row
    this.count += 1
  }

  take(): BatchRowsChunk {
    const { count } = this
    const payload = this.#bytes.subarray(0, this.#at)
    payload[0] = 0xdd
    new DataView(payload.buffer).setUint32(1, count)
    const origins = encodeOrigins({
      files: [...this.#files.keys()],
      file: this.#file.subarray(0, count),
      row: this.#row.subarray(0, count),
      refused: this.#refused,
    })
    return { count, payload, origins }
  }

  #append(events: Uint8Array): void {
    const end = this.#at + events.length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, end))
      grown.set(this.#bytes.subarray(0, this.#at))
      this.#bytes = grown
    }
    this.#bytes.set(events, this.#at)
    this.#at = end
  }

  #placeOf(file: string | null): number {
    const known = this.#files.get(file)
    if (known !== undefined) return known
    this.#files.set(file, this.#files.size)
    return this.#files.size - 1
  }
}
