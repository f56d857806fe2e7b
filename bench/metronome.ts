/**
 * A beat that is more exact than the timers of an event loop, for what is due at given moments.
 *
 * A thread sleeps until each beat is due and posts a message; to poll the clock instead would take
 * one of the cores that are being measured. A beat that finds the one before not yet handled is
 * left out, so that they do not pile up: whoever listens looks at the clock for what is due.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

/** What the thread is started with. */
export interface Metronome {
  /** When the first beat is due, ms since the epoch: threads have clocks of their own. */
  readonly startMs: number
  readonly periodMs: number
  /** The word that it sleeps on: 1 ends it; and how many of its beats are not handled. */
  readonly words: Int32Array
}

export interface Beats {
  /** When the first is due, by `performance.now()`. */
  readonly startMs: number
  readonly periodMs: number
}

/** The least time between two beats, ms: each wakes a thread, and takes from what is measured. */
const periodMsMin = 0.1

const program = new URL(`metronome-thread${extname(import.meta.url)}`, import.meta.url)

/** Calls back at every beat until it is stopped. */
export function startMetronome(
  { startMs, periodMs }: Beats,
  beat: () => void,
): { stop(): Promise<void> } {
  const words = new Int32Array(new SharedArrayBuffer(8))
  const workerData: Metronome = {
    startMs: performance.timeOrigin + startMs,
    periodMs: Math.max(periodMsMin, periodMs),
    words,
  }
  const thread = new Worker(program, { workerData })
  const ended = new Promise<void>((resolve, reject) => {
    thread.once('error', reject)
    thread.once('exit', () => resolve())
  })
  thread.on('message', () => {
    Atomics.store(words, 1, 0)
    if (Atomics.load(words, 0) === 0) beat()
  })
  return {
    stop() {
      Atomics.store(words, 0, 1)
      Atomics.notify(words, 0)
      return ended
    },
  }
}
