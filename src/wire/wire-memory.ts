/**
 * The memory of all connections together: what comes and is not whole, and what waits to be sent.
 *
 * Each connection has a bound of its own; of very many, each just within it, those that are worst
 * are cut. They are looked at whenever enough bytes have moved to matter, so it costs nothing when
 * little happens. Thread: main.
 */
import {
  receivingBytesTotalMax,
  sendBufferBytesTotalMax,
  wireBytesBetweenLooks,
} from '../base/limits.ts'

export interface MemoryHolder {
  /** Bytes of a message that has not come whole. */
  readonly receivingBytes: number
  /** How long it has been coming, in whatever unit. */
  readonly receivingAge: number
  /** Bytes that the peer has not taken. */
  readonly sendingBytes: number
  /** Ends it at once: too much is held. */
  cutOverloaded(): void
}

export class WireMemory {
  readonly #holders: Iterable<MemoryHolder>
  #moved = 0

  constructor(holders: Iterable<MemoryHolder>) {
    this.#holders = holders
  }

  /** So many bytes were read, or are to be sent. */
  moved(bytes: number): void {
    this.#moved += bytes
    if (this.#moved < wireBytesBetweenLooks) return
    this.#moved = 0
    this.#bound((holder) => holder.receivingBytes, receivingBytesTotalMax)
    this.#bound((holder) => holder.sendingBytes, sendBufferBytesTotalMax)
  }

  /** The oldest message first: one that is sent in earnest is soon whole. Then who holds most. */
  #bound(bytesOf: (holder: MemoryHolder) => number, bytesMax: number): void {
    let total = 0
    for (const holder of this.#holders) total += bytesOf(holder)
    if (total <= bytesMax) return
    const worst = [...this.#holders].toSorted(
      (a, b) => b.receivingAge - a.receivingAge || bytesOf(b) - bytesOf(a),
    )
    for (const holder of worst) {
      const bytes = bytesOf(holder)
      if (total <= bytesMax) return
      if (bytes > 0) holder.cutOverloaded()
      total -= bytes
    }
  }
}
