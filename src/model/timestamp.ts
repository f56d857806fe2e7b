/**
 * Instants as text and as numbers: RFC 3339 ↔ nanoseconds since 1970-01-01 UTC.
 *
 * A nanosecond is kept: two events one apart are two events. Days are counted in the proleptic
 * Gregorian calendar without leap seconds, like everywhere else in computing.
 */

// Year, month, day, hour, minute, second, fraction, zone.
const form = new RegExp(
  [
    /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?/,
    /([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/,
  ]
    .map(({ source }) => source)
    .join(''),
)

const daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]

/**
 * Parses `YYYY-MM-DDThh:mm[:ss[.fffffffff]][TZ]`, where TZ is `Z` or `±hh:mm`; without it the time
 * is UTC. Both letters may be lower case, and a space may stand for the `T`. The date must exist;
 * hour 24 and second 60 do not.
 *
 * @returns ns since the epoch; null when the text is anything else.
 * @see RFC 3339, section 5.6, whose notes allow the lower case and the space
 */
export function parseTimestamp(text: string): bigint | null {
  // The longest text of the form: a regular expression on more is wasted.
  if (text.length > 35) return null
  const parts = form.exec(text)
  if (parts === null) return null
  const year = Number(parts[1])
  const month = Number(parts[2])
  const day = Number(parts[3])
  const hour = Number(parts[4])
  const minute = Number(parts[5])
  const second = Number(parts[6] ?? 0)
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null
  if (hour > 23 || minute > 59 || second > 59) return null
  const minutes = daysOf(year, month, day) * 1440 + hour * 60 + minute - offsetMinutes(parts[8])
  const ns = Number((parts[7] ?? '').padEnd(9, '0'))
  return BigInt(minutes * 60 + second) * 1_000_000_000n + BigInt(ns)
}

const twoDigits = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0'))

const dayMs = 86_400_000

/** The day that was written last, and its text: instants that are written together share it. */
let lastDay = NaN
let lastDayText = ''

/**
 * The text of an instant in UTC, with no more digits of fraction than it needs:
 * `2024-05-01T12:00:00Z`, `…00.5Z`, `…00.000000001Z`. For the years 0 to 9999.
 */
export function formatTimestamp(ns: bigint): string {
  const ms = msOf(ns)
  const day = Math.floor(ms / dayMs)
  if (day !== lastDay) {
    lastDay = day
    lastDayText = new Date(day * dayMs).toISOString().slice(0, 11)
  }
  const second = Math.floor((ms - day * dayMs) / 1000)
  const hours = twoDigits[Math.floor(second / 3600)]!
  const minutes = twoDigits[Math.floor(second / 60) % 60]!
  const text = `${lastDayText}${hours}:${minutes}:${twoDigits[second % 60]!}`
  const fractionNs = (ms - (day * 86_400 + second) * 1000) * 1_000_000 + nsWithinMs(ns)
  return fractionNs === 0 ? `${text}Z` : `${text}.${fractionText(fractionNs)}Z`
}

/** Of a second; not zero. */
function fractionText(ns: number): string {
  return String(ns).padStart(9, '0').replace(/0+$/, '')
}

/** Whole milliseconds at or before the instant. */
export function msOf(ns: bigint): number {
  const ms = Number(ns / 1_000_000n)
  return ns < 0n && ns % 1_000_000n !== 0n ? ms - 1 : ms
}

/** Nanoseconds after {@link msOf}: 0 to 999 999. */
export function nsWithinMs(ns: bigint): number {
  const rest = Number(ns % 1_000_000n)
  return rest < 0 ? rest + 1_000_000 : rest
}

/** The instant of {@link msOf} and {@link nsWithinMs}. */
export function nsOf(ms: number, nsWithin: number): bigint {
  return BigInt(ms) * 1_000_000n + BigInt(nsWithin)
}

/** Days from 1970-01-01. */
function daysOf(year: number, month: number, day: number): number {
  const years = year - 1
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400)
  const leapDay = month > 2 && isLeap(year) ? 1 : 0
  return years * 365 + leapDays + daysBeforeMonth[month - 1]! + leapDay + day - 1 - 719_162
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

function offsetMinutes(zone: string | undefined): number {
  if (zone === undefined || zone.length === 1) return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))
  return zone.startsWith('-') ? -minutes : minutes
}
