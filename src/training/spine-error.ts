/**
 * Why a file that DuckDB does not read is no spine, so that a person finds the place: DuckDB says
 * of a line with a value too few that there was an error when it guessed.
 */
import { MillraceError } from '../base/errors.ts'
import type { CheckedRows } from '../batch/broken-rows.ts'
import { readHeaders } from '../batch/csv-header.ts'
import { checkCsvRows } from '../batch/csv-rows.ts'
import { BatchFiles } from '../batch/files.ts'
import { checkNdjsonRows } from '../batch/ndjson-rows.ts'
import type { Database } from '../duckdb/database.ts'
import { formatOf } from './formats.ts'

/** The first row that is none, by its number, or else what is wrong with the file. */
export async function whyNoSpine(
  database: Database,
  file: string,
  refused: MillraceError,
): Promise<string> {
  try {
    const [first] = (await checkedRows(database, file)).broken
    if (first !== undefined) return `row ${first.row} is none: ${first.reason}`
  } catch (thrown) {
    if (!(thrown instanceof MillraceError)) throw thrown
    return String(thrown.details['reason'])
  }
  return String(refused.details['reason'])
}

async function checkedRows(database: Database, file: string): Promise<CheckedRows> {
  const files = await BatchFiles.find(database, 'spine', [plainName(file)])
  switch (formatOf(file, 'spine')) {
    case 'parquet':
      return { broken: [], counts: [] }
    case 'csv':
      return checkCsvRows(database, files, await readHeaders(database, files, []))
    case 'ndjson':
      return checkNdjsonRows(database, files)
  }
}

/** A name with the characters of patterns, to stand for that file alone. */
export function plainName(file: string): string {
  return file.replaceAll(/[[*?]/g, '[$&]')
}
