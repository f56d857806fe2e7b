/**
 * Which slots have changed since they were last stored, and which were used of late.
 *
 * A checkpoint must hold every key as it was at one journal position, while events go on. So when
 * it begins, the dirty slots become pending; they are captured a few at a time, and a pending slot
 * that is about to change is captured first. No event waits for more than its own key.
 */
import { orderByHash, orderedSlot } from './hash-order.ts'

const dirty = 1
const pending = 2
const used = 4

export class SlotMarks {
  #marks = new Uint8Array(0)
  #dirty: number[] = []
  /** Pending slots, in the order of their hashes; those from `#pendingCount` on are done. */
  #pending = new Float64Array(0)
  #pendingCount = 0
  readonly #capture: (slot: number) => void

  /** @param capture  Stores a slot as it is now. */
  constructor(capture: (slot: number) => void) {
    this.#capture = capture
  }

  get dirtyCount(): number {
    return this.#dirty.length
  }

  /** Slots that are not stored as they are, those being captured included. */
  get unstoredCount(): number {
    return this.#dirty.length + this.#pendingCount
  }

  grow(capacity: number): void {
    const marks = new Uint8Array(capacity)
    marks.set(this.#marks)
    this.#marks = marks
  }

  /** Reads the marks of slots; see `#readAhead` in `view-state.ts`. */
  readAhead(slots: Int32Array, from: number, to: number): number {
    const marks = this.#marks
    let read = 0
    for (let i = from; i < to; i++) read += marks[slots[i]!]!
    return read
  }

  /** To be called before a slot changes. */
  touch(slot: number): void {
    const mark = this.#marks[slot]!
    if (mark === (dirty | used)) return
    if ((mark & pending) !== 0) this.#capture(slot)
    if ((mark & dirty) === 0) this.#dirty.push(slot)
    this.#marks[slot] = dirty | used
  }

  /** Marks a slot as read. */
  use(slot: number): void {
    this.#marks[slot]! |= used
  }

  /** Whether the store holds the slot as it is; gives it a second chance if it was used of late. */
  mayEvict(slot: number): boolean {
    const mark = this.#marks[slot]!
    if (mark === used) this.#marks[slot] = 0
    return mark === 0
  }

  isClean(slot: number): boolean {
    return (this.#marks[slot]! & (dirty | pending)) === 0
  }

  clear(slot: number): void {
    this.#marks[slot] = 0
  }

  /**
   * Makes every dirty slot pending. The pending ones of before must all have been captured.
   *
   * @param hashOf  Slots are captured in the order of their hashes, which is that of the store.
   */
  beginCapture(hashOf: (slot: number) => number): void {
    const slots = this.#dirty
    this.#dirty = []
    for (const slot of slots) this.#marks[slot] = (this.#marks[slot]! & used) | pending
    this.#pending = orderByHash(slots, hashOf)
    this.#pendingCount = slots.length
  }

  /** Captures at most `slots` pending slots; returns whether none is left. */
  captureSome(slots: number): boolean {
    for (let left = slots; left > 0 && this.#pendingCount > 0; left--) {
      this.#pendingCount -= 1
      const slot = orderedSlot(this.#pending, this.#pendingCount)
      if ((this.#marks[slot]! & pending) === 0) continue
      this.#capture(slot)
      this.#marks[slot]! &= ~pending
    }
    if (this.#pendingCount === 0) this.#pending = new Float64Array(0)
    return this.#pendingCount === 0
  }
}
