/**
 * A closed loop of things that are started and end: frames or requests, so many at a time.
 *
 * Each has a lane, and a lane has one at a time: a connection, or a buffer that is written over.
 * The first part of the time is not measured; at the end the loop waits for what is under way.
 */
import { systemClock } from '../../src/base/clock.ts'

export interface LoopOptions {
  readonly lanes: number
  /** Not measured at the start, ms. */
  readonly warmupMs: number
  /** Measured, ms. */
  readonly measuredMs: number
  /** When not 0: so many things instead, the first quarter of which is not measured. */
  readonly count: number
  /** Starts the n-th thing of all; `done` says that it has ended. */
  readonly start: (n: number, lane: number, done: () => void) => void
}

export interface LoopOutcome {
  /** Ended in the measured time: at least one. */
  readonly measured: number
  readonly measuredMs: number
}

/** @param failed  Rejects when there is no point in going on. */
export async function runLoop(options: LoopOptions, failed: Promise<never>): Promise<LoopOutcome> {
  const { lanes, warmupMs, measuredMs, count, start } = options
  const startedMs = systemClock.monotonicMs()
  let started = 0
  let ended = 0
  let begin: Mark | null = null
  let end: Mark | null = null
  const look = (): void => {
    const atMs = systemClock.monotonicMs()
    if (begin === null) {
      const isWarm = count === 0 ? atMs - startedMs >= warmupMs : ended >= count / 4
      if (isWarm) begin = { atMs, ended }
    } else if (end === null && ended > begin.ended) {
      const isOver = count === 0 ? atMs - begin.atMs >= measuredMs : ended >= count
      if (isOver) end = { atMs, ended }
    }
  }
  const all = new Promise<void>((resolve) => {
    const next = (lane: number): void => {
      start(started++, lane, () => {
        ended += 1
        look()
        if (end === null) next(lane)
        else if (ended === started) resolve()
      })
    }
    for (let lane = 0; lane < lanes; lane++) next(lane)
  })
  await Promise.race([all, failed])
  return outcomeOf(begin!, end!)
}

/** How much had ended by then. */
interface Mark {
  readonly atMs: number
  readonly ended: number
}

function outcomeOf(begin: Mark, end: Mark): LoopOutcome {
  return { measured: end.ended - begin.ended, measuredMs: end.atMs - begin.atMs }
}
