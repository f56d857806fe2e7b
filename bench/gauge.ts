/**
 * What is counted of the answers that come in a measured time, after a warm-up.
 *
 * A latency counts if its request was due in the measured time, whenever the answer comes; an
 * answer counts for the rate if it came in it. Some answers are kept, to be checked when the time
 * is over and checking them costs nobody anything.
 */
import { createHistogram, performance, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ThreadTimes } from './daemon.ts'

/** An answer that was kept. */
export interface Kept<Answer> {
  /** Place of its request among those that are sent over and over. */
  readonly request: number
  readonly answer: Answer
}

export interface GaugeOptions {
  readonly warmupMs: number
  readonly measuredMs: number
  /** Of how many answers one is kept. */
  readonly keptOneIn: number
  /** CPU time that the server has used so far. @defaultValue not measured */
  readonly cpu?: () => Promise<ThreadTimes>
}

/** CPU time of the server in the measured time, µs an answer. */
export interface AnswerCpu {
  readonly main: number
  /** The busiest other thread. */
  readonly shard: number
}

export class Gauge<Answer> {
  /** Microseconds from when a request was due to its answer. */
  readonly latencyUs: RecordableHistogram = createHistogram()
  readonly kept: Kept<Answer>[] = []
  /** Came in the measured time. */
  answers = 0
  /** Of the measured time: how long this thread was not idle. */
  busyShare = 0
  measuredMs = 0
  cpuUs: AnswerCpu = { main: 0, shard: 0 }
  readonly #options: GaugeOptions
  /** Infinity before the measured time is over. */
  endMs = Infinity
  #beginMs = Infinity
  #seen = 0

  constructor(options: GaugeOptions) {
    this.#options = options
  }

  /** Resolves when the measured time is over. */
  async run(): Promise<void> {
    const { warmupMs, measuredMs } = this.#options
    await sleep(warmupMs)
    const cpuBefore = this.#options.cpu?.()
    const before = performance.eventLoopUtilization()
    this.#beginMs = performance.now()
    await sleep(measuredMs)
    this.endMs = performance.now()
    this.busyShare = performance.eventLoopUtilization(before).utilization
    this.measuredMs = this.endMs - this.#beginMs
    const cpuAfter = this.#options.cpu?.()
    if (cpuBefore !== undefined) this.#noteCpu(await cpuBefore, (await cpuAfter)!)
  }

  #noteCpu(before: ThreadTimes, after: ThreadTimes): void {
    const others = [...after.others].map(([thread, ns]) => ns - (before.others.get(thread) ?? 0))
    const us = (ns: number): number => ns / 1000 / Math.max(1, this.answers)
    this.cpuUs = { main: us(after.main - before.main), shard: us(Math.max(0, ...others)) }
  }

  get answersPerSecond(): number {
    return (this.answers / this.measuredMs) * 1000
  }

  /** An answer has come; `take` gives what is to be kept of it. */
  answered(request: number, dueMs: number, take: () => Answer): void {
    const nowMs = performance.now()
    if (dueMs >= this.#beginMs && dueMs < this.endMs) {
      this.latencyUs.record(Math.max(1, Math.round((nowMs - dueMs) * 1000)))
    }
    if (nowMs >= this.#beginMs && nowMs < this.endMs) this.answers += 1
    if (this.#seen++ % this.#options.keptOneIn === 0) this.kept.push({ request, answer: take() })
  }
}
