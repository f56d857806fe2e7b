/**
 * Acknowledgements on their way to one client, put together so that one turn of the event loop
 * costs one ACK frame, however many batches it has settled.
 */
import { ackRejectionsMax } from '../base/limits.ts'
import type { Acknowledgement, SequencedRejection } from '../model/contracts.ts'
import { encodeAck, type Credits } from './protocol.ts'

export class AckBuffer {
  #waiting = false
  #upTo = -1
  #duplicates = 0
  #rejections: SequencedRejection[] = []

  /** Whether there is something to tell. */
  get waiting(): boolean {
    return this.#waiting
  }

  add({ upTo, duplicates, rejections }: Acknowledgement): void {
    this.#waiting = true
    this.#upTo = Math.max(this.#upTo, upTo)
    this.#duplicates += duplicates
    const [first] = rejections
    const last = this.#rejections.at(-1)
    if (first === undefined) return
    if (last !== undefined && first.sequence <= last.sequence) this.#merge(rejections)
    else for (const rejection of rejections) this.#rejections.push(rejection)
  }

  /**
   * Events that are sent again may settle, and be answered as a repeat, in one turn: the client is
   * told once. Not by sequence: one event may be rejected for several reasons.
   */
  #merge(rejections: readonly SequencedRejection[]): void {
    const all = new Set([...this.#rejections, ...rejections])
    this.#rejections = [...all].toSorted((a, b) => a.sequence - b.sequence)
  }

  /**
   * Takes out the frames that tell all of it: one, or several when there are many rejections. A
   * frame's `upTo` covers its own rejections and never passes one that a later frame brings.
   *
   * @param credits  From now on; null when they have not changed.
   */
  take(credits: Credits | null): Uint8Array[] {
    const frames: Uint8Array[] = []
    let rest = this.#rejections
    while (rest.length > ackRejectionsMax) {
      const rejections = rest.slice(0, ackRejectionsMax)
      rest = rest.slice(ackRejectionsMax)
      // A sequence may be rejected more than once; its ACK waits for the last of them.
      const upTo = Math.min(rejections.at(-1)!.sequence, rest[0]!.sequence - 1)
      frames.push(encodeAck({ upTo, credits: null, duplicates: 0, rejections }))
    }
    const duplicates = this.#duplicates
    frames.push(encodeAck({ upTo: this.#upTo, credits, duplicates, rejections: rest }))
    this.#waiting = false
    this.#duplicates = 0
    this.#rejections = []
    return frames
  }
}
