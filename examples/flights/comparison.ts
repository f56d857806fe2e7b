/**
 * The daemon's answers beside DuckDB's: the differences, and a table for people.
 *
 * Values are compared as they are, to the last bit; only the table rounds.
 */
import type { AirportFeatures, Departures } from './expected.ts'
import { integerText } from './text.ts'

/** One value that is not what it should be. */
export interface Difference {
  readonly airport: string
  /** A feature, or what else is compared. */
  readonly name: string
  readonly actual: unknown
  readonly expected: unknown
}

/** What both say of one airport. */
export interface Pair {
  readonly actual: AirportFeatures
  readonly expected: AirportFeatures
}

/** @returns every value in which the two differ; empty when they are equal. */
export function differencesOf({ actual, expected }: Pair): Difference[] {
  return [...namedValues(expected)].flatMap(([name, value]) => {
    const answered = namedValues(actual).get(name)
    if (Object.is(answered, value)) return []
    return [{ airport: expected.airport, name, actual: answered, expected: value }]
  })
}

/** Values that {@link differencesOf} compares for one airport. */
export function comparedCount({ expected }: Pair): number {
  return namedValues(expected).size
}

function namedValues({ values, newestMs, edgeMs }: AirportFeatures): Map<string, unknown> {
  return new Map(Object.entries({ ...values, newest: newestMs, edge: edgeMs }))
}

export function differenceText({ airport, name, actual, expected }: Difference): string {
  return `${airport} ${name}: Millrace ${String(actual)}, DuckDB ${String(expected)}`
}

const columns = [
  { title: 'departures', width: 8, text: countText },
  { title: 'mean delay, min', width: 8, text: meanText },
  { title: 'max delay, min', width: 8, text: countText },
  { title: 'last destination', width: 8, text: String },
] as const

const windows = ['1h', '1d', '7d'] as const

/** A table with a line for each airport and window, both answers side by side. */
export function comparisonTable(pairs: readonly Pair[]): string[] {
  const titles = columns.map(({ title, width }) => title.padEnd(2 * width + 3))
  const sides = columns.map(
    ({ width }) => `${'Millrace'.padStart(width)}   ${'DuckDB'.padEnd(width)}`,
  )
  return [
    `  airport       ${titles.join('  ')}  newest flight`,
    `                ${sides.join('  ')}`.trimEnd(),
    ...pairs.flatMap((pair) => ['', ...airportLines(pair)]),
  ]
}

function airportLines({ actual, expected }: Pair): string[] {
  return windows.map((window, line) => {
    const ours = valuesOf(actual.values, window)
    const theirs = valuesOf(expected.values, window)
    const cells = columns.map((_, n) => cellText(n, ours[n], theirs[n]))
    const [name, end] = line === 0 ? [actual.airport, freshnessText(actual)] : ['', '']
    return `  ${name.padEnd(8)}${window}    ${cells.join('  ')}  ${end}`.trimEnd()
  })
}

/** By column; the last destination is of the longest window and stands on the first line only. */
function valuesOf(values: Departures, window: (typeof windows)[number]): unknown[] {
  const counted = [`departures_${window}`, `mean_delay_${window}`, `max_delay_${window}`] as const
  return [...counted.map((name) => values[name]), window === '1h' ? values.last_destination : '']
}

function cellText(column: number, actual: unknown, expected: unknown): string {
  const { width, text } = columns[column]!
  if (actual === '') return ' '.repeat(2 * width + 3)
  const [ours, theirs] = [actual, expected].map((value) =>
    value === null ? '–' : text(value as never),
  )
  const sign = Object.is(actual, expected) ? '=' : '≠'
  return `${ours!.padStart(width)} ${sign} ${theirs!.padEnd(width)}`
}

function countText(value: bigint): string {
  return integerText(value)
}

function meanText(value: number): string {
  return value.toFixed(3)
}

/** `23:55, 5 min old` */
function freshnessText({ newestMs, edgeMs }: AirportFeatures): string {
  const time = new Date(newestMs).toISOString().slice(11, 16)
  return `${time}, ${(edgeMs - newestMs) / 60_000} min old`
}
