/**
 * What the demo says: before the stream, what is going to happen; after it, what has.
 */
import {
  comparedCount,
  comparisonTable,
  differencesOf,
  differenceText,
  type Pair,
} from './comparison.ts'
import type { AirportFeatures } from './expected.ts'
import type { FlightFile } from './flight-file.ts'
import type { Tally } from './producers.ts'
import { durationText, integerText, mibText, msText, quantile } from './text.ts'

/** Everything that is known when the stream is over. */
export interface Outcome {
  readonly file: FlightFile
  readonly tally: Tally
  /** From the first flight to the last receipt. */
  readonly streamMs: number
  /** The read of all airports. */
  readonly readMs: number
  /** Reads of one airport each. */
  readonly singleReadMs: readonly number[]
  readonly actual: readonly AirportFeatures[]
  /** The busiest airport first. */
  readonly expected: readonly AirportFeatures[]
  /** Null where the system does not tell. */
  readonly peakBytes: { readonly daemon: number | null; readonly demo: number | null }
}

const airportsShown = 10
const differencesShown = 20

export function introductionText(options: {
  readonly file: FlightFile
  readonly url: string
  readonly pid: number
  readonly dataDir: string
}): string {
  const { file, url, pid, dataDir } = options
  const [first, last] = file.days
  return lines([
    '',
    `  Millrace counts ${integerText(file.count)} flights as they depart.`,
    '',
    `  flights    in the United States, ${first} to ${last}, from ${file.originCount} airports`,
    `  daemon     ${url}, process ${pid}, its store in ${dataDir}`,
    '  producers  4 WebSocket connections, each as fast as its flights are acknowledged;',
    '             an acknowledged flight is on disk, and counted in every window',
    '  features   departures, mean and max delay of 1 h, 1 d and 7 d, and the last destination',
    '             of every airport; then DuckDB computes the same from the file',
    '',
  ])
}

/** @returns what to print, and whether everything is as it must be. */
export function reportOf(outcome: Outcome): { readonly text: string; readonly isRight: boolean } {
  const { file, tally, expected } = outcome
  const pairs = pairsOf(outcome)
  const differences = pairs.flatMap(differencesOf)
  const missing = expected.length - pairs.length
  const surplus = outcome.actual.length - pairs.length
  const isComplete =
    tally.sent === file.count &&
    tally.acknowledged === file.count &&
    tally.accepted === file.count &&
    countedIn(outcome) === BigInt(file.count)
  const isEqual = differences.length === 0 && missing === 0 && surplus === 0
  const text = lines([
    ...comparisonTable(pairs.slice(0, airportsShown)),
    '',
    `  The ${Math.min(airportsShown, pairs.length)} busiest of ${pairs.length} airports.` +
      ' Means are rounded here, and compared to the last bit.',
    '',
    ...totalLines(outcome),
    '',
    ...differences.slice(0, differencesShown).map((each) => `  ≠ ${differenceText(each)}`),
    ...(missing + surplus === 0 ? [] : [`  ≠ ${missing} airports too few, ${surplus} too many`]),
    ...(tally.rejection === null ? [] : [`  rejected: ${tally.rejection}`]),
    ...verdictLines(outcome, pairs, differences.length, isComplete && isEqual),
    '',
  ])
  return { text, isRight: isComplete && isEqual }
}

/** The airports that both know, the busiest first. */
function pairsOf({ actual, expected }: Outcome): Pair[] {
  const answers = new Map(actual.map((each) => [each.airport, each]))
  return expected.flatMap((each) => {
    const answer = answers.get(each.airport)
    return answer === undefined ? [] : [{ actual: answer, expected: each }]
  })
}

/** Departures of all airports in the window that holds the whole file. */
function countedIn({ actual }: Outcome): bigint {
  return actual.reduce((sum, { values }) => sum + (values.departures_365d ?? 0n), 0n)
}

function totalLines(outcome: Outcome): string[] {
  const { tally, streamMs, readMs, singleReadMs, actual, peakBytes } = outcome
  const width = integerText(tally.sent).length
  const count = (value: number | bigint): string => integerText(value).padStart(width)
  const { daemon, demo } = peakBytes
  const rejected = tally.acknowledged - tally.accepted
  return [
    `  sent          ${count(tally.sent)}`,
    `  acknowledged  ${count(tally.acknowledged)}, ${integerText(rejected)} of them rejected`,
    `  counted       ${count(countedIn(outcome))}, ` +
      `the departures of ${actual.length} airports together`,
    `  speed         ${integerText((tally.acknowledged / streamMs) * 1000)} events/s: ` +
      `${durationText(streamMs)} from the first flight to the last acknowledgement`,
    `  ack latency   p50 ${msText(quantile(tally.ackMs, 0.5))}, ` +
      `p99 ${msText(quantile(tally.ackMs, 0.99))}, ` +
      `max ${msText(quantile(tally.ackMs, 1))}, with thousands of flights on the way`,
    `  read          all ${actual.length} airports in ${msText(readMs)}, ` +
      `one airport in ${msText(quantile(singleReadMs, 0.5))}`,
    ...(daemon === null || demo === null
      ? []
      : [
          `  memory        ${mibText(daemon + demo)} at most: ` +
            `daemon ${mibText(daemon)}, producers and DuckDB ${mibText(demo)}`,
        ]),
  ]
}

function verdictLines(
  { file }: Outcome,
  pairs: readonly Pair[],
  differences: number,
  isRight: boolean,
): string[] {
  const compared = integerText(pairs.reduce((sum, pair) => sum + comparedCount(pair), 0))
  const flights = integerText(file.count)
  if (!isRight) return [`  Not as it must be: ${differences} of ${compared} values differ.`]
  return [
    `  All ${compared} values equal DuckDB's: each of ${flights} flights was counted once,`,
    '  in every window that it belongs to, and could be read when it was acknowledged.',
  ]
}

export function keptText(features: string, dataDir: string): string {
  return lines([
    '  The store is kept. To serve it again, and to read from it:',
    '',
    `    npx millrace serve ${features} --data ${dataDir}`,
    '    npx millrace get departures origin=ORD',
    '',
  ])
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
