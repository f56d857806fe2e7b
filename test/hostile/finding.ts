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
  /** What the process had used of a processor a while ago, ms. */
  #usedMs = usedMs()

  constructor(kind: string) {
    this.kind = kind
  }

  /** Runs what must not throw, nor take long, of a new input. */
  run<T>(input: Uint8Array, work: () => T): T {
    if (this.count++ % 1024 === 0) this.#usedMs = usedMs()
    return this.again(input, work)
  }

  /** The same of an input that was counted. */
  again<T>(input: Uint8Array, work: () => T): T {
    const startMs = systemClock.monotonicMs()
    try {
      const done = work()
      this.#took(input, startMs, () => usedMs() - this.#usedMs)
      return done
    } catch (thrown) {
      throw this.#finding(input, thrown)
    }
  }

  /** Runs what waits for others, who must not take long either. */
  async wait<T>(input: Uint8Array, work: () => Promise<T>): Promise<T> {
    this.count += 1
    const startMs = systemClock.monotonicMs()
    try {
      const done = await work()
      this.#took(input, startMs)
      return done
    } catch (thrown) {
      throw this.#finding(input, thrown)
    }
  }

  #finding(input: Uint8Array, thrown: unknown): Finding {
    return thrown instanceof Finding ? thrown : new Finding(this.kind, input, thrown)
  }

  /** @param used  Time on a processor, ms, if that is known: others may have had them, too. */
  #took(input: Uint8Array, startMs: number, used?: () => number): void {
    const tookMs = systemClock.monotonicMs() - startMs
    this.slowestMs = Math.max(this.slowestMs, tookMs)
    if (tookMs <= hangMs || (used !== undefined && used() <= hangMs)) return
    throw new Finding(this.kind, input, `took ${tookMs.toFixed()} ms`)
  }
}

function usedMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** How far a fuzzer goes. */
export interface Extent {
  readonly count: number
  readonly random: () => number
  /** Whether to stop before. */
  readonly isOver: () => boolean
}
