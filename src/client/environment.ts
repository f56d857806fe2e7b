/**
 * What the client takes from the world besides its socket: time, timers and randomness.
 *
 * One object, so that a test drives reconnects and timeouts by hand.
 */
import { randomInt } from 'node:crypto'
import { systemClock, type Clock } from '../base/clock.ts'

export interface Environment {
  readonly clock: Clock
  /** Calls `run` once, `delayMs` from now; the result cancels it. */
  after(delayMs: number, run: () => void): () => void
  /** Calls `run` once the current turn of the event loop is over. */
  afterTurn(run: () => void): void
  /** Uniform in [0, 1). */
  random(): number
}

export function systemEnvironment(clock: Clock = systemClock): Environment {
  return {
    clock,
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs)
      return () => clearTimeout(timer)
    },
    afterTurn: (run) => {
      setImmediate(run)
    },
    random: () => randomInt(2 ** 32) / 2 ** 32,
  }
}
