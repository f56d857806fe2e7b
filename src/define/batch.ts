/**
 * `parquet`, `csv`, `ndjson`, `duckdb`: where the past of a push source is.
 *
 * A batch source holds what the stream would have brought: rows with the columns of the source's
 * schema, or rows of which a post-processor makes them. Columns beyond those are not read.
 */
import { type OptionNames } from './options.ts'
import { marked } from './site.ts'
import type { Fields, ValueRow } from './types.ts'

/** What of a batch source is the same whatever it reads. `'~row'` exists for the compiler only. */
export interface BatchSource<Row = unknown> {
  readonly kind: 'millrace.batchSource'
  readonly format: 'parquet' | 'csv' | 'ndjson' | 'sql'
  /** Files, by path or glob. */
  readonly files?: string | readonly string[]
  /** A query, for `format: 'sql'`. */
  readonly sql?: string
  readonly hivePartitions?: boolean
  readonly inputSchema?: Fields
  readonly postProcessor?: string | ((row: never) => unknown)
  readonly '~row': Row
}

/** Options of {@link parquet}, {@link csv} and {@link ndjson}. */
export type BatchFilesOptions<Input extends Fields, Row> = BatchInputChoice<Input, Row> & {
  /**
   * Whether folders that are named `name=value` are columns.
   *
   * @defaultValue false
   */
  readonly hivePartitions?: boolean
}

/** What makes the columns of the schema of those that are there. */
export type BatchInputChoice<Input extends Fields, Row> =
  | { readonly inputSchema?: never; readonly postProcessor?: never }
  | {
      readonly inputSchema?: never
      /** A query over the table `batch`: `SELECT id AS user_id, at, amount FROM batch`. */
      readonly postProcessor: string
    }
  | {
      /** The columns that are read, in place of the source's schema. */
      readonly inputSchema: Input
      /**
       * Makes the row of the schema, or with null leaves it out. Plain and pure, like that of a
       * push source.
       */
      readonly postProcessor: (row: ValueRow<Input>) => Row | null
    }

/** For the loader. */
export const batchFilesOptions = {
  hivePartitions: true,
  inputSchema: true,
  postProcessor: true,
} as const satisfies OptionNames<BatchFilesOptions<Fields, unknown>>

/** For the loader. */
export const batchQueryOptions = {
  inputSchema: true,
  postProcessor: true,
} as const satisfies OptionNames<BatchInputChoice<Fields, unknown>>

type Files = string | readonly string[]

/**
 * Rows of Parquet files.
 *
 * @param files  Paths or globs, `history/*.parquet`; a relative one is looked for from the
 * directory in which the command runs.
 * @example
 * ```ts
 * batch: parquet('history/day=*' + '/*.parquet', { hivePartitions: true })
 * ```
 */
export function parquet<const Input extends Fields = Fields, Row = never>(
  files: Files,
  options: BatchFilesOptions<Input, Row> = {},
): BatchSource<Row> {
  return batchSource({ ...options, format: 'parquet', files }, parquet)
}

/** Rows of CSV files whose first line names the columns. A value is read as its declared type. */
export function csv<const Input extends Fields = Fields, Row = never>(
  files: Files,
  options: BatchFilesOptions<Input, Row> = {},
): BatchSource<Row> {
  return batchSource({ ...options, format: 'csv', files }, csv)
}

/** Rows of files with a JSON object a line. A field that is absent is null. */
export function ndjson<const Input extends Fields = Fields, Row = never>(
  files: Files,
  options: BatchFilesOptions<Input, Row> = {},
): BatchSource<Row> {
  return batchSource({ ...options, format: 'ndjson', files }, ndjson)
}

/**
 * Rows of any query that DuckDB answers.
 *
 * @example
 * ```ts
 * batch: duckdb(`SELECT * FROM read_csv('old.csv', delim = ';')`)
 * ```
 */
export function duckdb<const Input extends Fields = Fields, Row = never>(
  sql: string,
  options: BatchInputChoice<Input, Row> = {},
): BatchSource<Row> {
  return batchSource({ ...options, format: 'sql', sql }, duckdb)
}

function batchSource<Row>(
  source: object,
  caller: (...parameters: never) => unknown,
): BatchSource<Row> {
  return marked({ ...source, kind: 'millrace.batchSource' } as never, caller)
}
