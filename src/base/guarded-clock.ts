/**
 * The wall clock of the daemon, which one wrong reading of the machine's cannot carry away.
 *
 * Arrival times never decrease. A clock that was once set ahead by days, believed, and put right
 * again would therefore stand still for days: windows would end in the future, right events be too
 * late, and what is kept for a time would have gone. So wall time follows the machine's only as far
 * as monotonic time vouches for it, and a step. What is beyond is believed when the machine's clock
 * has said so for a while without a break. A machine that has slept is told from a clock that was
 * set by the time since it was started, which sleep is part of.
 *
 * At the start nothing contradicts the machine's clock, and it is believed; but where it says that
 * the last event is long ago, what is deleted by its age waits for the same while.
 */
import type { Clock } from './clock.ts'
import { clockConfirmMs, clockGapMsMax, clockStepMsMax } from './limits.ts'

export class GuardedClock implements Clock {
  readonly #clock: Clock
  /** The last wall time that was given out. */
  #lastMs: number
  /** Wall time minus elapsed time, as far as it is believed: for arrivals, and for deletions. */
  #believedMs: number
  #certainMs: number
  /** The least that the difference has been since a moment of elapsed time. */
  #least: { sinceMs: number; differenceMs: number }
  /** What elapsed time has that monotonic time has not. */
  #asleepMs: number

  /** Its wall time has surely been reached: for what cannot be taken back, such as deletions. */
  readonly certain: Clock = {
    nowMs: () => {
      const nowMs = this.nowMs()
      return Math.min(nowMs, Math.floor(this.#elapsedMs() + this.#certainMs) + clockStepMsMax)
    },
    monotonicMs: () => this.monotonicMs(),
    uptimeMs: () => this.uptimeMs(),
  }

  constructor(clock: Clock) {
    this.#clock = clock
    this.#asleepMs = clock.uptimeMs() - clock.monotonicMs()
    const elapsedMs = this.#elapsedMs()
    this.#lastMs = clock.nowMs()
    this.#believedMs = this.#lastMs - elapsedMs
    this.#certainMs = this.#believedMs
    this.#least = { sinceMs: elapsedMs, differenceMs: this.#believedMs }
  }

  /** Goes on behind an earlier life, whose last event came at `newestMs`; -Infinity for none. */
  resume(newestMs: number): void {
    if (newestMs === -Infinity) return
    if (this.#lastMs - newestMs > clockGapMsMax) this.#certainMs = newestMs - this.#elapsedMs()
    this.#lastMs = Math.max(this.#lastMs, newestMs)
  }

  nowMs(): number {
    const wallMs = this.#clock.nowMs()
    let elapsedMs = this.#elapsedMs()
    if (wallMs - elapsedMs > this.#believedMs + clockStepMsMax) {
      this.#asleepMs = Math.max(this.#asleepMs, this.#clock.uptimeMs() - this.#clock.monotonicMs())
      elapsedMs = this.#elapsedMs()
    }
    this.#observe(wallMs - elapsedMs, elapsedMs)
    const vouchedMs = Math.floor(elapsedMs + this.#believedMs) + clockStepMsMax
    this.#lastMs = Math.max(this.#lastMs, Math.min(wallMs, vouchedMs))
    return this.#lastMs
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }

  uptimeMs(): number {
    return this.#clock.uptimeMs()
  }

  /** How far the machine's clock is ahead of {@link nowMs}, not believed yet; or behind, ms. */
  skewMs(): number {
    return this.#clock.nowMs() - this.nowMs()
  }

  #observe(differenceMs: number, elapsedMs: number): void {
    const least = this.#least
    if (elapsedMs - least.sinceMs < clockConfirmMs) {
      least.differenceMs = Math.min(least.differenceMs, differenceMs)
      return
    }
    const confirmedMs = Math.min(least.differenceMs, differenceMs)
    // A clock that was set back may come again to where it has been.
    this.#believedMs = Math.max(this.#believedMs, confirmedMs)
    this.#certainMs = this.#believedMs
    this.#least = { sinceMs: elapsedMs, differenceMs }
  }

  #elapsedMs(): number {
    return this.#clock.monotonicMs() + this.#asleepMs
  }
}
