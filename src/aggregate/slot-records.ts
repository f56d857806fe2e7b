/**
 * What is known of every slot of a view, one record a slot.
 *
 * An event reads and writes nearly all of it, and with many keys none of it is in the caches: a
 * record is one place in memory to wait for, where an array for each fact would be one a fact. Of
 * the words of a record each belongs to one owner: hash and key to the key table, the mark to the
 * marks, the newest event to the state of the view, two words to the tiles of each level. What is
 * left of its last line of cache is room for the key.
 */

/** First words of a record; those of levels follow, and then the key if there is room. */
export const recordWord = { hash: 0, keyStart: 1, keyLength: 2, newestNs: 3, newestMs: 4 } as const
const levelsStart = 6
const wordsPerLevel = 2

/** Words of a record with nothing but its key, which stands elsewhere. */
const keyWords = 4

/** A record is so many words, or twice as many, and so on: lines of cache. */
const lineWords = 16

/** Large buffers begin 16 bytes behind a page: this far in, a line of cache begins. */
const alignedBytes = 48

const recordsInitial = 64

export class SlotRecords {
  /** Words of a record. */
  readonly words: number
  /** Words from the start of a record to the key, and the bytes of the longest key there. */
  readonly keyAt: number
  readonly keyBytesMax: number
  /** Records by word, half word, byte, and every other word as a double. */
  i32!: Int32Array
  u16!: Uint16Array
  u8!: Uint8Array
  f64!: Float64Array
  #capacity = 0

  /** @param levels  Of the view; null where nothing but keys is known of slots. */
  constructor(levels: number | null) {
    this.keyAt = levels === null ? keyWords : levelsStart + wordsPerLevel * levels
    this.words = levels === null ? keyWords : Math.ceil(this.keyAt / lineWords) * lineWords
    this.keyBytesMax = (this.words - this.keyAt) * 4
    this.grow(recordsInitial)
  }

  /** Records there is room for. */
  get capacity(): number {
    return this.#capacity
  }

  /** Bytes of a record. */
  get bytesPerRecord(): number {
    return this.words * 4
  }

  /** Makes room; what was there stays, the rest is 0. */
  grow(capacity: number): void {
    const before = this.i32 as Int32Array | undefined
    const bytes = capacity * this.bytesPerRecord
    const buffer = new ArrayBuffer(alignedBytes + bytes)
    this.i32 = new Int32Array(buffer, alignedBytes)
    this.u16 = new Uint16Array(buffer, alignedBytes)
    this.u8 = new Uint8Array(buffer, alignedBytes)
    this.f64 = new Float64Array(buffer, alignedBytes)
    if (before !== undefined) this.i32.set(before)
    this.#capacity = capacity
  }

  /** Words from the start of a record to those of a level. */
  levelAt(level: number): number {
    return levelsStart + wordsPerLevel * level
  }

  /** Where the mark of a slot is, in bytes. */
  markAt(slot: number): number {
    return (slot * this.words + recordWord.keyLength) * 4 + 2
  }

  /** Where the event time of the newest event of a slot is among the doubles, in whole ms. */
  newestAt(slot: number): number {
    return (slot * this.words + recordWord.newestMs) >>> 1
  }

  /** Event time of the newest event of a slot: whole ms, and the nanoseconds within. */
  newestMs(slot: number): number {
    return this.f64[this.newestAt(slot)]!
  }

  newestNs(slot: number): number {
    return this.i32[slot * this.words + recordWord.newestNs]!
  }

  /** Notes an event of a slot; whether no other is as new. */
  renew(slot: number, ms: number, ns: number): boolean {
    const word = slot * this.words
    const at = (word + recordWord.newestMs) >>> 1
    const newest = this.f64[at]!
    if (ms < newest || (ms === newest && ns <= this.i32[word + recordWord.newestNs]!)) return false
    this.f64[at] = ms
    this.i32[word + recordWord.newestNs] = ns
    return true
  }

  setNewest(slot: number, ms: number, ns: number): void {
    this.f64[(slot * this.words + recordWord.newestMs) >>> 1] = ms
    this.i32[slot * this.words + recordWord.newestNs] = ns
  }

  /** Reads the records of slots; see `#readAhead` in `view-state.ts`. */
  readAhead(slots: Int32Array, from: number, to: number): number {
    const { i32, words } = this
    let read = 0
    for (let i = from; i < to; i++) read = (read + i32[slots[i]! * words]!) | 0
    return read
  }
}
