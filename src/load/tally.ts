/**
 * What a run counts: events by what became of them, and latencies of the time that is measured.
 *
 * A frame belongs to the measured time if it was due in it, whenever its ACK comes; an event counts
 * for the rate if its ACK came in it.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { AckFrame } from '../wire/protocol.ts'

/** A frame that leaves so much later than it could have, by fault of the generator, is late, ms. */
export const lateMs = 5

export class Tally {
  /** In frames: sent, of those a second time, acknowledged. */
  sent = 0
  repeated = 0
  acked = 0
  /** In events, as the server told them. */
  duplicates = 0
  rejected = 0
  readonly rejections = new Map<string, number>()
  /** Microseconds from when a frame was due to its ACK. */
  readonly latencyUs: RecordableHistogram = createHistogram()
  /** The same since the last look. */
  readonly recentUs: RecordableHistogram = createHistogram()
  /** Frames of the measured time: all that left, and those that left late. */
  measured = 0
  late = 0
  #beginMs = Infinity
  #endMs = Infinity

  begin(nowMs: number): void {
    this.#beginMs = nowMs
  }

  end(nowMs: number): void {
    this.#endMs = nowMs
  }

  /** @param lateByMs  How much later than the connection could have sent it. */
  frameSent(dueMs: number, lateByMs: number): void {
    this.sent += 1
    if (!this.#isMeasured(dueMs)) return
    this.measured += 1
    if (lateByMs > lateMs) this.late += 1
  }

  frameAcked(dueMs: number, nowMs: number): void {
    this.acked += 1
    this.waited(dueMs, nowMs)
  }

  /** A frame has waited so long, for its ACK or for nothing. */
  waited(dueMs: number, nowMs: number): void {
    const us = Math.max(1, Math.round((nowMs - dueMs) * 1000))
    this.recentUs.record(us)
    if (this.#isMeasured(dueMs)) this.latencyUs.record(us)
  }

  rejection({ code }: AckFrame['rejections'][number]): void {
    this.rejected += 1
    this.rejections.set(code, (this.rejections.get(code) ?? 0) + 1)
  }

  #isMeasured(dueMs: number): boolean {
    return dueMs >= this.#beginMs && dueMs < this.#endMs
  }
}
