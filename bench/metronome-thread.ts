/**
 * The thread of a metronome: sleeps until the next beat, and posts it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Metronome } from './metronome.ts'

const { startMs, periodMs, words } = workerData as Metronome
const firstMs = startMs - performance.timeOrigin

for (let n = 0; ;) {
  const nowMs = performance.now()
  n = Math.max(n, Math.ceil((nowMs - firstMs) / periodMs))
  const dueMs = firstMs + n * periodMs
  if (Atomics.wait(words, 0, 0, dueMs - nowMs) !== 'timed-out') break
  // It may wake a little too soon, and whoever listens would find nothing due.
  if (performance.now() < dueMs) continue
  if (Atomics.add(words, 1, 1) === 0) parentPort!.postMessage(null)
  n += 1
}
