/**
 * Which slots have changed since they were last stored, and which were used of late.
 *
 * A checkpoint must hold every key as it was at one journal position, while events go on. So when
 * it begins, the dirty slots become pending; they are captured a few at a time, and a pending slot
 * that is about to change is captured first. No event waits for more than its own key.
 */
import { orderByHash, orderedSlot } from './hash-order.ts'
import type { SlotRecords } from './slot-records.ts'

const dirty = 1
const pending = 2
const used = 4

export class SlotMarks {
  readonly #records: SlotRecords
  #dirty: number[] = []
  /** Pending slots, in the order of their hashes; those from `#pendingCount` on are done. */
  #pending = new Float64Array(0)
  #pendingCount = 0
  readonly #capture: (slot: number) => void

  /**
   * @param records  The marks of slots are in theirs.
   * @param capture  Stores a slot as it is now.
   */
  constructor(records: SlotRecords, capture: (slot: number) => void) {
    this.#records = records
    this.#capture = capture
  }

  get dirtyCount(): number {
    return this.#dirty.length
  }

  /** Slots that are not stored as they are, those being captured included. */
  get unstoredCount(): number {
    return this.#dirty.length + this.#pendingCount
  }

  /** To be called before a slot changes. */
  touch(slot: number): void {
    const mark = this.#markOf(slot)
    if (mark === (dirty | used)) return
    if ((mark & pending) !== 0) this.#capture(slot)
    if ((mark & dirty) === 0) this.#dirty.push(slot)
    this.#set(slot, dirty | used)
  }

  /** Marks a slot as read. */
  use(slot: number): void {
    this.#set(slot, this.#markOf(slot) | used)
  }

  /** Whether the store holds the slot as it is; gives it a second chance if it was used of late. */
  mayEvict(slot: number): boolean {
    const mark = this.#markOf(slot)
    if (mark === used) this.#set(slot, 0)
    return mark === 0
  }

  isClean(slot: number): boolean {
    return (this.#markOf(slot) & (dirty | pending)) === 0
  }

  clear(slot: number): void {
    this.#set(slot, 0)
  }

  #markOf(slot: number): number {
    return this.#records.u8[this.#records.markAt(slot)]!
  }

  #set(slot: number, mark: number): void {
    this.#records.u8[this.#records.markAt(slot)] = mark
  }

  /**
   * Makes every dirty slot pending. The pending ones of before must all have been captured.
   *
   * @param hashOf  Slots are captured in the order of their hashes, which is that of the store.
   */
  beginCapture(hashOf: (slot: number) => number): void {
    const slots = this.#dirty
    this.#dirty = []
    for (const slot of slots) this.#set(slot, (this.#markOf(slot) & used) | pending)
    this.#pending = orderByHash(slots, hashOf)
    this.#pendingCount = slots.length
  }

  /** Captures at most `slots` pending slots; returns whether none is left. */
  captureSome(slots: number): boolean {
    for (let left = slots; left > 0 && this.#pendingCount > 0; left--) {
      this.#pendingCount -= 1
      const slot = orderedSlot(this.#pending, this.#pendingCount)
      if ((this.#markOf(slot) & pending) === 0) continue
      this.#capture(slot)
      this.#set(slot, this.#markOf(slot) & ~pending)
    }
    if (this.#pendingCount === 0) this.#pending = new Float64Array(0)
    return this.#pendingCount === 0
  }
}
