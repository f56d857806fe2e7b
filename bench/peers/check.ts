/**
 * What a peer has counted, compared with what was sent to it. A peer that is wrong has no figure.
 */
import type { Sent } from '../sent.ts'
import { userId } from '../workload.ts'

/** What a peer says of one key. */
export interface Totals {
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  /** Null where which is last does not follow from what was sent. */
  readonly last: number | null
}

const nothing: Totals = { count: 0, sum: 0, min: Infinity, max: -Infinity, last: null }

/** The users of a sample, in its order: what a peer is asked about. */
export function usersOf(sample: readonly Sent[]): string[] {
  return sample.map(({ key }) => userId(key))
}

/**
 * @param totals  What the peer says of each user; null when it has never heard of it.
 * @throws when any of it is not what it must be, or no key has an event.
 */
export function checkTotals(
  peer: string,
  sample: readonly Sent[],
  totals: readonly (Totals | null)[],
): void {
  for (const [n, { key, latest, ...sent }] of sample.entries()) {
    const said = totals[n] ?? nothing
    for (const name of ['count', 'sum', 'min', 'max'] as const) {
      equal(`${peer}: ${name} of ${userId(key)}`, said[name], sent[name])
    }
    if (said.last !== null) equal(`${peer}: last of ${userId(key)}`, said.last, latest)
  }
  if (sample.every(({ count }) => count === 0)) throw new Error(`${peer}: nothing can be compared`)
}

/** @throws when the two are not the same number. */
export function equal(what: string, got: number, expected: number): void {
  if (got !== expected) throw new Error(`${what} is ${got}, but must be ${expected}`)
}
