/**
 * The credits that a client has been told: they follow those of its producer, and small changes are
 * not worth a word.
 */
import type { ProducerSession } from '../model/contracts.ts'
import type { Credits } from './frames.ts'

/** Of what the client was told, part that is a change. */
const changeShare = 1 / 8

type Credited = Pick<ProducerSession, 'creditEvents'> | null

export class ToldCredits {
  readonly #most: Credits
  #events = 0

  /** @param most  What a session is cut for. */
  constructor(most: Credits) {
    this.#most = most
  }

  /** What the client is to be told when it begins. */
  tell(producer: Credited): Credits {
    this.#events = Math.min(producer?.creditEvents ?? Infinity, this.#most.events)
    return { events: this.#events, bytes: this.#most.bytes }
  }

  /** What it is to be told now; null when it knows as much. */
  change(producer: Credited): Credits | null {
    const events = Math.min(producer?.creditEvents ?? Infinity, this.#most.events)
    if (Math.abs(events - this.#events) < changeShare * this.#events) return null
    return this.tell(producer)
  }
}
