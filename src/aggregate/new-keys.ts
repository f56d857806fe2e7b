/**
 * How many keys have come into one view in one shard on a day: a checkpoint has it, and a replay
 * goes on from there.
 *
 * The day is the arrival's, UTC. An arrival that is of an earlier day than one before counts with
 * the later, so that a clock that was set back makes no room.
 */
const dayMs = 86_400_000

export interface StoredNewKeys {
  /** Days since the epoch. */
  readonly day: number
  readonly count: number
}

export class NewKeys {
  #day = 0
  #count = 0

  /** Counts a key that is new at an arrival; false when there have been `max` on its day. */
  take(arrivalMs: number, max: number): boolean {
    const day = Math.floor(arrivalMs / dayMs)
    if (day > this.#day) {
      this.#day = day
      this.#count = 0
    }
    if (this.#count >= max) return false
    this.#count += 1
    return true
  }

  toStored(): StoredNewKeys {
    return { day: this.#day, count: this.#count }
  }

  restore({ day, count }: StoredNewKeys): void {
    this.#day = day
    this.#count = count
  }
}
