/**
 * Rings of neighbouring rows, a power of two of them, in one pool of cells that grows.
 *
 * A ring begins at a multiple of its size, so that a row's place in it follows from the row's
 * number. Freed rings are taken again, by size. Row 0 is in none.
 */
import { grownCapacity } from './capacity.ts'
import { Cells } from './cells.ts'

const rowsInitial = 256

export class RowRings {
  readonly cells: Cells
  readonly #stride: number
  #rows = rowsInitial
  #rowsEnd = 1
  /** The last ring freed, by log2 of its rows; 0 for none. Its first cell says which was before. */
  readonly #free = new Int32Array(32)
  #rowsUsed = 0

  /** @param stride  Cells of a row. */
  constructor(stride: number) {
    this.#stride = stride
    this.cells = new Cells(rowsInitial * stride)
  }

  /** Rows of the rings in use. */
  get rowsUsed(): number {
    return this.#rowsUsed
  }

  /** Takes a ring of `1 << sizeClass` rows; returns its first row. */
  take(sizeClass: number): number {
    this.#rowsUsed += 1 << sizeClass
    const free = this.#free[sizeClass]!
    if (free !== 0) {
      this.#free[sizeClass] = this.cells.f64[free * this.#stride]!
      return free
    }
    // What is left over before the next multiple are smaller rings.
    while ((this.#rowsEnd & ((1 << sizeClass) - 1)) !== 0) {
      const smaller = 31 - Math.clz32(this.#rowsEnd & -this.#rowsEnd)
      const ring = this.#extend(smaller)
      this.#rowsUsed += 1 << smaller
      this.give(ring, smaller)
    }
    return this.#extend(sizeClass)
  }

  /** Gives back a ring of which nothing is used any more. */
  give(ring: number, sizeClass: number): void {
    this.#rowsUsed -= 1 << sizeClass
    this.cells.f64[ring * this.#stride] = this.#free[sizeClass]!
    this.#free[sizeClass] = ring
  }

  /** A ring behind all others. */
  #extend(sizeClass: number): number {
    const ring = this.#rowsEnd
    this.#rowsEnd += 1 << sizeClass
    if (this.#rowsEnd > this.#rows) {
      this.#rows = Math.max(grownCapacity(this.#rows), this.#rowsEnd)
      this.cells.grow(this.#rows * this.#stride)
    }
    return ring
  }
}
