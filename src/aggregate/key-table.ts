/**
 * Entity keys → slots: the hash table of one view in one shard.
 *
 * A slot is a small number that stays with its key while the key is in memory; everything else
 * about a key stands in the record of its slot. Open addressing with linear probing over 32-bit
 * entries; keys that have no room in their records stand side by side in one arena. No object is
 * made for a key. Slot 0 is never given out.
 *
 * @see D. E. Knuth, TAOCP vol. 3, 6.4, algorithm R, for deletion without tombstones.
 */
import { assert } from '../base/assert.ts'
import type { RowBatch, RowRange } from '../model/rows.ts'
import { grownCapacity } from './capacity.ts'
import { recordWord, SlotRecords } from './slot-records.ts'

/** What a key costs in the table, which is 3/8 to 3/4 full. */
const placeBytes = 8

const placesInitial = 128
const arenaBytesInitial = 1024

export class KeyTable {
  /** Slot per table place, 0 where empty. Its length is a power of two, at most 3/4 full. */
  #places = new Int32Array(placesInitial)
  readonly #records: SlotRecords
  readonly #words: number
  #arena = new Uint8Array(arenaBytesInitial)
  #arenaEnd = 0
  /** Bytes of the arena that belong to removed keys. */
  #arenaFree = 0
  /** The last slot freed, 0 for none; its start says which was before. */
  #freeSlot = 0
  #slotsEnd = 1
  #count = 0

  /** @param records  Empty; words of them are this table's. */
  constructor(records = new SlotRecords(null)) {
    this.#records = records
    this.#words = records.words
  }

  get count(): number {
    return this.#count
  }

  /** Slots ever given out: every slot in use is below. */
  get slotsEnd(): number {
    return this.#slotsEnd
  }

  /** Bytes of keys in use: their records, and what they take elsewhere. */
  get bytes(): number {
    const perKey = this.#records.bytesPerRecord + placeBytes
    return this.#count * perKey + this.#arenaEnd - this.#arenaFree
  }

  /** The slot of `bytes[start, end)`, 0 if it has none. */
  find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const places = this.#places
    const mask = places.length - 1
    const { i32 } = this.#records
    const word = hash | 0
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const slot = places[place]!
      if (slot === 0) return 0
      const isHash = i32[slot * this.#words + recordWord.hash] === word
      if (isHash && this.#equals(slot, bytes, start, end)) return slot
    }
  }

  /**
   * Guesses the slots of keys by their hashes.
   *
   * @param slots  Filled with the guesses; some are wrong, and 0 may stand for a key that is there.
   */
  guess(hashes: Uint32Array, from: number, to: number, slots: Int32Array): void {
    const places = this.#places
    const mask = places.length - 1
    for (let i = from; i < to; i++) slots[i] = places[hashes[i]! & mask]!
  }

  /**
   * Makes slots of guesses: 0 stays, or becomes, where a guess is wrong and has to be looked for.
   *
   * @param words  The rows' keys: each begins with a whole word, and zeros follow it.
   */
  confirm(
    { keyHash, keyStart, keyEnd }: Pick<RowBatch, 'keyHash' | 'keyStart' | 'keyEnd'>,
    words: Int32Array,
    { from, to }: RowRange,
    slots: Int32Array,
  ): void {
    const { i32, u16, keyAt, keyBytesMax } = this.#records
    const recordWords = this.#words
    for (let i = from; i < to; i++) {
      const record = slots[i]! * recordWords
      const start = keyStart[i]!
      const length = keyEnd[i]! - start
      let isRight =
        length <= keyBytesMax &&
        i32[record + recordWord.hash] === (keyHash[i]! | 0) &&
        u16[(record + recordWord.keyLength) * 2] === length
      const end = (length + 3) >>> 2
      for (let n = 0; isRight && n < end; n++) {
        isRight = i32[record + keyAt + n] === words[(start >>> 2) + n]
      }
      if (!isRight) slots[i] = 0
    }
  }

  /** Gives a slot to a key that has none; the rest of its record is 0. */
  insert(hash: number, bytes: Uint8Array, start: number, end: number): number {
    if ((this.#count + 1) * 4 > this.#places.length * 3) this.#rehash(this.#places.length * 2)
    const slot = this.#takeSlot()
    const { i32, u8, keyAt, keyBytesMax } = this.#records
    const record = slot * this.#words
    i32.fill(0, record, record + this.#words)
    i32[record + recordWord.hash] = hash
    const length = end - start
    if (length <= keyBytesMax) u8.set(bytes.subarray(start, end), (record + keyAt) * 4)
    else {
      this.#reserveArena(length)
      this.#arena.set(bytes.subarray(start, end), this.#arenaEnd)
      i32[record + recordWord.keyStart] = this.#arenaEnd
      this.#arenaEnd += length
    }
    this.#setLength(slot, length)
    this.#count += 1
    this.#place(slot, hash)
    return slot
  }

  remove(slot: number): void {
    const places = this.#places
    const mask = places.length - 1
    let hole = this.hashOf(slot) & mask
    while (places[hole] !== slot) {
      assert(places[hole] !== 0, 'a removed slot is in the table')
      hole = (hole + 1) & mask
    }
    // Move back every later entry of the run that may not stand behind the hole.
    for (let place = (hole + 1) & mask; places[place] !== 0; place = (place + 1) & mask) {
      const home = this.hashOf(places[place]!) & mask
      if (((place - home) & mask) < ((place - hole) & mask)) continue
      places[hole] = places[place]!
      hole = place
    }
    places[hole] = 0
    const length = this.#lengthOf(slot)
    if (length > this.#records.keyBytesMax) this.#arenaFree += length
    // Length 0 marks a free slot: keys are never empty.
    this.#setLength(slot, 0)
    this.#records.i32[slot * this.#words + recordWord.keyStart] = this.#freeSlot
    this.#freeSlot = slot
    this.#count -= 1
  }

  has(slot: number): boolean {
    return this.#lengthOf(slot) > 0
  }

  hashOf(slot: number): number {
    return this.#records.i32[slot * this.#words + recordWord.hash]! >>> 0
  }

  /** A view of the key's bytes, valid until the next insert. */
  keyOf(slot: number): Uint8Array {
    const { i32, u8, keyAt, keyBytesMax } = this.#records
    const record = slot * this.#words
    const length = this.#lengthOf(slot)
    if (length <= keyBytesMax) {
      const inRecord = (record + keyAt) * 4
      return u8.subarray(inRecord, inRecord + length)
    }
    const start = i32[record + recordWord.keyStart]!
    return this.#arena.subarray(start, start + length)
  }

  #lengthOf(slot: number): number {
    return this.#records.u16[(slot * this.#words + recordWord.keyLength) * 2]!
  }

  #setLength(slot: number, length: number): void {
    this.#records.u16[(slot * this.#words + recordWord.keyLength) * 2] = length
  }

  #takeSlot(): number {
    const records = this.#records
    const free = this.#freeSlot
    if (free !== 0) {
      this.#freeSlot = records.i32[free * this.#words + recordWord.keyStart]!
      return free
    }
    if (this.#slotsEnd === records.capacity) records.grow(grownCapacity(records.capacity))
    return this.#slotsEnd++
  }

  #equals(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start
    if (this.#lengthOf(slot) !== length) return false
    const { i32, u8, keyAt, keyBytesMax } = this.#records
    const record = slot * this.#words
    const isInRecord = length <= keyBytesMax
    const keys = isInRecord ? u8 : this.#arena
    const at = isInRecord ? (record + keyAt) * 4 : i32[record + recordWord.keyStart]!
    for (let i = 0; i < length; i++) if (keys[at + i] !== bytes[start + i]) return false
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
      if (this.has(slot)) this.#place(slot, this.hashOf(slot))
    }
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
    const { i32, keyBytesMax } = this.#records
    let at = 0
    for (let slot = 1; slot < this.#slotsEnd; slot++) {
      const keyBytes = this.#lengthOf(slot)
      if (keyBytes <= keyBytesMax) continue
      arena.set(this.keyOf(slot), at)
      i32[slot * this.#words + recordWord.keyStart] = at
      at += keyBytes
    }
    this.#arena = arena
    this.#arenaEnd = at
    this.#arenaFree = 0
  }
}
