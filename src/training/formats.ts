/**
 * The formats of a spine and of a training set, by the ending of the file.
 */
import { extname } from 'node:path'
import { MillraceError } from '../base/errors.ts'

export type TableFormat = 'parquet' | 'csv' | 'ndjson'

const formats: Readonly<Record<string, TableFormat>> = {
  '.parquet': 'parquet',
  '.csv': 'csv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
}

/** @throws {@link MillraceError} `CONFIG_INVALID` for another ending. */
export function formatOf(file: string, option: string): TableFormat {
  const format = formats[extname(file).toLowerCase()]
  if (format !== undefined) return format
  const reason = `${file} ends in none of ${Object.keys(formats).join(', ')}`
  throw new MillraceError('CONFIG_INVALID', { path: option, reason })
}

/** What follows `COPY … TO file`. */
export const copyOptions: Readonly<Record<TableFormat, string>> = {
  parquet: '(FORMAT parquet)',
  csv: '(FORMAT csv, HEADER true)',
  ndjson: '(FORMAT json)',
}
