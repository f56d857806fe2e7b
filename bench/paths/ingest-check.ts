/**
 * What the `ingest` bench sent, compared with what the daemon has counted.
 *
 * The workload tells again which events went to some of the keys; their features are read over
 * HTTP. Every event lies within both windows, so that each must equal the aggregate of all of them.
 */
import type { Workload } from '../../src/load/workload.ts'
import type { LoadOutcome } from '../load.ts'
import { sentTo, type Sent } from '../sent.ts'
import { userId } from '../workload.ts'

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
  readonly load: Pick<LoadOutcome, 'frameTimesMs'>
}): Promise<string[]> {
  const { url, keys, workload, load } = options
  const sample = sentTo(keys, workload, load.frameTimesMs)
  const rows = await readRows(
    url,
    sample.map(({ key }) => key),
  )
  return sample.map((sent, n) => checkKey(sent, rows[n]!))
}

/** The features of keys, in their order. */
export async function readRows(url: string, keys: readonly number[]): Promise<readonly Row[]> {
  const response = await fetch(`${url}/v1/features/user_spend`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ keys: keys.map((key) => ({ user_id: userId(key) })) }),
  })
  const body = (await response.json()) as { readonly rows?: readonly Row[] }
  if (body.rows === undefined) throw new Error(`features cannot be read: ${JSON.stringify(body)}`)
  return body.rows
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
