/**
 * What an option is, and how the text of one becomes a value: the cells of the tables in
 * `base/config.ts`.
 */
import { parseDuration } from './duration.ts'

/** A checked value, or why it is refused. */
export type Parsed<T> = { readonly value: T } | { readonly refused: string }

/** What a flag, a variable or a program gives. */
export type Given = string | number

export interface Option<T> {
  /** Flag of the command line, without the dashes. */
  readonly flag: string
  /** Environment variable. */
  readonly variable: string
  /** What stands for the value in help. */
  readonly placeholder: string
  /** What applies when nothing is given, as it is written. */
  readonly standard: () => Given
  /** One sentence for help and documentation. */
  readonly description: string
  readonly parse: (given: Given) => Parsed<T>
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
type LogLevel = (typeof logLevels)[number]

/** Bytes of a size as people write it: `'512MiB'`, `'2GB'`, `'1048576'`. */
export function parseSize(given: Given, bytesMin = 0): Parsed<number> {
  const match = /^(\d+(?:\.\d+)?)\s*(B|[KMGT]i?B)?$/i.exec(String(given).trim())
  const unit = match?.[2]?.toUpperCase() ?? 'B'
  const step = unit.includes('I') ? 1024 : 1000
  const bytes = Math.floor(Number(match?.[1]) * step ** 'BKMGT'.indexOf(unit.charAt(0)))
  if (match === null || !Number.isSafeInteger(bytes)) {
    return { refused: `"${given}" is not a size such as "512MiB" or "2GB"` }
  }
  if (bytes < bytesMin) return { refused: `${bytes} bytes is less than ${bytesMin}` }
  return { value: bytes }
}

/** The same, or `none` for any size. */
export function parseSizeOrNone(given: Given): Parsed<number> {
  return isUnbounded(given) ? { value: Infinity } : parseSize(given)
}

/** Milliseconds: a program gives their number, people write a duration. */
export function parsePeriod(given: Given): Parsed<number> {
  if (typeof given === 'number') return parseWhole(given, 1, Number.MAX_SAFE_INTEGER)
  try {
    return { value: parseDuration(given, 'duration') }
  } catch {
    return { refused: `"${given}" is not a duration such as "90s", "12h" or "7d"` }
  }
}

/** The same, or 0. */
export function parsePeriodOrNone(given: Given): Parsed<number> {
  return /^0(?:ms|[dhms])?$/.test(String(given)) ? { value: 0 } : parsePeriod(given)
}

/** A period, or `none` for any age. */
export function parseAgeOrNone(given: Given): Parsed<number> {
  return isUnbounded(given) ? { value: Infinity } : parsePeriod(given)
}

/** As people write it, and as a program may. */
function isUnbounded(given: Given): boolean {
  return given === 'none' || given === Infinity
}

export function parseWhole(given: Given, min: number, max: number): Parsed<number> {
  const text = String(given).trim()
  const value = Number(text)
  if (!/^-?\d+$/.test(text) || value < min || value > max) {
    return { refused: `"${given}" is not a whole number from ${min} to ${max}` }
  }
  return { value }
}

export function parseText(given: Given): Parsed<string> {
  const text = String(given)
  return text.trim() === '' || text.includes('\0') ? { refused: 'is empty' } : { value: text }
}

/** The same, or `none`. */
export function parseTextOrNone(given: Given): Parsed<string | null> {
  return given === 'none' ? { value: null } : parseText(given)
}

/** An API key, or `none`; what is wrong with it is told without it. */
export function parseApiKey(given: Given): Parsed<string | null> {
  if (given === 'none') return { value: null }
  return /^[\x21-\x7e]+$/.test(String(given))
    ? { value: String(given) }
    : { refused: 'is not an API key' }
}

/** Origins of web pages as a browser says them, with commas between; or `none`. */
export function parseOrigins(given: Given): Parsed<readonly string[]> {
  const origins = String(given)
    .split(',')
    .map((each) => each.trim())
  if (given === 'none') return { value: [] }
  const wrong = origins.find((each) => !URL.canParse(each) || new URL(each).origin !== each)
  return wrong === undefined
    ? { value: origins }
    : { refused: `"${wrong}" is not an origin such as "https://shop.example"` }
}

export function parseLogLevel(given: Given): Parsed<LogLevel> {
  const level = logLevels.find((each) => each === given)
  return level === undefined
    ? { refused: `"${given}" is not one of ${logLevels.join(', ')}` }
    : { value: level }
}

/** An HTTP base URL, without a slash at its end. */
export function parseUrl(given: Given): Parsed<string> {
  const url = URL.canParse(String(given)) ? new URL(String(given)) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    return { refused: `"${given}" is not a URL such as "http://127.0.0.1:4800"` }
  }
  return { value: url.href.replace(/\/+$/, '') }
}
