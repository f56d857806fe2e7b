/**
 * Which reads go when: a read of many keys keeps this thread busy for tens of milliseconds, before
 * it is asked and when it is answered, and events come in on the same thread.
 *
 * Only so many questions, one for each key and view, are asked at a time. Other reads wait in their
 * order, and each begins in a turn of the event loop of its own: sockets are read in between. Small
 * reads wait for none. How many wait is bounded, too.
 *
 * Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import { readQuestionsAskedMax, readQuestionsMax, readQuestionsSmall } from '../base/limits.ts'

interface Waiting {
  readonly count: number
  readonly begin: () => void
}

export class ReadTurns {
  /** Questions without an answer, and those of them that count as asked. */
  #open = 0
  #asked = 0
  readonly #waiting: Waiting[] = []
  #isNextDue = false

  /**
   * Runs a read of so many questions when it is its turn.
   *
   * @throws MillraceError `OVERLOADED`, before anything is done; a read alone may have any number.
   */
  async during<T>(count: number, run: () => Promise<T>): Promise<T> {
    const isSmall = count <= readQuestionsSmall
    const max = isSmall ? readQuestionsMax * 1.1 : readQuestionsMax
    if (this.#open > 0 && this.#open + count > max) throw new MillraceError('OVERLOADED')
    this.#open += count
    const turn = isSmall ? null : this.#turn(count)
    try {
      if (turn !== null) await turn
      return await run()
    } finally {
      this.#open -= count
      if (!isSmall) this.#asked -= count
      if (this.#waiting.length > 0) this.#beginSoon()
    }
  }

  /** Resolves when so many more may be asked; null when that is now. */
  #turn(count: number): Promise<void> | null {
    if (this.#waiting.length === 0 && this.#fits(count)) {
      this.#asked += count
      return null
    }
    return new Promise((begin) => this.#waiting.push({ count, begin }))
  }

  #fits(count: number): boolean {
    return this.#asked === 0 || this.#asked + count <= readQuestionsAskedMax
  }

  #beginSoon(): void {
    if (this.#isNextDue) return
    this.#isNextDue = true
    setImmediate(() => {
      this.#isNextDue = false
      const [next] = this.#waiting
      if (next === undefined || !this.#fits(next.count)) return
      this.#waiting.shift()
      this.#asked += next.count
      next.begin()
      if (this.#waiting.length > 0) this.#beginSoon()
    })
  }
}
