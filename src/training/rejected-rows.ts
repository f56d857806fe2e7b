/**
 * Rows that do not count: how many for each reason, and where the first of them are.
 *
 * Which are the first does not depend on how the rows were divided among threads.
 */
import type { ErrorCode } from '../base/errors.ts'
import { namedRowsMax } from '../base/batch-limits.ts'
import type { Rejection } from '../model/rejection.ts'

/** By code. */
export type RejectedCounts = Readonly<Partial<Record<ErrorCode, number>>>

/** A row that does not count, by the numbers of its file and its place. */
export interface NumberedRow extends Omit<Rejection, 'index'> {
  readonly file: number
  readonly row: number
}

export class RejectedRows {
  readonly #counts: Partial<Record<ErrorCode, number>> = {}
  readonly #first = new Map<ErrorCode, NumberedRow[]>()

  add({ code, path, message }: Rejection, file: number, row: number): void {
    this.#counts[code] = (this.#counts[code] ?? 0) + 1
    this.#keep({ code, path, message, file, row })
  }

  /** Adds what another thread has found. */
  addAll(counts: RejectedCounts, first: readonly NumberedRow[]): void {
    for (const [code, count] of Object.entries(counts) as [ErrorCode, number][]) {
      this.#counts[code] = (this.#counts[code] ?? 0) + count
    }
    for (const each of first) this.#keep(each)
  }

  get counts(): RejectedCounts {
    return this.#counts
  }

  /** At most {@link namedRowsMax} of each code, by their places. */
  get first(): readonly NumberedRow[] {
    return [...this.#first.values()].flat().toSorted(byPlace)
  }

  #keep(found: NumberedRow): void {
    const kept = this.#first.get(found.code) ?? []
    this.#first.set(found.code, kept)
    const isFull = kept.length === namedRowsMax
    if (isFull && byPlace(found, kept.at(-1)!) >= 0) return
    const behind = kept.findIndex((each) => byPlace(found, each) < 0)
    kept.splice(behind === -1 ? kept.length : behind, 0, found)
    if (isFull) kept.pop()
  }
}

function byPlace(a: NumberedRow, b: NumberedRow): number {
  return a.file - b.file || a.row - b.row
}
