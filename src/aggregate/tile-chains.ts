/**
 * Which rows of an arena belong to which tile of which slot: a chain for each, newest row first.
 *
 * A chain is found by slot and tile in a hash table with linear probing, mostly without it, because
 * the next event of a slot is in the tile of the one before; and all chains of a slot are linked.
 * Rows are added and never removed.
 */

export const noRow = -1

const none = -1
const chainsInitial = 64

/** What a chain costs: its slot, tile, head and link, and its places in a table half full. */
const chainBytes = 4 + 8 + 4 + 4 + 8

export class TileChains {
  /** By slot: its newest chain. */
  #newest = new Int32Array(0)
  /** By chain. */
  #slots = new Int32Array(chainsInitial)
  #tiles = new Float64Array(chainsInitial)
  #heads = new Int32Array(chainsInitial)
  #older = new Int32Array(chainsInitial)
  /** Chains, one more than they are; 0 where empty. Its length is a power of two. */
  #table = new Int32Array(2 * chainsInitial)
  #count = 0

  get bytes(): number {
    return this.#count * chainBytes
  }

  growSlots(capacity: number): void {
    const newest = new Int32Array(capacity).fill(none)
    newest.set(this.#newest)
    this.#newest = newest
  }

  /** Puts a row at the head of a chain; returns the one that was there, {@link noRow} for none. */
  push(slot: number, tile: number, row: number): number {
    const known = this.#find(slot, tile)
    const chain = known === none ? this.#add(slot, tile) : known
    const before = this.#heads[chain]!
    this.#heads[chain] = row
    return before
  }

  /** The newest row of a tile of a slot, {@link noRow} without any. */
  head(slot: number, tile: number): number {
    const chain = this.#find(slot, tile)
    return chain === none ? noRow : this.#heads[chain]!
  }

  /** Calls back with each tile of a slot and its newest row. */
  forEachOf(slot: number, visit: (tile: number, row: number) => void): void {
    for (let chain = this.#newest[slot]!; chain !== none; chain = this.#older[chain]!) {
      visit(this.#tiles[chain]!, this.#heads[chain]!)
    }
  }

  #find(slot: number, tile: number): number {
    const newest = this.#newest[slot]!
    if (newest === none || this.#tiles[newest] === tile) return newest
    const table = this.#table
    const mask = table.length - 1
    for (let place = hashOf(slot, tile) & mask; table[place] !== 0; place = (place + 1) & mask) {
      const chain = table[place]! - 1
      if (this.#slots[chain] === slot && this.#tiles[chain] === tile) return chain
    }
    return none
  }

  #add(slot: number, tile: number): number {
    if (this.#count === this.#slots.length) this.#grow()
    const chain = this.#count++
    this.#slots[chain] = slot
    this.#tiles[chain] = tile
    this.#heads[chain] = noRow
    this.#older[chain] = this.#newest[slot]!
    this.#newest[slot] = chain
    this.#place(chain)
    return chain
  }

  #place(chain: number): void {
    const table = this.#table
    const mask = table.length - 1
    let place = hashOf(this.#slots[chain]!, this.#tiles[chain]!) & mask
    while (table[place] !== 0) place = (place + 1) & mask
    table[place] = chain + 1
  }

  #grow(): void {
    const capacity = 2 * this.#slots.length
    this.#slots = grown(this.#slots, new Int32Array(capacity))
    this.#tiles = grown(this.#tiles, new Float64Array(capacity))
    this.#heads = grown(this.#heads, new Int32Array(capacity))
    this.#older = grown(this.#older, new Int32Array(capacity))
    // At most half full.
    this.#table = new Int32Array(2 * capacity)
    for (let chain = 0; chain < this.#count; chain++) this.#place(chain)
  }
}

function grown<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}

/** Multiply and mix. */
function hashOf(slot: number, tile: number): number {
  let hash = Math.imul(slot, 0x9e3779b1) ^ Math.imul(tile | 0, 0x85ebca77)
  hash = Math.imul(hash ^ (hash >>> 15) ^ Math.floor(tile / 4294967296), 0xc2b2ae3d)
  return hash ^ (hash >>> 13)
}
