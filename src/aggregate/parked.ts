/**
 * Rows whose event time has not come yet.
 *
 * A wall-clock window ends at the moment of the read, so an event stamped a little ahead of the
 * server's clock must not be in it before its time. It waits here, in order of event time and then
 * of arrival, and is applied once the clock (the arrival time of a later batch, or the moment of a
 * read) has reached it. At most `futureMsMax` worth of events can wait.
 */
import type { Column, RowBatch } from '../model/rows.ts'
import type { Value } from '../model/types.ts'

/** One waiting row, as plain data that a checkpoint can carry. */
export interface ParkedRow {
  readonly timeMs: number
  readonly timeNs: number
  /** Order of arrival among the parked rows of the view. */
  readonly order: number
  readonly keyHash: number
  readonly key: Uint8Array
  /** In the order of the view's columns. */
  readonly values: readonly Value[]
}

/** What a row costs beside its key, bytes: objects and values. */
const rowBytes = 256

/** A binary heap, the earliest row on top. */
export class ParkedRows {
  readonly #heap: ParkedRow[] = []
  #order = 0
  #bytes = 0

  get count(): number {
    return this.#heap.length
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

  rows(): readonly ParkedRow[] {
    return this.#heap
  }

  /** Copies row `i` of a batch. */
  park(rows: RowBatch, i: number, columns: readonly Column[]): void {
    this.restore({
      timeMs: rows.timeMs[i]!,
      timeNs: rows.timeNs[i]!,
      order: this.#order,
      keyHash: rows.keyHash[i]!,
      key: rows.bytes.slice(rows.keyStart[i]!, rows.keyEnd[i]!),
      values: columns.map((column) => column.get(i)),
    })
  }

  /** Puts back a row that a checkpoint carried. */
  restore(row: ParkedRow): void {
    this.#order = Math.max(this.#order, row.order + 1)
    this.#bytes += rowBytes + row.key.length
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

  /** Takes the rows whose time is at or before `nowMs`, in order. */
  take(nowMs: number): readonly ParkedRow[] {
    const taken: ParkedRow[] = []
    while (this.isDue(nowMs)) taken.push(this.#pop())
    return taken
  }

  #pop(): ParkedRow {
    const heap = this.#heap
    const top = heap[0]!
    const row = heap.pop()!
    this.#bytes -= rowBytes + top.key.length
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
}

function isBefore(a: ParkedRow, b: ParkedRow): boolean {
  return (a.timeMs - b.timeMs || a.timeNs - b.timeNs || a.order - b.order) < 0
}
