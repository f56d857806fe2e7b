/**
 * What was read at points beside what DuckDB says: each difference, and a summary for people.
 *
 * Exact functions must be equal to the last bit. An approximate one may be off by what it claims: a
 * percentile by 1 % of its value, a distinct count by a few standard errors.
 */
import { isDeepStrictEqual } from 'node:util'
import type { PointValues } from './points.ts'
import { integerText } from './text.ts'

/** The features of one airport in one view, as they were at a moment. */
export interface PointReading {
  /** Flights that had departed. */
  readonly flights: number
  readonly airport: string
  readonly mode: string
  readonly values: Readonly<Record<string, unknown>>
  readonly edges: Readonly<Record<string, Date>>
}

/** `precision` of the percentiles: they are off by a hundredth at most. */
const percentileErrorMax = 1 / 100

/** Of distinct counts, whose precision is 8; and up to how many values they are exact. */
const distinctStandardError = 1.04 / Math.sqrt(2 ** 8)
const distinctExactMax = 64n

/** Of a million counts, one or two are off by more. */
const standardErrorsMax = 5

const differencesShown = 20

/** `delay_sum_1h`, `delay_sum_1h_30m`, `delay_sum_1h_continuous` */
const featureName = /^((?:delay|destination)_(.+))_(1h|1d|7d)(?:_30m|_continuous)?$/

export class PointComparison {
  readonly #expected: PointValues
  readonly #differences: string[] = []
  /** Errors relative to the value, one of each approximate value. */
  readonly #distinctErrors: number[] = []
  readonly #percentileErrors: number[] = []
  #exact = 0
  #nulls = 0

  constructor(expected: PointValues) {
    this.#expected = expected
  }

  /** @returns what to print, and whether everything is as it must be. */
  reportOf(readings: readonly PointReading[]): {
    readonly text: string
    readonly isRight: boolean
  } {
    for (const reading of readings) this.#add(reading)
    const differences = this.#differences
    const lines = [
      ...this.#summary(readings),
      '',
      ...differences.slice(0, differencesShown).map((each) => `  ≠ ${each}`),
      differences.length === 0
        ? '  No value is other than it must be, at any of the points.'
        : `  Not as it must be: ${integerText(differences.length)} values differ.`,
      '',
    ]
    return { text: `${lines.join('\n')}\n`, isRight: differences.length === 0 }
  }

  #add(reading: PointReading): void {
    const edgeMs = this.#expected.edgeMs(reading.flights)
    for (const [name, value] of Object.entries(reading.values)) {
      const [, column, label, window] = featureName.exec(name)!
      const row = this.#expected.valuesIn({ ...reading, window: window! })
      const right = row === null ? null : row[column!]
      if (!this.#check(label!, value, right)) this.#differ(reading, name, value, right)
      const endMs = reading.edges[name]!.getTime()
      if (endMs !== edgeMs) this.#differ(reading, `${name}, its end`, endMs, edgeMs)
    }
  }

  #check(label: string, value: unknown, right: unknown): boolean {
    if (right === null) this.#nulls++
    else if (label === 'approx_count_distinct')
      return this.#checkDistinct(value as bigint, right as bigint)
    else if (label.startsWith('approx_percentile')) {
      const error = relativeError(value as number, right as number)
      this.#percentileErrors.push(error)
      return error <= percentileErrorMax
    } else this.#exact++
    return isDeepStrictEqual(value, right)
  }

  #checkDistinct(value: bigint, right: bigint): boolean {
    const error = relativeError(Number(value), Number(right))
    this.#distinctErrors.push(error)
    if (right <= distinctExactMax) return error === 0
    return error <= standardErrorsMax * distinctStandardError
  }

  #differ(reading: PointReading, name: string, value: unknown, right: unknown): void {
    const { airport, flights } = reading
    this.#differences.push(
      `${airport} after ${integerText(flights)} flights, ${name}: ` +
        `Millrace ${String(value)}, DuckDB ${String(right)}`,
    )
  }

  #summary(readings: readonly PointReading[]): string[] {
    const points = new Set(readings.map(({ airport, flights }) => `${airport} ${flights}`)).size
    const moments = new Set(readings.map(({ flights }) => flights)).size
    const distinct = this.#distinctErrors
    const percentiles = this.#percentileErrors
    const values = this.#nulls + this.#exact + distinct.length + percentiles.length
    const width = integerText(values).length
    const count = (value: number): string => integerText(value).padStart(width)
    const inexact = distinct.filter((error) => error > 0)
    const square = inexact.reduce((sum, error) => sum + error ** 2, 0) / (inexact.length || 1)
    return [
      `  points        ${count(points)}: airports at ${moments} moments`,
      `  compared      ${count(values)} values`,
      `  null          ${count(this.#nulls)}: no flight in the window, or too few for the function`,
      `  exact         ${count(this.#exact)}, compared to the last bit`,
      `  percentiles   ${count(percentiles.length)}, ` +
        `off by ${percentText(largest(percentiles))} at most; ` +
        `${percentText(percentileErrorMax)} is claimed`,
      `  distinct      ${count(distinct.length)} counts, of which ${integerText(inexact.length)} ` +
        `are not exact: off by ${percentText(Math.sqrt(square))},`,
      `                ${' '.repeat(width)}  and by ${percentText(largest(distinct))} at most; ` +
        `their standard error is ${percentText(distinctStandardError)}`,
    ]
  }
}

function relativeError(value: number, right: number): number {
  return value === right ? 0 : Math.abs(value - right) / Math.abs(right)
}

function largest(values: readonly number[]): number {
  return values.reduce((max, value) => Math.max(max, value), 0)
}

/** `0.97 %` */
function percentText(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`
}
