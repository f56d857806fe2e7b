/**
 * The batches that a producer has sent and that are not acknowledged yet.
 *
 * A batch has its sequence and its bytes for good, so that sending it again, after a lost
 * connection or a gap, is always the same frame and the server can tell that it has it. What is
 * acknowledged leaves; the calls that wait for it are told, with their rejections. A batch that is
 * neither acknowledged nor rejected stays: its outcome is not known.
 *
 * Pure: no clock, no I/O.
 */
import { MillraceError, type ErrorCode } from '../base/errors.ts'
import type { Credits, FrameRejection } from '../wire/protocol.ts'
import { FramePool } from './frame-pool.ts'
import type { SealedBatch } from './open-batch.ts'

export class Outbox {
  readonly #pool: FramePool
  /** In the order of their sequences, without gaps. */
  #batches: SealedBatch[] = []
  /** Place of the next batch to be sent; those before it are in flight. */
  #next = 0
  #nextSequence = 0
  #acknowledged = -1
  /** Highest sequence that was handed to a connection, this one or an earlier one. */
  #sent = -1
  /** Highest sequence that may be sent: the others wait to be stored. */
  #storedTo = Infinity
  #bytes = 0
  #inFlightEvents = 0
  #inFlightBytes = 0
  /** NACKs still to come for batches that were in flight when the outbox went back. */
  #staleNacks = 0

  /** @param pool  Gets the buffers of batches that are acknowledged. */
  constructor(pool = new FramePool(0)) {
    this.#pool = pool
  }

  /** Sequence of the next new event. */
  get nextSequence(): number {
    return this.#nextSequence
  }

  /** Highest sequence whose outcome is known; -1 before the first. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Events whose outcome is not known. */
  get events(): number {
    const first = this.#batches[0]
    return first === undefined ? 0 : this.#nextSequence - first.sequence
  }

  /** Those among them that were sent, once at least: they may have been counted. */
  get sentEvents(): number {
    const first = this.#batches[0]
    return first === undefined ? 0 : Math.max(0, this.#sent + 1 - first.sequence)
  }

  /** Bytes of the frames that hold them. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether a batch waits to be sent, for the first time or again. */
  get hasUnsent(): boolean {
    return this.#next < this.#batches.length
  }

  /** Whether a batch may be sent now. Alone, a batch may go beyond the credits. */
  allows(credits: Credits, events: number, bytes: number): boolean {
    if (credits.events <= 0 || credits.bytes <= 0) return false
    if (this.#inFlightEvents === 0) return true
    return (
      this.#inFlightEvents + events <= credits.events &&
      this.#inFlightBytes + bytes <= credits.bytes
    )
  }

  /**
   * Takes over what an earlier process has left; from here on batches wait until they are stored.
   * Whether they were sent is not known, so they count as if they were.
   */
  recover(batches: readonly SealedBatch[], acknowledged: number, nextSequence: number): void {
    this.#nextSequence = batches[0]?.sequence ?? nextSequence
    this.#acknowledged = acknowledged
    for (const batch of batches) this.add(batch)
    this.#sent = nextSequence - 1
    this.#storedTo = this.#sent
  }

  /** Batches up to this sequence are stored. */
  stored(sequence: number): void {
    this.#storedTo = sequence
  }

  /** Appends a batch that starts at {@link nextSequence}. */
  add(batch: SealedBatch): void {
    this.#batches.push(batch)
    this.#nextSequence += batch.count
    this.#bytes += batch.frame.length
  }

  /** The batch to be sent now, counted as in flight; null when there is none or no credit. */
  take(credits: Credits): SealedBatch | null {
    const batch = this.#batches[this.#next]
    if (batch === undefined || batch.sequence > this.#storedTo) return null
    if (!this.allows(credits, batch.count, batch.frame.length)) return null
    this.#next += 1
    this.#sent = Math.max(this.#sent, batch.sequence + batch.count - 1)
    this.#inFlightEvents += batch.count
    this.#inFlightBytes += batch.frame.length
    return batch
  }

  /**
   * Every event up to `upTo` is durable and applied, or is among the rejections.
   *
   * @throws {@link MillraceError} `FRAME_INVALID` when nothing with that sequence was sent.
   */
  acknowledge(upTo: number, rejections: readonly FrameRejection[]): void {
    this.#checkSent(upTo)
    for (const rejection of rejections) {
      if (rejection.sequence > this.#acknowledged) this.#reject(rejection)
    }
    this.#settle(upTo, true)
  }

  /**
   * A new connection: what the server confirms leaves, all else is to be sent again.
   *
   * @param lastSequence  Highest sequence that the server has acknowledged, -1 for none.
   * @throws {@link MillraceError} `CLIENT_REFUSED` when the server has lost what it acknowledged.
   */
  resume(lastSequence: number): void {
    this.#checkSent(lastSequence)
    this.#checkKept(lastSequence + 1)
    this.#settle(lastSequence, false)
    this.#staleNacks = 0
    this.#goBackTo(0)
  }

  /** Begins to number from 0 again; false, and nothing has changed, while there are batches. */
  restart(): boolean {
    if (this.#batches.length > 0) return false
    this.#nextSequence = 0
    this.#acknowledged = -1
    this.#sent = -1
    if (this.#storedTo !== Infinity) this.#storedTo = -1
    return true
  }

  /**
   * Nothing of the batch at `sequence` was taken: everything from `expected` on is sent again.
   *
   * The batches that were in flight behind it are refused for the same reason; their NACKs are
   * still to come and change nothing.
   *
   * @throws {@link MillraceError} `CLIENT_REFUSED` when the server has lost what it acknowledged.
   */
  refused(sequence: number, expected: number): void {
    if (this.#staleNacks > 0) {
      this.#staleNacks -= 1
      return
    }
    this.#checkKept(expected)
    const place = this.#placeOf(sequence)
    const target = this.#placeOf(expected)
    if (place >= this.#next || target > place) return
    this.#staleNacks = this.#next - place - 1
    this.#goBackTo(target)
  }

  /** Fails every call that waits. */
  fail(error: MillraceError): void {
    for (const { source, sequence, segments } of this.#batches) {
      let firstSequence = sequence
      for (const { call, count } of segments) {
        call.fail(error, { source, count, firstSequence, wasSent: firstSequence <= this.#sent })
        firstSequence += count
      }
    }
    this.#batches = []
    this.#next = 0
    this.#bytes = 0
    this.#inFlightEvents = 0
    this.#inFlightBytes = 0
  }

  #settle(upTo: number, rejectionsKnown: boolean): void {
    this.#acknowledged = Math.max(this.#acknowledged, upTo)
    let settled = 0
    for (const batch of this.#batches) {
      if (batch.sequence + batch.count - 1 > upTo) break
      this.#bytes -= batch.frame.length
      if (settled < this.#next) {
        this.#inFlightEvents -= batch.count
        this.#inFlightBytes -= batch.frame.length
      }
      settled += 1
    }
    this.#next = Math.max(0, this.#next - settled)
    for (const { segments, buffer } of this.#batches.splice(0, settled)) {
      this.#pool.give(buffer)
      for (const { call } of segments) call.acknowledged(rejectionsKnown)
    }
  }

  #goBackTo(place: number): void {
    for (const batch of this.#batches.slice(place, this.#next)) {
      this.#inFlightEvents -= batch.count
      this.#inFlightBytes -= batch.frame.length
    }
    this.#next = Math.min(this.#next, place)
  }

  /** Hands a rejection to the call that its event came from. */
  #reject({ sequence, code, path, message }: FrameRejection): void {
    const batch = this.#batches[this.#placeOf(sequence)]
    if (batch === undefined) return
    let first = batch.sequence
    const segment = batch.segments.find(({ count }) => {
      first += count
      return sequence < first
    })
    if (segment === undefined) return
    const index = segment.index + sequence - (first - segment.count)
    // A newer server may know more codes than this client.
    const told = { index, code: code as ErrorCode, path, message }
    segment.call.reject(told, batch.source, sequence)
  }

  /** Place of the batch that holds a sequence; the number of batches when none does. */
  #placeOf(sequence: number): number {
    const batches = this.#batches
    let low = 0
    let high = batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const { sequence: first, count } = batches[middle]!
      if (first + count <= sequence) low = middle + 1
      else high = middle
    }
    return low
  }

  #checkSent(sequence: number): void {
    if (sequence < this.#nextSequence) return
    throw new MillraceError('FRAME_INVALID', {
      reason: `sequence ${sequence} is acknowledged and was never sent`,
    })
  }

  #checkKept(expected: number): void {
    if (expected > this.#acknowledged) return
    throw new MillraceError('CLIENT_REFUSED', {
      reason:
        `it takes sequence ${expected} next and had acknowledged ${this.#acknowledged}: ` +
        'acknowledged events are lost',
    })
  }
}
