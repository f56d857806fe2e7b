/**
 * What every bench has in common: options with a smoke size, repeats, and the figures of a machine.
 *
 * A bench measures once; the harness repeats it and reports the median of every figure, and the
 * least and greatest of the one that the bench is about. Figures are numbers whose names end in
 * their unit. A checksum over the results shows that what was measured was also right.
 */
import { createHash } from 'node:crypto'
import type { RecordableHistogram } from 'node:perf_hooks'
import { machineOf, type Machine } from './machine.ts'

/** Options of a bench, all of them numbers. */
export type Options = Readonly<Record<string, Option>>

interface Option {
  readonly standard: number
  /** In the smoke size. @defaultValue the standard */
  readonly smoke?: number
  readonly description: string
}

export type Values<O extends Options> = { readonly [K in keyof O]: number }

/** A number; null for what was not measured, because it could not be or nobody wanted it. */
export type Figure = number | null

/** Figures by name, in groups of at most one level. */
export interface Figures {
  readonly [name: string]: Figure | Readonly<Record<string, Figure>>
}

export interface Measurement<F extends Figures> {
  readonly figures: F
  /** Of the results, in hexadecimal. */
  readonly checksum: string
}

export interface Settings {
  readonly repeats: number
  readonly seed: number
  /** Where the processes under test leave their CPU profiles; null for none. */
  readonly profileDir: string | null
}

export interface BenchSpec<O extends Options, F extends Figures> {
  readonly name: string
  /** What it answers, in one sentence. */
  readonly question: string
  readonly options: O
  /** The figure that `min` and `max` are of. */
  readonly headline: keyof F & string
  /** Columns of the table for people: title → cell. */
  readonly columns: Readonly<Record<string, (report: F & Spread) => string>>
  /** The rows of the table in `RESULTS.md`. */
  readonly rows: readonly Partial<Values<O>>[]
  /** Measures once. Throws if what it has measured turns out to be wrong. */
  measure(values: Values<O>, settings: Settings): Promise<Measurement<F>>
}

/** The least and greatest headline of the repeats. */
export interface Spread {
  readonly min: number
  readonly max: number
}

/** A bench, whatever its options and figures are. */
export interface Bench {
  readonly name: string
  readonly question: string
  readonly options: Options
  readonly titles: readonly string[]
  readonly rows: readonly Readonly<Record<string, number | undefined>>[]
  run(values: Readonly<Record<string, number>>, settings: Settings): Promise<Report>
}

export interface Report {
  /** What `--json` prints. */
  readonly json: Readonly<Record<string, unknown>>
  /** A row for people, by `Bench.titles`. */
  readonly cells: readonly string[]
  readonly machine: Machine
}

export function defineBench<O extends Options, F extends Figures>(spec: BenchSpec<O, F>): Bench {
  const { name, question, options, headline, columns, rows } = spec
  return {
    name,
    question,
    options,
    titles: Object.keys(columns),
    rows,
    async run(values, settings) {
      const machine = machineOf()
      const measurements: Measurement<F>[] = []
      for (let repeat = 0; repeat < settings.repeats; repeat++) {
        measurements.push(await spec.measure(values as Values<O>, settings))
      }
      const figures = medians(measurements.map((each) => each.figures))
      const headlines = measurements.map((each) => each.figures[headline] as number)
      const spread = { min: Math.min(...headlines), max: Math.max(...headlines) }
      const { repeats, seed } = settings
      const checksum = checksumOf(measurements.map((each) => each.checksum))
      return {
        json: { bench: name, ...figures, ...spread, repeats, seed, checksum, machine },
        cells: Object.values(columns).map((cell) => cell({ ...figures, ...spread })),
        machine,
      }
    },
  }
}

/** The values of a bench's options when nothing else is said. */
export function standardValues(options: Options, isSmoke: boolean): Record<string, number> {
  return Object.fromEntries(
    Object.entries(options).map(([name, { standard, smoke }]) => [
      name,
      isSmoke ? (smoke ?? standard) : standard,
    ]),
  )
}

/**
 * Figure by figure; of an even number of repeats the mean of the two in the middle. What is null in
 * one of them is null.
 */
export function medians<F extends Figures>(repeats: readonly F[]): F {
  const names = Object.keys(repeats[0]!)
  return Object.fromEntries(
    names.map((name) => {
      const values = repeats.map((figures) => figures[name] ?? null)
      if (values.includes(null)) return [name, null]
      const isGroup = typeof values[0] === 'object'
      return [name, isGroup ? medians(values as Figures[]) : median(values as number[])]
    }),
  ) as F
}

/** Of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2
}

/** Latencies in ms of a histogram that holds whole µs. */
export function latencies(histogramUs: RecordableHistogram) {
  const ms = (us: number): number => us / 1000
  return {
    p50: ms(histogramUs.percentile(50)),
    p99: ms(histogramUs.percentile(99)),
    max: ms(histogramUs.max),
  }
}

/** Of the repeats: the one that they share, or one over those that differ. */
function checksumOf(checksums: readonly string[]): string {
  const different = [...new Set(checksums)]
  return different.length === 1 ? different[0]! : checksum(different)
}

/** 16 hexadecimal digits over lines of text. */
export function checksum(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)
}
