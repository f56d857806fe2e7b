/**
 * The states of producers by their ids: made from the journal when they are first asked for, let go
 * when the journal forgets the producer.
 *
 * The number of producers only grows by names that are new, so that is when those are looked for
 * that have not been seen for long: now and then, as it takes a look at each.
 *
 * Thread: main.
 */
import { producersForgetMs } from '../base/limits.ts'
import type { Journal } from '../journal/journal.ts'
import { KeptRejections } from './kept-rejections.ts'
import { ProducerState } from './producer.ts'
import type { Shares } from './shares.ts'

export class Producers {
  readonly #journal: Journal
  readonly #shares: Shares
  readonly #idleMsMax: number
  readonly #states = new Map<number, ProducerState>()
  readonly #keptRejections = new KeptRejections()
  /** Arrival time of the journal at the last look. */
  #lookedMs = -Infinity

  /** @param idleMsMax  How long a producer without session is kept. */
  constructor(journal: Journal, shares: Shares, idleMsMax: number) {
    this.#journal = journal
    this.#shares = shares
    this.#idleMsMax = idleMsMax
  }

  of(id: number): ProducerState {
    let state = this.#states.get(id)
    if (state === undefined) {
      state = new ProducerState(this.#keptRejections.share(), this.#shares)
      const known = this.#journal.producers.get(id)
      if (known !== undefined) state.begin(known.epoch, known.nextSequence - 1)
      this.#states.set(id, state)
    }
    return state
  }

  /** Forgets those of these names that have neither session nor batch. */
  forget(names: ReadonlySet<string>): void {
    const { producers } = this.#journal
    const isKept = (id: number): boolean =>
      !names.has(producers.get(id)!.name) || (this.#states.get(id)?.isHeld ?? false)
    this.#drop(this.#journal.forgetProducers(-Infinity, isKept))
  }

  /** Forgets those that were not seen for long, if the last look was long enough ago. */
  forgetIdle(): void {
    const nowMs = this.#journal.nowMs
    if (nowMs - this.#lookedMs < producersForgetMs) return
    this.#lookedMs = nowMs
    const isHeld = (id: number): boolean => this.#states.get(id)?.isHeld ?? false
    this.#drop(this.#journal.forgetProducers(this.#idleMsMax, isHeld))
  }

  #drop(ids: readonly number[]): void {
    for (const id of ids) {
      this.#states.get(id)?.forget()
      this.#states.delete(id)
    }
  }
}
