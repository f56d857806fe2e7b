/**
 * What a run of a crash system has to tell when nothing was wrong.
 */

export interface Outcome {
  /** Events acknowledged, each counted or recorded once. */
  readonly events: number
  /** Times of starts after a fault, ms. */
  readonly startsMs: readonly number[]
  /** Faults that happened. */
  readonly faults: number
  /** What else people may want to know. */
  readonly notes?: readonly string[]
}

/** The time within which so much of all starts was done, ms; 0 without a start. */
export function quantile(timesMs: readonly number[], share: number): number {
  const sorted = timesMs.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
