/**
 * What a run has sent to some of the keys, told again by its workload.
 *
 * A bench compares it with what was counted, and so do the peers with theirs.
 */
import { eventGapNs } from '../src/load/patch.ts'
import type { Workload } from '../src/load/workload.ts'

/** Keys that are compared, spread evenly over all; of Zipf's law also the most frequent. */
const sampledMax = 1000

/** What was sent to one key. */
export interface Sent {
  readonly key: number
  count: number
  sum: number
  min: number
  max: number
  /** The greatest event time, ns after the run's first ms, and the amounts that share it. */
  newestNs: number
  newest: number[]
  /** The amount that was sent last. */
  latest: number
}

/**
 * What was sent to some of the keys.
 *
 * @param frameTimesMs  By frame of the run: the event time of its first event; what an open loop
 *   could not send in time is a hole.
 */
export function sentTo(keys: number, workload: Workload, frameTimesMs: readonly number[]): Sent[] {
  const count = Math.min(keys, sampledMax)
  const sample: Sent[] = []
  const placeOf = new Int32Array(keys).fill(-1)
  for (let n = 0; n < count; n++) {
    const key = Math.floor((n * keys) / count)
    placeOf[key] = n
    const nothing = { count: 0, sum: 0, min: Infinity, max: -Infinity }
    sample.push({ key, ...nothing, newestNs: -1, newest: [], latest: Number.NaN })
  }
  const startMs = frameTimesMs[0] ?? 0
  // Unlike `for … of`, this leaves out the holes.
  frameTimesMs.forEach((timeMs, frame) => {
    for (let index = 0; index < workload.frameEvents; index++) {
      const place = placeOf[workload.keyOf(frame, index)]!
      if (place === -1) continue
      const timeNs = (timeMs - startMs) * 1e6 + eventGapNs * index
      note(sample[place]!, workload.valueOf('amount', frame, index) as number, timeNs)
    }
  })
  return sample
}

function note(sent: Sent, amount: number, timeNs: number): void {
  sent.count += 1
  sent.latest = amount
  sent.sum += amount
  sent.min = Math.min(sent.min, amount)
  sent.max = Math.max(sent.max, amount)
  if (timeNs > sent.newestNs) {
    sent.newestNs = timeNs
    sent.newest = []
  }
  if (timeNs === sent.newestNs) sent.newest.push(amount)
}
