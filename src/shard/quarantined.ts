/**
 * The events that a shard skips, because each has ended the thread that counted it every time.
 */
import type { EventInHand } from '../model/pulse.ts'

export class Quarantined {
  readonly #byPosition = new Map<number, EventInHand[]>()

  constructor(events: readonly EventInHand[]) {
    for (const event of events) {
      const others = this.#byPosition.get(event.position)
      if (others === undefined) this.#byPosition.set(event.position, [event])
      else others.push(event)
    }
  }

  /** Whether one of these batches has such an event; one look while there is none at all. */
  isIn(batches: readonly { readonly position: number }[]): boolean {
    if (this.#byPosition.size === 0) return false
    return batches.some(({ position }) => this.#byPosition.has(position))
  }

  has({ position, route, index }: EventInHand): boolean {
    const events = this.#byPosition.get(position) ?? []
    return events.some((event) => event.route === route && event.index === index)
  }
}
