/**
 * A moment from which on something counts, as a features file writes it.
 */
import { eventTimeMsMin, lifetimeStartMsMax } from '../base/limits.ts'
import { formatTimestamp, msOf, parseTimestamp } from '../model/timestamp.ts'
import { shown } from './names.ts'
import type { Problems } from './problems.ts'

/** In ms since 1970-01-01 UTC; 0 for what cannot be used, which is then among the problems. */
export function resolveMoment(
  value: unknown,
  path: string,
  problems: Problems,
  definition: unknown,
): number {
  const ns = typeof value === 'string' ? parseTimestamp(value) : null
  const ms = ns === null ? (value instanceof Date ? value.getTime() : NaN) : msOf(ns)
  if (ms >= eventTimeMsMin && ms <= lifetimeStartMsMax) return ms
  const written = value instanceof Date ? 'the Date' : shown(value)
  const latest = formatTimestamp(BigInt(lifetimeStartMsMax) * 1_000_000n)
  const reason =
    ms > lifetimeStartMsMax
      ? `${written} is after ${latest}: until then nothing would count`
      : `${written} is not a time such as "2024-01-01T00:00:00Z"`
  problems.add(path, reason, definition)
  return 0
}
