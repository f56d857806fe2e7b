/**
 * One producer's unacknowledged batches, and the session that hears of them.
 *
 * Batches settle in any order; they are acknowledged in the order of their sequences. A session
 * ends with its connection or when the producer is opened again, the batches go on. The newest
 * rejections are kept, so that a producer that comes back after a lost acknowledgement learns them.
 */
import type { ProducerListener, SequencedRejection } from '../model/contracts.ts'
import type { Batch } from './batch.ts'
import type { Flow } from './credit.ts'
import type { Share as KeptShare } from './kept-rejections.ts'
import type { Share, Shares } from './shares.ts'

export class ProducerState {
  readonly #unsettled: Batch[] = []
  readonly #kept: KeptShare
  /** Events that were not counted again; told with the next acknowledgement. */
  #duplicates = 0
  #listener: ProducerListener | null = null
  #epoch = 0
  /** Highest sequence acknowledged. */
  #lastSequence = -1

  /** The producer's part of the memory of what is unfinished. */
  readonly share: Share
  /** What it has in flight that came in this life of the daemon. */
  readonly flow: Flow = { events: 0, most: 0 }
  readonly #shares: Shares

  /** @param kept  The producer's share of the rejections that are kept. */
  constructor(kept: KeptShare, shares: Shares) {
    this.#kept = kept
    this.#shares = shares
    this.share = shares.create()
  }

  get lastSequence(): number {
    return this.#lastSequence
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Sets what a recovered journal, or a new epoch, says. */
  begin(epoch: number, lastSequence: number): void {
    this.#epoch = epoch
    this.#lastSequence = lastSequence
    this.#kept.clear()
    this.#duplicates = 0
    this.#unsettled.length = 0
  }

  /** Gives the producer to a new session; the one before is told. */
  attach(listener: ProducerListener): void {
    this.#listener?.fenced()
    this.#listener = listener
    this.#shares.attach(this.share, (isHeld) => listener.held?.(isHeld))
  }

  detach(listener: ProducerListener): void {
    if (this.#listener !== listener) return
    this.#listener = null
    this.#shares.detach(this.share)
  }

  isAttached(listener: ProducerListener): boolean {
    return this.#listener === listener
  }

  /** Whether a session or a batch still needs it. */
  get isHeld(): boolean {
    return this.#listener !== null || this.#unsettled.length > 0
  }

  /** Nobody asks for it again. */
  forget(): void {
    this.#kept.clear()
  }

  add(batch: Batch): void {
    this.#unsettled.push(batch)
  }

  /** A batch has settled: acknowledges it and those behind it, if it was the first. */
  settled(): void {
    const rejections: SequencedRejection[] = []
    let moved = false
    while (this.#unsettled[0]?.isSettled) {
      const batch = this.#unsettled.shift()!
      this.#lastSequence = batch.sequence + batch.count - 1
      rejections.push(...batch.rejections())
      this.#duplicates += batch.duplicates
      moved = true
    }
    if (!moved) return
    this.#kept.add(rejections)
    const duplicates = this.#duplicates
    this.#duplicates = 0
    this.#listener?.acknowledged({ upTo: this.#lastSequence, duplicates, rejections })
  }

  /** Answers events that were taken before and are settled; those that are not get their ack. */
  repeat(sequence: number, duplicates: number): void {
    const upTo = this.#lastSequence
    if (upTo < sequence) {
      this.#duplicates += duplicates
      return
    }
    const rejections = this.#kept.between(sequence, upTo)
    this.#listener?.acknowledged({ upTo, duplicates, rejections })
  }
}
