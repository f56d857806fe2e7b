/**
 * What one session has handed in and what is not acknowledged yet: the credit it has used.
 *
 * Batches are let go in the order they were taken in. A batch sent again may end before an earlier
 * one does; it then waits for that one, which an acknowledgement also covers.
 */
import type { Credits } from './frames.ts'

interface Entry {
  /** Last sequence of the batch. */
  readonly last: number
  readonly events: number
  readonly bytes: number
}

export class InFlight {
  /** A queue whose front is at `#front`; cut when half of it is spent. */
  #entries: Entry[] = []
  #front = 0
  #events = 0
  #bytes = 0
  /** Batches taken in and let go since the session began. */
  #taken = 0
  #released = 0

  get events(): number {
    return this.#events
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A mark behind everything taken in so far; {@link reached} tells when all of it is let go. */
  get mark(): number {
    return this.#taken
  }

  reached(mark: number): boolean {
    return this.#released >= mark
  }

  /** Whether more is in flight than allowed, before anything is added. */
  exceeds(credits: Credits): boolean {
    return this.#events > credits.events || this.#bytes > credits.bytes
  }

  add(last: number, events: number, bytes: number): void {
    this.#entries.push({ last, events, bytes })
    this.#events += events
    this.#bytes += bytes
    this.#taken += 1
  }

  /** Takes back the batch added last. */
  undo(): void {
    const entry = this.#entries.pop()!
    this.#events -= entry.events
    this.#bytes -= entry.bytes
    this.#taken -= 1
  }

  /** Lets go of every batch whose events are all at most `upTo`. */
  release(upTo: number): void {
    const entries = this.#entries
    while (this.#front < entries.length && entries[this.#front]!.last <= upTo) {
      const entry = entries[this.#front++]!
      this.#events -= entry.events
      this.#bytes -= entry.bytes
      this.#released += 1
    }
    if (this.#front * 2 > entries.length) {
      this.#entries = entries.slice(this.#front)
      this.#front = 0
    }
  }
}
