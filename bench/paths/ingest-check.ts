/**
 * What the `ingest` bench sent, compared with what the daemon has counted.
 *
 * The workload tells again which events went to some of the keys; their features are read over
 * HTTP. Every event lies within both windows, so that each must equal the aggregate of all of them.
 */
import { eventGapNs } from '../../src/load/patch.ts'
import type { Workload } from '../../src/load/workload.ts'
import type { LoadOutcome } from '../load.ts'
import { userId } from '../workload.ts'

/** Keys that are compared, spread evenly over all; of Zipf's law also the most frequent. */
const sampledMax = 1000

/** What was sent to one key. */
interface Sent {
  readonly key: number
  count: number
  sum: number
  min: number
  max: number
  /** The greatest event time, ns after the run's first ms, and the amounts that share it. */
  newestNs: number
  newest: number[]
}

/** One row of `POST /v1/features/:name`. */
interface Row {
  readonly values: Readonly<Record<string, string | number | null>>
  readonly states: Readonly<Record<string, string>>
}

/**
 * Compares the features of the sampled keys.
 *
 * @returns a line for each key that depends on nothing but the events that were sent.
 * @throws when any feature is not what it must be.
 */
export async function checkFeatures(options: {
  readonly url: string
  readonly keys: number
  readonly workload: Workload
  readonly load: LoadOutcome
}): Promise<string[]> {
  const { url, keys, workload, load } = options
  const sample = sentTo(keys, workload, load)
  const response = await fetch(`${url}/v1/features/user_spend`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ keys: sample.map(({ key }) => ({ user_id: userId(key) })) }),
  })
  const body = (await response.json()) as { readonly rows?: readonly Row[] }
  if (body.rows === undefined) throw new Error(`features cannot be read: ${JSON.stringify(body)}`)
  const { rows } = body
  return sample.map((sent, n) => checkKey(sent, rows[n]!))
}

function sentTo(keys: number, workload: Workload, { frameTimesMs }: LoadOutcome): Sent[] {
  const count = Math.min(keys, sampledMax)
  const sample: Sent[] = []
  const placeOf = new Int32Array(keys).fill(-1)
  for (let n = 0; n < count; n++) {
    const key = Math.floor((n * keys) / count)
    placeOf[key] = n
    const nothing = { count: 0, sum: 0, min: Infinity, max: -Infinity }
    sample.push({ key, ...nothing, newestNs: -1, newest: [] })
  }
  const startMs = frameTimesMs[0] ?? 0
  for (const [frame, timeMs] of frameTimesMs.entries()) {
    for (let index = 0; index < workload.frameEvents; index++) {
      const place = placeOf[workload.keyOf(frame, index)]!
      if (place === -1) continue
      const timeNs = (timeMs - startMs) * 1e6 + eventGapNs * index
      note(sample[place]!, workload.valueOf('amount', frame, index) as number, timeNs)
    }
  }
  return sample
}

function note(sent: Sent, amount: number, timeNs: number): void {
  sent.count += 1
  sent.sum += amount
  sent.min = Math.min(sent.min, amount)
  sent.max = Math.max(sent.max, amount)
  if (timeNs > sent.newestNs) {
    sent.newestNs = timeNs
    sent.newest = []
  }
  if (timeNs === sent.newestNs) sent.newest.push(amount)
}

function checkKey(sent: Sent, { values, states }: Row): string {
  const { key, count, sum, min, max, newest } = sent
  const facts = { count: String(count), sum, mean: sum / count, min, max }
  for (const window of ['1h', '24h']) {
    const valueOf = (fn: string) => values[`amount_${fn}_${window}`]
    if (count === 0) {
      equal(key, `state of ${window}`, states[`amount_count_${window}`], 'unseen')
      continue
    }
    for (const [fn, fact] of Object.entries(facts)) equal(key, `${fn}_${window}`, valueOf(fn), fact)
    // Events of several connections with one time: the last of them to arrive counts.
    const last = valueOf('last') as number
    if (!newest.includes(last)) equal(key, `last_${window}`, last, newest.join(' or '))
  }
  return `${key} ${JSON.stringify(facts)}`
}

function equal(key: number, what: string, got: unknown, expected: unknown): void {
  if (got === expected) return
  throw new Error(`${userId(key)}: ${what} is ${String(got)}, but ${String(expected)} was sent`)
}
