/**
 * How far the journal is on disk, as the main thread has told, and the checkpoints that wait for
 * it.
 */

export class Flushes {
  readonly #ask: (position: number) => void
  #flushed = 0
  #isOver = false
  #waiters: { readonly position: number; readonly resolve: (isFlushed: boolean) => void }[] = []

  /** @param ask  Asks to be told when the journal is on disk up to a position. */
  constructor(ask: (position: number) => void) {
    this.#ask = ask
  }

  flushedTo(flushed: number): void {
    this.#flushed = Math.max(this.#flushed, flushed)
    const due = this.#waiters.filter(({ position }) => position <= this.#flushed)
    this.#waiters = this.#waiters.filter(({ position }) => position > this.#flushed)
    for (const { resolve } of due) resolve(true)
  }

  /** Whether the journal is on disk up to `position`; false when nobody waits any more. */
  when(position: number): Promise<boolean> {
    if (position <= this.#flushed) return Promise.resolve(true)
    if (this.#isOver) return Promise.resolve(false)
    this.#ask(position)
    return new Promise((resolve) => {
      this.#waiters.push({ position, resolve })
    })
  }

  /** Nobody waits any more. */
  giveUp(): void {
    this.#isOver = true
    for (const { resolve } of this.#waiters) resolve(false)
    this.#waiters = []
  }
}
