/**
 * Durations as people write them: `'30s'`, `'1h'`, `'1h30m'`, `'7d'`.
 */
import { MillraceError } from './errors.ts'

/** A duration: digits and a unit, up to three times: `'90s'`, `'1h30m'`, `'30d'`. */
export type Duration = Part | `${Part}${Part}` | `${Part}${Part}${Part}`

type Part = `${number}${'d' | 'h' | 'm' | 's' | 'ms'}`

const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const

/**
 * Milliseconds of a duration.
 *
 * @param path  Where the text stands, for the error.
 * @throws {@link MillraceError} `DEFINITION_INVALID` when it is not a positive duration.
 */
export function parseDuration(text: string, path: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|[dhms])/g)]
  const read = parts.map((part) => part[0]).join('')
  const ms = parts.reduce((sum, part) => sum + Number(part[1]) * unitMs[part[2] as 'd'], 0)
  if (text === '' || read !== text || ms <= 0 || !Number.isSafeInteger(ms)) {
    throw new MillraceError('DEFINITION_INVALID', {
      path,
      reason: `"${text}" is not a duration such as "90s", "1h", "1h30m" or "7d"`,
    })
  }
  return ms
}

/** The shortest spelling of a duration, as it stands in feature names: `'1h30m'`, `'30d'`. */
export function formatDuration(ms: number): string {
  let rest = ms
  let text = ''
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(rest / unitMs[unit])
    if (count > 0) text += `${count}${unit}`
    rest -= count * unitMs[unit]
  }
  return text === '' ? '0s' : text
}
