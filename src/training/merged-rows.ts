/**
 * Chunks of events and spine rows, by key and time → what a key walk is told, and asked.
 *
 * All events of a chunk are written first, as a shard would get them; then the rows are gone
 * through once more: events that follow one another are counted together, and each spine row is
 * answered when those before it have been.
 */
import { assert } from '../base/assert.ts'
import { eventBytesMax, keyBytesMax } from '../base/limits.ts'
import type { ColumnPlan } from '../batch/columns.ts'
import { EventWriter } from '../batch/event-writer.ts'
import { columnsOf, rowWriter } from '../batch/numbered-chunk.ts'
import type { Cells, Chunk } from '../duckdb/chunk.ts'
import { encodeKeyValues } from '../model/key.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import { sectionBuffers, SectionWriter, type SectionBuffers } from '../model/section.ts'
import { msOf, nsWithinMs } from '../model/timestamp.ts'
import type { Field, Value } from '../model/types.ts'
import type { Arrival, KeyWalk, Moment } from './key-walk.ts'
import type { Knowledge } from './manifest.ts'

export interface MergedOptions {
  readonly walk: KeyWalk
  readonly plans: readonly ColumnPlan[]
  readonly joinKeys: readonly Field[]
  /** How many columns of edges there are. */
  readonly edges: number
  /** A spine row: its number, its moment, and those of the edge columns, null before any event. */
  readonly answer: (spineRow: bigint, moment: Moment, edges: readonly (Moment | null)[]) => void
  /** Whether events behind the last spine row of a key count, too. */
  readonly isWhole: boolean
  /** Whether an event arrives at its own time, or the time of a row is that of its arrival. */
  readonly as: Knowledge
  /** An event that does not count, and the numbers of its file and its row. */
  readonly rejected: (rejection: Rejection, file: number, row: number) => void
}

/** The columns of a chunk behind those of the plans, in their order. */
interface RowCells {
  readonly key: Cells
  readonly time: Cells
  readonly spineRow: Cells
  readonly edges: readonly Cells[]
  readonly joinKeys: readonly Cells[]
  readonly file: Cells
  readonly row: Cells
}

/** Rows of a chunk that DuckDB makes, and one more. */
const chunkRowsMax = 2049

export class MergedRows {
  readonly #options: MergedOptions
  readonly #events = new EventWriter()
  readonly #sections = SectionWriter.alone(256 * 1024)
  /** By row of the chunk: where the header of its event is, and how many events come before it. */
  readonly #headerAt = new Int32Array(chunkRowsMax)
  readonly #eventsBefore = new Int32Array(chunkRowsMax)
  /** The number of the key at hand, and the key as a section has it. */
  #keyNumber = -1
  #key: Uint8Array = new Uint8Array(0)
  readonly #keyWords = new Int32Array(keyBytesMax / 4 + 1)

  constructor(options: MergedOptions) {
    this.#options = options
  }

  take(chunk: Chunk): void {
    const cells = this.#cellsOf(chunk)
    const rejections: Rejection[] = []
    const keys = this.#write(chunk, cells, rejections)
    this.#walk(chunk, cells, keys, rejections)
    for (const each of rejections) {
      const { index } = each
      this.#options.rejected(each, Number(cells.file.get(index)), Number(cells.row.get(index)))
    }
  }

  #cellsOf(chunk: Chunk): RowCells {
    const { plans, edges, joinKeys } = this.#options
    let column = columnsOf(plans)
    const next = (): Cells => chunk.column(column++)
    return {
      key: next(),
      time: next(),
      spineRow: next(),
      edges: Array.from({ length: edges }, next),
      joinKeys: joinKeys.map(next),
      file: next(),
      row: next(),
    }
  }

  /** Writes the events; returns the rows with which a key begins. */
  #write(chunk: Chunk, cells: RowCells, rejections: Rejection[]): ReadonlyMap<number, Uint8Array> {
    const events = this.#events
    const sections = this.#sections
    const write = rowWriter(events, this.#options.plans, chunk)
    const keys = new Map<number, Uint8Array>()
    let keyHash = this.#options.walk.hashOf(this.#key)
    let count = 0
    events.reset()
    sections.clear()
    sections.open(0, 0, 0, 0, 0)
    for (let row = 0; row < chunk.count; row++) {
      if (cells.key.words[2 * row]! !== this.#keyNumber) {
        this.#keyNumber = cells.key.words[2 * row]!
        keys.set(row, this.#takeKey(cells, row))
        keyHash = this.#options.walk.hashOf(this.#key)
      }
      this.#headerAt[row] = sections.byteLength
      this.#eventsBefore[row] = count
      if (!cells.spineRow.isNull(row)) continue
      const start = write(row)
      const size = events.byteLength - start
      if (size > eventBytesMax) {
        rejections.push(rejection(row, 'EVENT_TOO_LARGE', '', { size, max: eventBytesMax }))
        continue
      }
      sections.event(row, keyHash, this.#keyWords, this.#key.length, start, start + size)
      count += 1
    }
    this.#headerAt[chunk.count] = sections.byteLength
    this.#eventsBefore[chunk.count] = count
    return keys
  }

  #takeKey({ joinKeys }: RowCells, row: number): Uint8Array {
    const fields = this.#options.joinKeys
    const values = fields.map(({ type }, n) => keyValue(type.kind, joinKeys[n]!.get(row)))
    const key = encodeKeyValues(fields, values)
    assert(key instanceof Uint8Array, 'the keys of a spine are checked before')
    this.#key = key
    this.#keyWords.fill(0, 0, (key.length + 3) >>> 2)
    new Uint8Array(this.#keyWords.buffer).set(key)
    return key
  }

  /** Counts the events and answers the spine rows, in their order. */
  #walk(
    chunk: Chunk,
    cells: RowCells,
    keys: ReadonlyMap<number, Uint8Array>,
    rejections: Rejection[],
  ): void {
    const { walk, answer, isWhole } = this.#options
    const buffers = this.#buffers()
    /** The first row that is not counted. */
    let from = 0
    for (let row = 0; row < chunk.count; row++) {
      const key = keys.get(row)
      if (key !== undefined) {
        // Events behind the last spine row of a key are of no interest otherwise.
        if (isWhole) this.#count(cells, buffers, from, row, rejections)
        from = row
        walk.begin(key)
      }
      if (cells.spineRow.isNull(row)) continue
      this.#count(cells, buffers, from, row, rejections)
      from = row + 1
      const edges = cells.edges.map((edge) => (edge.isNull(row) ? null : momentOf(edge, row)))
      answer(cells.spineRow.get(row) as bigint, momentOf(cells.time, row), edges)
    }
    this.#count(cells, buffers, from, chunk.count, rejections)
  }

  /** Counts the events of some rows. */
  #count(
    cells: RowCells,
    buffers: SectionBuffers,
    first: number,
    end: number,
    rejections: Rejection[],
  ): void {
    if (this.#eventsBefore[end] === this.#eventsBefore[first]) return
    const { walk, as } = this.#options
    const arrivals =
      as === 'served'
        ? this.#received(cells.time, first, end)
        : this.#atTheirTimes(cells.time, first, end)
    walk.count(buffers, arrivals, rejections)
  }

  /** Events whose time is that of their arrival, ascending. */
  #received(time: Cells, first: number, end: number): readonly Arrival[] {
    const arrivals: Arrival[] = []
    for (let from = first; from < end;) {
      const { ms } = momentOf(time, from)
      let to = from + 1
      while (to < end && momentOf(time, to).ms === ms) to += 1
      arrivals.push(...this.#arrival(from, to, ms))
      from = to
    }
    return arrivals
  }

  /** Events that arrive when they happen: all at the time of the last, as far as that goes. */
  #atTheirTimes(time: Cells, first: number, end: number): readonly Arrival[] {
    // What has no time is not counted, whatever the time.
    const at = (row: number): Moment => (time.isNull(row) ? epoch : momentOf(time, row))
    const last = at(end - 1)
    let whole = end
    if (this.#options.walk.isOneByOne) whole = first
    // In the last millisecond, an event is ahead of its beginning.
    else while (whole > first && isBehind(at(whole - 1), last.ms)) whole -= 1
    const arrivals = [...this.#arrival(first, whole, last.ms)]
    for (let row = whole; row < end; row++) {
      const { ms, ns } = at(row)
      arrivals.push(...this.#arrival(row, row + 1, ns > 0 ? ms + 1 : ms))
    }
    return arrivals
  }

  /** The events of some rows, if there are any. */
  #arrival(from: number, to: number, arrivalMs: number): readonly Arrival[] {
    const count = this.#eventsBefore[to]! - this.#eventsBefore[from]!
    if (count === 0) return []
    return [{ arrivalMs, count, start: this.#headerAt[from]!, end: this.#headerAt[to]! }]
  }

  #buffers(): SectionBuffers {
    const { bytes, words, view } = sectionBuffers(this.#sections.buffer, noMemory)
    const payload = this.#events.payload()
    const events = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    const eventsView = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    return { bytes, words, view, events, eventsView }
  }
}

const noMemory = new SharedArrayBuffer(0)
const epoch: Moment = { ms: 0, ns: 0 }

function isBehind({ ms, ns }: Moment, limitMs: number): boolean {
  return ms === limitMs && ns > 0
}

function momentOf(cells: Cells, row: number): Moment {
  const time = cells.get(row) as bigint
  return { ms: msOf(time), ns: nsWithinMs(time) }
}

function keyValue(kind: Field['type']['kind'], value: unknown): Value {
  return kind === 'Int32' ? Number(value) : (value as Value)
}
