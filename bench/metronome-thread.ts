/**
 * The thread of a metronome: sleeps until the next beat, and posts it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Metronome } from './metronome.ts'

const { periodMs, words } = workerData as Metronome

for (let dueMs = performance.now(); ;) {
  dueMs = Math.max(dueMs + periodMs, performance.now())
  if (Atomics.wait(words, 0, 0, dueMs - performance.now()) !== 'timed-out') break
  if (Atomics.add(words, 1, 1) === 0) parentPort!.postMessage(null)
}
