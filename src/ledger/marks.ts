/**
 * Which entries were replayed: one bit for each.
 *
 * Thread: main. Pure.
 */

/** Entries of one part, which is made when the first of them is marked. */
const partEntries = 32_768

export class ReplayMarks {
  readonly #parts = new Map<number, Uint8Array>()

  add(ids: readonly number[]): void {
    for (const id of ids) {
      const part = Math.floor(id / partEntries)
      let bits = this.#parts.get(part)
      if (bits === undefined) {
        bits = new Uint8Array(partEntries / 8)
        this.#parts.set(part, bits)
      }
      const bit = id % partEntries
      bits[bit >> 3]! |= 1 << (bit & 7)
    }
  }

  has(id: number): boolean {
    const bit = id % partEntries
    const bits = this.#parts.get(Math.floor(id / partEntries))
    return bits !== undefined && (bits[bit >> 3]! & (1 << (bit & 7))) !== 0
  }

  /** Forgets entries before `first`, as far as whole parts are. */
  dropBefore(first: number): void {
    for (const part of this.#parts.keys()) {
      if ((part + 1) * partEntries <= first) this.#parts.delete(part)
    }
  }
}
