/**
 * Which keys leave memory: a second-chance sweep over the slots of a view.
 *
 * A key that was used since the hand last came by stays once more; one that was not, and that the
 * store holds as it is, goes. The next event or read of it brings it back.
 *
 * @see F. J. Corbató, "A paging experiment with the Multics system", 1968 (the CLOCK algorithm).
 */
import type { ViewState } from './view-state.ts'

export class ClockHand {
  readonly #state: ViewState
  #slot = 0

  constructor(state: ViewState) {
    this.#state = state
  }

  /** Evicts until the view holds at most `bytesMax`, or until a whole turn found nothing more. */
  evict(bytesMax: number): number {
    const state = this.#state
    const { keys, marks } = state
    let evicted = 0
    // Twice round: the first turn may only take second chances away.
    for (let left = 2 * keys.slotsEnd; left > 0 && state.bytes > bytesMax; left--) {
      this.#slot = this.#slot + 1 < keys.slotsEnd ? this.#slot + 1 : 1
      if (!keys.has(this.#slot) || !marks.mayEvict(this.#slot)) continue
      state.remove(this.#slot)
      evicted += 1
    }
    return evicted
  }
}
