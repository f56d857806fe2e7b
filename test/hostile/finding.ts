/**
 * What a fuzzer measures, and what it stops with.
 */
import { systemClock } from '../../src/base/clock.ts'

/** Time that nothing may take, ms. */
const hangMs = 1000

/** Input that did what no input may do; it belongs into the corpus. */
export class Finding extends Error {
  readonly kind: string
  readonly input: Uint8Array

  constructor(kind: string, input: Uint8Array, what: unknown) {
    const reason = what instanceof Error ? (what.stack ?? what.message) : String(what)
    super(`${kind}: ${reason}`)
    this.kind = kind
    this.input = Uint8Array.from(input)
  }
}

/** Counts inputs of one kind and knows the slowest. */
export class Meter {
  readonly kind: string
  count = 0
  slowestMs = 0

  constructor(kind: string) {
    this.kind = kind
  }

  /** Runs what must not throw, nor take long. */
  run(input: Uint8Array, work: () => void): void {
    const startMs = systemClock.monotonicMs()
    this.check(input, work)
    this.#took(input, startMs)
  }

  async wait<T>(input: Uint8Array, work: () => Promise<T>): Promise<T> {
    const startMs = systemClock.monotonicMs()
    try {
      const done = await work()
      this.#took(input, startMs)
      return done
    } catch (thrown) {
      throw thrown instanceof Finding ? thrown : new Finding(this.kind, input, thrown)
    }
  }

  /** Runs what must not throw, of an input that was counted. */
  check(input: Uint8Array, work: () => void): void {
    try {
      work()
    } catch (thrown) {
      throw new Finding(this.kind, input, thrown)
    }
  }

  #took(input: Uint8Array, startMs: number): void {
    const tookMs = systemClock.monotonicMs() - startMs
    this.count += 1
    this.slowestMs = Math.max(this.slowestMs, tookMs)
    if (tookMs > hangMs) throw new Finding(this.kind, input, `took ${tookMs.toFixed()} ms`)
  }
}

/** How far a fuzzer goes. */
export interface Extent {
  readonly count: number
  readonly random: () => number
  /** Whether to stop before. */
  readonly isOver: () => boolean
}
