/**
 * A batch between the journal and its acknowledgement.
 *
 * It is settled when it is on disk and every lane that holds events of it has applied them. An
 * event that goes several ways is rejected if any way finds it wrong; it is too late only if it is
 * too late on every way, because one view's window may reach where another's does not.
 */
import type { BatchInFlight, SequencedRejection } from '../model/contracts.ts'
import type { Rejection } from '../model/rejection.ts'

export interface BatchFacts {
  readonly position: number
  /** Sequence of the first event. */
  readonly sequence: number
  readonly count: number
  readonly bytes: number
  /** Routes that keep state: those on which an event can be too late. */
  readonly routes: number
}

export class Batch implements BatchInFlight {
  readonly position: number
  readonly sequence: number
  readonly count: number
  readonly bytes: number
  readonly #routes: number
  readonly #onSettled: (batch: Batch) => void
  #lanes = 0
  /** Until the router is through, lanes may still be added. */
  #isRouted = false
  #isFlushed = false
  /** Rejections by place in the batch, several for an event that goes several ways. */
  #rejections: Map<number, Rejection[]> | null = null

  constructor(facts: BatchFacts, onSettled: (batch: Batch) => void) {
    this.position = facts.position
    this.sequence = facts.sequence
    this.count = facts.count
    this.bytes = facts.bytes
    this.#routes = facts.routes
    this.#onSettled = onSettled
  }

  get isSettled(): boolean {
    return this.#isFlushed && this.#isRouted && this.#lanes === 0
  }

  expectLane(): void {
    this.#lanes += 1
  }

  laneDone(): void {
    this.#lanes -= 1
    this.#settle()
  }

  routed(): void {
    this.#isRouted = true
    this.#settle()
  }

  flushed(): void {
    this.#isFlushed = true
    this.#settle()
  }

  reject(_route: number, rejections: readonly Rejection[]): void {
    this.#rejections ??= new Map()
    for (const rejection of rejections) {
      const others = this.#rejections.get(rejection.index)
      if (others === undefined) this.#rejections.set(rejection.index, [rejection])
      else others.push(rejection)
    }
  }

  /** The events that do not count, by sequence. */
  rejections(): readonly SequencedRejection[] {
    if (this.#rejections === null) return []
    const final: SequencedRejection[] = []
    for (const [index, ways] of this.#rejections) {
      const wrong = ways.find(({ code }) => code !== 'EVENT_TOO_LATE')
      if (wrong === undefined && ways.length < this.#routes) continue
      final.push({ ...(wrong ?? ways[0]!), sequence: this.sequence + index })
    }
    return final.sort((a, b) => a.sequence - b.sequence)
  }

  #settle(): void {
    if (this.isSettled) this.#onSettled(this)
  }
}
