/**
 * How many events a producer may have in flight, by what the daemon has been seen to finish.
 *
 * What is in flight beyond what keeps the daemon busy only waits, and everybody waits with it. So
 * all producers together may have as many as the daemon finishes while a flush takes, and a little
 * while longer: enough that it never waits for them, and no more. How much it finishes is measured
 * while producers keep it busy; when they do not, they say nothing about it.
 *
 * A producer that is far away has most of its events on the way, which costs nobody anything here:
 * where there is nothing in flight for a part of the time, they may be as many more.
 *
 * The rest is fairness: whoever has less in flight than its part leaves what is left of it to the
 * others. It is advice. What a session is cut for is the bound that stands in `limits.ts`.
 *
 * Thread: main. @see N. Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016
 */
import type { Clock } from '../base/clock.ts'
import { creditEventsMax, creditPerSecondStart, creditQueueMs } from '../base/limits.ts'

/** One producer's events in flight; only {@link Credit} changes it. */
export interface Flow {
  events: number
  /** The most that it had since the last look. */
  most: number
}

/** With events in flight between two looks, ms; the best of the last ones is what can be. */
const lookMs = 100
const looksMax = 10

/** How many times as many events may be in flight where there mostly are none. */
const idlenessMax = 8

/** Part of its credit beyond which a producer is thought to be held up by it. */
const usedShare = 0.8

/** Weight of the newest flush in what a flush takes. */
const flushWeight = 1 / 8

export class Credit {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  /** Those that have had anything in flight since the last look. */
  readonly #flows = new Set<Flow>()
  #inFlight = 0
  /** Since when there is anything in flight, and for how long there was before, since a look. */
  #busySinceMs = 0
  #busyMs = 0
  #lookedMs: number
  /** All time by the part of it that there was anything in flight, between the last looks. */
  #idleness = 1
  #settled = 0
  /** Events a second of the last looks that say something. */
  readonly #rates: number[] = []
  #flushMs = 1
  /** The append whose flush is timed. */
  #timed: { readonly position: number; readonly sinceMs: number } | null = null
  #events = creditEventsMax

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
    this.#lookedMs = clock.monotonicMs()
    this.#events = this.#fairPart()
  }

  /** What each producer may have in flight. */
  get events(): number {
    return this.#events
  }

  /** Events of a producer are in the journal, up to a position, and not flushed. */
  taken(flow: Flow, events: number, position: number): void {
    const nowMs = this.#clock.monotonicMs()
    flow.events += events
    flow.most = Math.max(flow.most, flow.events)
    this.#flows.add(flow)
    if (this.#inFlight === 0) this.#busySinceMs = nowMs
    this.#inFlight += events
    this.#timed ??= { position, sinceMs: nowMs }
  }

  flushed(position: number): void {
    if (this.#timed === null || position < this.#timed.position) return
    const tookMs = this.#clock.monotonicMs() - this.#timed.sinceMs
    this.#flushMs += flushWeight * (tookMs - this.#flushMs)
    this.#timed = null
  }

  /** Events of a producer are no longer in flight. */
  settled(flow: Flow, events: number): void {
    const nowMs = this.#clock.monotonicMs()
    flow.events -= events
    this.#inFlight -= events
    this.#settled += events
    this.#busyMs += nowMs - this.#busySinceMs
    this.#busySinceMs = nowMs
    if (this.#busyMs >= lookMs) this.#look(nowMs)
  }

  #look(nowMs: number): void {
    this.#idleness = Math.min(idlenessMax, (nowMs - this.#lookedMs) / this.#busyMs)
    this.#lookedMs = nowMs
    const rate = (this.#settled * 1000) / this.#busyMs
    const limit = usedShare * this.#events
    let isBusy = false
    for (const { most } of this.#flows) isBusy ||= most >= limit
    if (isBusy || rate > this.#best) {
      this.#rates.push(rate)
      if (this.#rates.length > looksMax) this.#rates.shift()
    }
    this.#events = this.#fairPart()
    for (const flow of this.#flows) {
      flow.most = flow.events
      if (flow.events === 0) this.#flows.delete(flow)
    }
    this.#busyMs = 0
    this.#settled = 0
  }

  get #best(): number {
    return this.#rates.length === 0 ? creditPerSecondStart : Math.max(...this.#rates)
  }

  /** The part of each that makes all of them together as many as keep the daemon busy. */
  #fairPart(): number {
    const busyMs = this.#flushMs + creditQueueMs
    let left = (this.#best * busyMs * this.#idleness) / 1000
    const limit = usedShare * this.#events
    const modest = Array.from(this.#flows, ({ most }) => most).filter((most) => most < limit)
    modest.sort((a, b) => a - b)
    let others = Math.max(1, this.#flows.size)
    for (const most of modest) {
      if (most >= left / others || others === 1) break
      left -= most
      others -= 1
    }
    return Math.max(1, Math.min(creditEventsMax, Math.floor(left / others)))
  }
}
