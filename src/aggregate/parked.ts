/**
 * Rows whose event time has not come yet.
 *
 * A wall-clock window ends at the moment of the read, so an event stamped a little ahead of the
 * server's clock must not be in it before its time. It waits here, in order of event time and then
 * of arrival, and is applied once the clock (the arrival time of a later batch, or the moment of a
 * read) has reached it. At most `futureMsMax` worth of events can wait, and while more than
 * `parkedRowsMax` rows do, the shard takes no event that would wait as well.
 *
 * A read lets rows go at its own moment, while batches that arrived before it may still be on their
 * way to be applied. A replay has no reads, and must decide the same: rows that a read has let go
 * count as waiting until the arrivals have reached their time, too.
 *
 * A row waits as bytes, which is also how a checkpoint has it: `f64 order, u32 keyHash,
 * u16 key bytes, u32 row bytes, key, row`, the row as in `row-codec.ts`.
 */
import type { Column, RowBatch } from '../model/rows.ts'
import type { Field } from '../model/types.ts'
import { ByteWriter } from './byte-writer.ts'
import {
  isOfSameEvent,
  isRowOfSameEvent,
  readRow,
  rowTimeMs,
  rowTimeNs,
  writeRow,
} from './row-codec.ts'

/** A waiting row. */
interface ParkedRow {
  readonly timeMs: number
  readonly timeNs: number
  /** Order of arrival among the parked rows of the view. */
  readonly order: number
  /** Whether it is of the same event as the row before it. */
  readonly isOfSameEvent: boolean
  readonly keyHash: number
  readonly key: Uint8Array
  readonly row: Uint8Array
  /** The key as a text, when the row is what it is known by. */
  readonly keyName: string | null
}

const headBytes = 18

/** What a row costs beside its bytes, bytes: objects. */
const rowOverheadBytes = 320

/** What a key costs by which it is known, beside its bytes, bytes: a text, and its place. */
const nameOverheadBytes = 80

/** A binary heap, the earliest row on top. */
export class ParkedRows {
  readonly #fields: readonly Field[]
  readonly #heap: ParkedRow[] = []
  readonly #writer = new ByteWriter(1024)
  /** When each row that was let go is due, of those that arrivals have not reached, ms. */
  #early: number[] = []
  /** By key: rows by which it is known. */
  readonly #known = new Map<string, number>()
  #order = 0
  #bytes = 0

  /** @param fields  The columns of the view. */
  constructor(fields: readonly Field[]) {
    this.#fields = fields
  }

  get count(): number {
    return this.#heap.length
  }

  /** Rows that wait, and those that only a read has let go, or more. */
  get countMax(): number {
    return this.#heap.length + this.#early.length
  }

  /** Rows that wait at an arrival, as if nothing had been read; those due by then are gone. */
  countAt(arrivalMs: number): number {
    this.#early = this.#early.filter((dueMs) => dueMs > arrivalMs)
    return this.countMax
  }

  /** For {@link restore}. */
  get early(): readonly number[] {
    return this.#early
  }

  /** Whether the earliest row's time has come. */
  isDue(nowMs: number): boolean {
    const first = this.#heap[0]
    if (first === undefined || first.timeMs > nowMs) return false
    return first.timeMs < nowMs || first.timeNs === 0
  }

  /** Estimated bytes of the rows held. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether a key is known by a row that waits. */
  holds(key: Uint8Array): boolean {
    return this.#known.size > 0 && this.#known.has(nameOf(key))
  }

  /**
   * Copies row `i` of a batch.
   *
   * @param isKnown  Whether its key is known without it, until it is due.
   */
  park(rows: RowBatch, i: number, columns: readonly Column[], isKnown: boolean): void {
    const key = rows.bytes.slice(rows.keyStart[i]!, rows.keyEnd[i]!)
    this.#writer.clear()
    writeRow(this.#writer, rows, i, columns, this.#fields)
    this.#push({
      timeMs: rows.timeMs[i]!,
      timeNs: rows.timeNs[i]!,
      order: this.#order,
      isOfSameEvent: isOfSameEvent(rows, i),
      keyHash: rows.keyHash[i]!,
      key,
      row: this.#writer.since(0).slice(),
      keyName: isKnown ? null : nameOf(key),
    })
  }

  /**
   * Takes the events whose time is at or before `nowMs`, in order, and hands on the rows of each.
   *
   * @param arrivalMs  Of the newest batch.
   * @param rows  Filled with the rows of one event at a time.
   * @param apply  Told when they are due, ms.
   */
  take(nowMs: number, arrivalMs: number, rows: RowBatch, apply: (dueMs: number) => void): void {
    while (this.isDue(nowMs)) {
      const first = this.#pop()
      rows.reset(first.key, 1)
      this.#read(first, rows)
      // Rows of one event have one time, and follow each other.
      while (this.#heap[0]?.isOfSameEvent === true) this.#read(this.#pop(), rows)
      const dueMs = first.timeMs + (first.timeNs > 0 ? 1 : 0)
      if (dueMs > arrivalMs) for (let n = 0; n < rows.count; n++) this.#early.push(dueMs)
      apply(dueMs)
    }
  }

  /** All rows as bytes, for {@link restore}. */
  toStored(): Uint8Array {
    const writer = new ByteWriter(4096)
    for (const { order, keyHash, key, row } of this.#heap) {
      writer.f64(order)
      writer.u32(keyHash)
      writer.u16(key.length)
      writer.u32(row.length)
      writer.bytes(key)
      writer.bytes(row)
    }
    return writer.since(0)
  }

  /** Forgets all rows. */
  clear(): void {
    this.#heap.length = 0
    this.#early = []
    this.#bytes = 0
  }

  /** Puts back the rows that a checkpoint carried, and what it said of others. */
  restore(stored: Uint8Array, early: readonly number[]): void {
    this.#early = [...early]
    const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
    for (let at = 0; at < stored.length;) {
      const keyAt = at + headBytes
      const rowAt = keyAt + view.getUint16(at + 12, true)
      const end = rowAt + view.getUint32(at + 14, true)
      const key = new Uint8Array(stored.subarray(keyAt, rowAt))
      this.#push({
        timeMs: rowTimeMs(view, rowAt),
        timeNs: rowTimeNs(view, rowAt),
        order: view.getFloat64(at, true),
        isOfSameEvent: isRowOfSameEvent(view, rowAt),
        keyHash: view.getUint32(at + 8, true),
        key,
        row: new Uint8Array(stored.subarray(rowAt, end)),
        keyName: nameOf(key),
      })
      at = end
    }
  }

  #read({ keyHash, key, row }: ParkedRow, rows: RowBatch): void {
    const i = rows.count
    readRow(new DataView(row.buffer), 0, rows, this.#fields)
    // Whatever row came before, all are of one event.
    rows.eventIndex[i] = 0
    rows.keyHash[i] = keyHash
    rows.keyStart[i] = 0
    rows.keyEnd[i] = key.length
  }

  #push(row: ParkedRow): void {
    this.#order = Math.max(this.#order, row.order + 1)
    this.#bytes += bytesOf(row)
    const { keyName } = row
    if (keyName !== null) this.#known.set(keyName, (this.#known.get(keyName) ?? 0) + 1)
    const heap = this.#heap
    let child = heap.push(row) - 1
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!isBefore(row, heap[parent]!)) break
      heap[child] = heap[parent]!
      child = parent
    }
    heap[child] = row
  }

  #pop(): ParkedRow {
    const heap = this.#heap
    const top = heap[0]!
    const row = heap.pop()!
    this.#bytes -= bytesOf(top)
    this.#forget(top.keyName)
    if (heap.length === 0) return top
    let parent = 0
    for (;;) {
      let child = 2 * parent + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, row)) break
      heap[parent] = heap[child]!
      parent = child
    }
    heap[parent] = row
    return top
  }

  #forget(keyName: string | null): void {
    if (keyName === null) return
    const others = this.#known.get(keyName)! - 1
    if (others === 0) this.#known.delete(keyName)
    else this.#known.set(keyName, others)
  }
}

function bytesOf({ key, row, keyName }: ParkedRow): number {
  const nameBytes = keyName === null ? 0 : nameOverheadBytes + keyName.length
  return rowOverheadBytes + key.length + row.length + nameBytes
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}

function isBefore(a: ParkedRow, b: ParkedRow): boolean {
  return (a.timeMs - b.timeMs || a.timeNs - b.timeNs || a.order - b.order) < 0
}
