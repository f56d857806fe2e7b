/**
 * One producer of a load: sends the frames that its schedule gives it, and reads their ACKs.
 *
 * It sends as long as the frames in flight, and the server's credit, allow, and again when an ACK
 * has made room. A frame that is to be sent twice follows itself at once, under its own sequences,
 * and takes room twice. Nothing is allocated per frame: a message is written over when the ACK of
 * what it held has come.
 */
import type { Clock } from '../base/clock.ts'
import { creditEventsMax } from '../base/limits.ts'
import type { AckFrame, Credits } from '../wire/protocol.ts'
import type { Link } from './link.ts'
import { createMessage, type Message } from './message.ts'
import type { Schedule } from './schedule.ts'
import type { Tally } from './tally.ts'
import type { Workload } from './workload.ts'

export interface SenderOptions {
  /** Place among the connections. */
  readonly index: number
  readonly workload: Workload
  readonly schedule: Schedule
  readonly tally: Tally
  readonly clock: Clock
  /** Frames in flight, at most; Infinity leaves it to the server's credit. */
  readonly framesInFlightMax: number
  /** Share of the frames that are sent twice. */
  readonly duplicates: number
  /** Hears of every frame: its number in the run, and the event time of its first event, ms. */
  readonly onSent: (frame: number, timeMs: number) => void
}

export class Sender {
  readonly #options: SenderOptions
  #link: Link | null = null
  /** Frames in flight, at most; the arrays below have so many places. */
  #window = 0
  /** By a frame's number on this connection modulo those: */
  #dueMs = new Float64Array(0)
  #isTwice = new Uint8Array(0)
  readonly #messages: Message[] = []
  #sent = 0
  #acked = 0
  /** Of those in flight, the ones sent twice. */
  #twice = 0
  /** Since when there has been room. */
  #roomMs = -Infinity
  /** Sequences above the last ACK that are known to be rejected. */
  readonly #rejected = new Set<number>()

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Whether all that it has sent is acknowledged. */
  get isSettled(): boolean {
    return this.#acked === this.#sent
  }

  welcomed(link: Link, credits: Credits): void {
    this.#link = link
    this.#window = this.#windowOf(credits)
    // The credit may grow later.
    const most = { ...credits, events: Math.max(credits.events, creditEventsMax) }
    const places = this.#windowOf(most)
    this.#dueMs = new Float64Array(places)
    this.#isTwice = new Uint8Array(places)
  }

  acknowledged(ack: AckFrame, nowMs: number): void {
    const { workload, tally } = this.#options
    const { upTo, credits, duplicates, rejections } = ack
    if (credits !== null) {
      this.#window = Math.min(this.#dueMs.length, this.#windowOf(credits))
    }
    const wasFull = this.#isFull
    const ackedBefore = this.#acked * workload.frameEvents
    tally.duplicates += duplicates
    for (const rejection of rejections) {
      // A frame that is sent twice is answered twice.
      const { sequence } = rejection
      if (sequence < ackedBefore || this.#rejected.has(sequence)) continue
      this.#rejected.add(sequence)
      tally.rejection(rejection)
    }
    const acked = Math.floor((upTo + 1) / workload.frameEvents)
    for (; this.#acked < acked; this.#acked++) {
      const place = this.#acked % this.#dueMs.length
      this.#twice -= this.#isTwice[place]!
      tally.frameAcked(this.#dueMs[place]!, nowMs)
    }
    for (const sequence of this.#rejected) {
      if (sequence < acked * workload.frameEvents) this.#rejected.delete(sequence)
    }
    if (wasFull && !this.#isFull) this.#roomMs = nowMs
  }

  /** Sends what is due and has room. */
  fill(): void {
    const { index, schedule, clock } = this.#options
    const link = this.#link!
    link.cork()
    while (!this.#isFull) {
      const nowMs = clock.monotonicMs()
      const frame = schedule.take(index, nowMs)
      if (frame === -1) break
      this.#send(link, frame, nowMs)
    }
    link.uncork()
  }

  /** Writes a message of its own behind all that was sent. */
  write(message: Uint8Array): void {
    this.#link!.write(message)
  }

  #send(link: Link, frame: number, nowMs: number): void {
    const { workload, schedule, tally, clock, onSent } = this.#options
    const dueMs = schedule.dueMs(frame, nowMs)
    const place = this.#sent % this.#dueMs.length
    const message = (this.#messages[place] ??= createMessage(workload.messageBytesMax))
    // Events happen before they are told; within this millisecond they could lie in the future.
    const timeMs = Math.floor(clock.nowMs() - (nowMs - dueMs)) - 1
    const length = workload.write(message, frame, this.#sent * workload.frameEvents, timeMs)
    const bytes = message.bytes.subarray(0, length)
    link.write(bytes)
    const isTwice = workload.isRepeated(frame)
    if (isTwice) {
      // A copy: it may still wait to be sent when the ACK of the first has come.
      link.write(bytes.slice())
      tally.repeated += 1
      this.#twice += 1
    }
    this.#isTwice[place] = isTwice ? 1 : 0
    this.#dueMs[place] = dueMs
    this.#sent += 1
    tally.frameSent(dueMs, nowMs - Math.max(dueMs, this.#roomMs))
    onSent(frame, timeMs)
  }

  get #isFull(): boolean {
    const inFlight = this.#sent - this.#acked
    return inFlight + this.#twice >= this.#window
  }

  /** How many frames may be in flight. */
  #windowOf({ events, bytes }: Credits): number {
    const { workload, framesInFlightMax, duplicates } = this.#options
    const credit = Math.min(events / workload.frameEvents, bytes / workload.messageBytesMax)
    // The server may still have the second of two in hand when it has acknowledged the first.
    const own = duplicates > 0 ? credit / 2 : credit
    return Math.max(1, Math.floor(Math.min(own, framesInFlightMax)))
  }
}
