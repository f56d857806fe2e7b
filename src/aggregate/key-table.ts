/**
 * Entity keys → slots: the hash table of one view in one shard.
 *
 * A slot is a small number that stays with its key while the key is in memory; everything else
 * about a key stands in arrays indexed by slot. Open addressing with linear probing over 32-bit
 * entries, keys side by side in one arena: about 40 bytes a key beside the key's own, and no
 * object. Slot 0 is never given out.
 *
 * @see D. E. Knuth, TAOCP vol. 3, 6.4, algorithm R, for deletion without tombstones.
 */
import { assert } from '../base/assert.ts'
import { grownCapacity } from './capacity.ts'

/** What a key costs in the arrays by slot, and in the table that is 3/8 to 3/4 full. */
const slotBytes = 10
const placeBytes = 8

const slotsInitial = 64
const arenaBytesInitial = 1024

export class KeyTable {
  /** Slot per table place, 0 where empty. Its length is a power of two, at most 3/4 full. */
  #places = new Int32Array(slotsInitial * 2)
  #hashes = new Uint32Array(slotsInitial)
  #starts = new Uint32Array(slotsInitial)
  #lengths = new Uint16Array(slotsInitial)
  #arena = new Uint8Array(arenaBytesInitial)
  #arenaEnd = 0
  /** Bytes of the arena that belong to removed keys. */
  #arenaFree = 0
  /** The last slot freed, 0 for none; its start says which was before. */
  #freeSlot = 0
  #slotsEnd = 1
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Slots ever given out: every slot in use is below. */
  get slotsEnd(): number {
    return this.#slotsEnd
  }

  /** Bytes of keys in use, with their share of the tables. */
  get bytes(): number {
    return this.#count * (slotBytes + placeBytes) + this.#arenaEnd - this.#arenaFree
  }

  /** The slot of `bytes[start, end)`, 0 if it has none. */
  find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const mask = this.#places.length - 1
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const slot = this.#places[place]!
      if (slot === 0) return 0
      if (this.#hashes[slot] === hash && this.#equals(slot, bytes, start, end)) return slot
    }
  }

  /**
   * Guesses the slots of keys by their hashes, and reads what {@link find} will want to see.
   *
   * @param slots  Filled with the guesses; some are wrong, and 0 may stand for a key that is there.
   * @returns nothing of use; see `#readAhead` in `view-state.ts`.
   */
  readAhead(hashes: Uint32Array, from: number, to: number, slots: Int32Array): number {
    const places = this.#places
    const mask = places.length - 1
    for (let i = from; i < to; i++) slots[i] = places[hashes[i]! & mask]!
    const ownHashes = this.#hashes
    const starts = this.#starts
    const lengths = this.#lengths
    let read = 0
    for (let i = from; i < to; i++) {
      const slot = slots[i]!
      read = (read + ownHashes[slot]! + starts[slot]! + lengths[slot]!) | 0
    }
    const arena = this.#arena
    for (let i = from; i < to; i++) read = (read + arena[starts[slots[i]!]!]!) | 0
    return read
  }

  /** Gives a slot to a key that has none. */
  insert(hash: number, bytes: Uint8Array, start: number, end: number): number {
    if ((this.#count + 1) * 4 > this.#places.length * 3) this.#rehash(this.#places.length * 2)
    const slot = this.#takeSlot()
    const length = end - start
    this.#reserveArena(length)
    this.#arena.set(bytes.subarray(start, end), this.#arenaEnd)
    this.#hashes[slot] = hash
    this.#starts[slot] = this.#arenaEnd
    this.#lengths[slot] = length
    this.#arenaEnd += length
    this.#count += 1
    this.#place(slot, hash)
    return slot
  }

  remove(slot: number): void {
    const places = this.#places
    const mask = places.length - 1
    let hole = this.#hashes[slot]! & mask
    while (places[hole] !== slot) {
      assert(places[hole] !== 0, 'a removed slot is in the table')
      hole = (hole + 1) & mask
    }
    // Move back every later entry of the run that may not stand behind the hole.
    for (let place = (hole + 1) & mask; places[place] !== 0; place = (place + 1) & mask) {
      const home = this.#hashes[places[place]!]! & mask
      if (((place - home) & mask) < ((place - hole) & mask)) continue
      places[hole] = places[place]!
      hole = place
    }
    places[hole] = 0
    this.#arenaFree += this.#lengths[slot]!
    // Length 0 marks a free slot: keys are never empty.
    this.#lengths[slot] = 0
    this.#starts[slot] = this.#freeSlot
    this.#freeSlot = slot
    this.#count -= 1
  }

  has(slot: number): boolean {
    return this.#lengths[slot]! > 0
  }

  hashOf(slot: number): number {
    return this.#hashes[slot]!
  }

  /** A view of the key's bytes, valid until the next insert. */
  keyOf(slot: number): Uint8Array {
    const start = this.#starts[slot]!
    return this.#arena.subarray(start, start + this.#lengths[slot]!)
  }

  #takeSlot(): number {
    const free = this.#freeSlot
    if (free !== 0) {
      this.#freeSlot = this.#starts[free]!
      return free
    }
    if (this.#slotsEnd === this.#hashes.length) this.#growSlots()
    return this.#slotsEnd++
  }

  #equals(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start
    if (this.#lengths[slot] !== length) return false
    const arena = this.#arena
    const at = this.#starts[slot]!
    for (let i = 0; i < length; i++) if (arena[at + i] !== bytes[start + i]) return false
    return true
  }

  #place(slot: number, hash: number): void {
    const mask = this.#places.length - 1
    let place = hash & mask
    while (this.#places[place] !== 0) place = (place + 1) & mask
    this.#places[place] = slot
  }

  #rehash(length: number): void {
    this.#places = new Int32Array(length)
    for (let slot = 1; slot < this.#slotsEnd; slot++) {
      if (this.#lengths[slot]! > 0) this.#place(slot, this.#hashes[slot]!)
    }
  }

  #growSlots(): void {
    const capacity = grownCapacity(this.#hashes.length)
    const hashes = new Uint32Array(capacity)
    const starts = new Uint32Array(capacity)
    const lengths = new Uint16Array(capacity)
    hashes.set(this.#hashes)
    starts.set(this.#starts)
    lengths.set(this.#lengths)
    this.#hashes = hashes
    this.#starts = starts
    this.#lengths = lengths
  }

  /** Makes room at the end of the arena, by compacting it when a third of it is free. */
  #reserveArena(bytes: number): void {
    if (this.#arenaEnd + bytes <= this.#arena.length) return
    const live = this.#arenaEnd - this.#arenaFree + bytes
    const compact = live * 3 < this.#arena.length * 2
    const length = compact ? this.#arena.length : Math.max(grownCapacity(this.#arena.length), live)
    const arena = new Uint8Array(length)
    if (this.#arenaFree === 0) {
      arena.set(this.#arena.subarray(0, this.#arenaEnd))
      this.#arena = arena
      return
    }
    let at = 0
    for (let slot = 1; slot < this.#slotsEnd; slot++) {
      const start = this.#starts[slot]!
      const keyBytes = this.#lengths[slot]!
      if (keyBytes === 0) continue
      arena.set(this.#arena.subarray(start, start + keyBytes), at)
      this.#starts[slot] = at
      at += keyBytes
    }
    this.#arena = arena
    this.#arenaEnd = at
    this.#arenaFree = 0
  }
}
