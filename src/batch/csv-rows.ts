/**
 * Which rows of CSV files are none, and by which number a person finds them.
 *
 * A row's number is that of its record behind the header, from 1: a record may have several lines,
 * and empty lines are none. DuckDB skips what is broken and tells at which byte it was; its number
 * is found by counting records up to there, in files that have such rows, and only in these.
 */
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { rowsOf, type Database } from '../duckdb/database.ts'
import { brokenRowsMax } from '../base/batch-limits.ts'
import type { BrokenRow, CheckedRows } from './broken-rows.ts'
import { csvReason, type CsvRun } from './csv-header.ts'
import { isRemote, type BatchFiles } from './files.ts'
import { csvSql } from './relation.ts'

/** @throws {@link MillraceError} `BATCH_FILE` for a file with too many, or that cannot be read. */
export async function checkCsvRows(
  database: Database,
  files: BatchFiles,
  runs: readonly CsvRun[],
): Promise<CheckedRows> {
  const broken: BrokenRow[] = []
  const counts: number[] = []
  for (const { names, header } of runs) {
    for (const name of names) {
      const file = counts.length
      const { count, spans } = await files.ask(
        [name],
        (list) => readSpans(database, csvSql({ list, header, rejects: 'kept' })),
        csvReason,
      )
      counts.push(count)
      if (broken.length + spans.length > brokenRowsMax) {
        throw files.error(name, `with it more than ${brokenRowsMax} lines are no rows`)
      }
      const numbers = spans.length === 0 ? [] : await recordNumbers(name, spans)
      for (const [n, { reason }] of spans.entries()) {
        broken.push({ file, row: numbers[n]!, reason })
      }
    }
  }
  return { broken, counts }
}

interface Span {
  /** Where the record begins, or a byte before it, and how many bytes it has. */
  readonly at: number
  readonly bytes: number
  /** What DuckDB takes for its number, with the header and empty lines: nearly always right. */
  readonly line: number
  readonly reason: string
}

/** Reads all rows, and what DuckDB says of those that are broken. */
async function readSpans(
  database: Database,
  rows: string,
): Promise<{ readonly count: number; readonly spans: readonly Span[] }> {
  // What is kept of broken rows is there for the session alone.
  const session = await database.openSession()
  try {
    const [[count]] = (await rowsOf(session.stream(`SELECT count(*) FROM ${rows}`))) as [[bigint]]
    const found = await rowsOf(session.stream(spansSql))
    return { count: Number(count), spans: found.map(spanOf) }
  } finally {
    session.close()
  }
}

const spansSql = `SELECT line_byte_position,
  any_value(strlen(ltrim(csv_line, chr(10) || chr(13)))), any_value(line), min(error_type::VARCHAR)
  FROM reject_errors GROUP BY 1 ORDER BY 1`

function spanOf([at, bytes, line, type]: readonly unknown[]): Span {
  return {
    // DuckDB means the second byte at times.
    at: Number(at) - 1,
    bytes: Number(bytes),
    line: Number(line),
    reason: reasons[String(type)] ?? String(type).toLowerCase(),
  }
}

const reasons: Readonly<Record<string, string>> = {
  'MISSING COLUMNS': 'it has fewer values than there are columns',
  'TOO MANY COLUMNS': 'it has more values than there are columns',
  'UNQUOTED VALUE': 'a quote is not closed, or something stands behind it',
  'LINE SIZE OVER MAXIMUM': 'it is too long; perhaps a quote is not closed',
  'INVALID ENCODING': 'it is not in UTF-8',
}

/** Numbers of the records at ascending places of a file, the one behind the header being 1. */
async function recordNumbers(name: string, spans: readonly Span[]): Promise<readonly number[]> {
  const bytes = openBytes(name)
  if (bytes === null) return spans.map(({ line }) => line - 1)
  const counter = new RecordCounter(spans)
  for await (const chunk of bytes) {
    counter.take(chunk as Buffer)
    if (counter.isDone) break
  }
  return counter.numbers
}

/** Null where only DuckDB can read it. */
function openBytes(name: string): Readable | null {
  if (isRemote(name) || name.endsWith('.zst')) return null
  const file = createReadStream(name, { highWaterMark: 1024 * 1024 })
  return name.endsWith('.gz') ? file.pipe(createGunzip()) : file
}

const quote = 0x22
const comma = 0x2c
const lineFeed = 0x0a
const carriageReturn = 0x0d

/** Counts records as they come, and jumps over those that are known to be broken. */
class RecordCounter {
  readonly numbers: number[] = []
  readonly #spans: readonly Span[]
  /** Byte of the file that comes next, and the byte before which nothing is looked at. */
  #at = 0
  #skipTo = 0
  /** Where the record at hand begins. */
  #start = 0
  /** Records that have ended, the header among them. */
  #records = 0
  #hasBytes = false
  #isQuoted = false
  /** Whether a quote here would begin a quoted value, or stand for one within it. */
  #mayQuote = true

  constructor(spans: readonly Span[]) {
    this.#spans = spans
  }

  get isDone(): boolean {
    return this.numbers.length === this.#spans.length
  }

  take(chunk: Uint8Array): void {
    for (const byte of chunk) {
      const at = this.#at++
      if (at < this.#skipTo) continue
      if (!this.#hasBytes && !isLineBreak(byte)) this.#start = at
      const span = this.#spans[this.numbers.length]
      const isBroken = span !== undefined && at >= span.at && !isLineBreak(byte)
      if (isBroken) this.#takeBroken(span)
      else this.#takeByte(byte)
    }
  }

  #takeBroken({ bytes }: Span): void {
    // The record at hand has not ended: it is the broken one.
    this.numbers.push(this.#records)
    this.#skipTo = this.#start + bytes
    this.#hasBytes = true
    this.#isQuoted = false
    this.#mayQuote = false
  }

  #takeByte(byte: number): void {
    if (this.#isQuoted) {
      if (byte === quote) this.#isQuoted = false
      this.#mayQuote = true
      return
    }
    if (isLineBreak(byte)) {
      if (this.#hasBytes) this.#records += 1
      this.#hasBytes = false
      this.#mayQuote = true
      return
    }
    this.#hasBytes = true
    if (byte === quote && this.#mayQuote) this.#isQuoted = true
    this.#mayQuote = byte === comma
  }
}

function isLineBreak(byte: number): boolean {
  return byte === lineFeed || byte === carriageReturn
}
