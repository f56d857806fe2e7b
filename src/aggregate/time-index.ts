/**
 * Where the rows of an arena are, by slot and event time: is there an event of a key at a moment?
 *
 * A hash table of places with linear probing; the rows themselves say of which slot and time they
 * are. Rows are added and never removed.
 */

/** The arena of the rows. */
export interface TimedRows {
  /** Whether the row at a place is of a slot and has an event time. */
  isAt(at: number, slot: number, timeMs: number, timeNs: number): boolean
}

const entriesInitial = 256

export class TimeIndex {
  /** Hash and place in turn; a place is one more than it is, because 0 is none. */
  #table = new Uint32Array(2 * entriesInitial)
  #count = 0

  get bytes(): number {
    return this.#count === 0 ? 0 : this.#table.byteLength
  }

  add(slot: number, timeMs: number, timeNs: number, at: number): void {
    // At most half full.
    if (4 * (this.#count + 1) > this.#table.length) this.#grow()
    this.#put(hashOf(slot, timeMs, timeNs), at + 1)
    this.#count += 1
  }

  has(slot: number, timeMs: number, timeNs: number, rows: TimedRows): boolean {
    const table = this.#table
    const mask = table.length - 1
    const hash = hashOf(slot, timeMs, timeNs)
    for (let i = (hash * 2) & mask; table[i + 1] !== 0; i = (i + 2) & mask) {
      if (table[i] === hash && rows.isAt(table[i + 1]! - 1, slot, timeMs, timeNs)) return true
    }
    return false
  }

  #put(hash: number, place: number): void {
    const table = this.#table
    const mask = table.length - 1
    let i = (hash * 2) & mask
    while (table[i + 1] !== 0) i = (i + 2) & mask
    table[i] = hash
    table[i + 1] = place
  }

  #grow(): void {
    const before = this.#table
    this.#table = new Uint32Array(before.length * 2)
    for (let i = 0; i < before.length; i += 2) {
      if (before[i + 1] !== 0) this.#put(before[i]!, before[i + 1]!)
    }
  }
}

/** Multiply and mix, as in `base/hash.ts`, over three words. */
function hashOf(slot: number, timeMs: number, timeNs: number): number {
  let hash = Math.imul(slot, 0x9e3779b1)
  hash = Math.imul(hash ^ (timeMs | 0) ^ (hash >>> 15), 0x85ebca77)
  hash = Math.imul(hash ^ timeNs ^ Math.floor(timeMs / 4294967296) ^ (hash >>> 13), 0xc2b2ae3d)
  return (hash ^ (hash >>> 16)) >>> 0
}
