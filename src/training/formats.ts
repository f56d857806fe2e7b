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

/** Values of a group of rows of a Parquet file: each thread holds one in memory as it writes. */
const groupValuesMax = 640 * 1024

/** Rows of a group, of whose multiples there are as many as the values allow, and the most. */
const groupRowsMin = 2048
const groupRowsMax = 122_880

/**
 * What follows `COPY … TO file`: many columns make groups of fewer rows, so that the memory that
 * writing takes depends neither on the rows nor on the columns, nor the bytes on the memory.
 */
export function copyOptions(format: TableFormat, columns: number): string {
  switch (format) {
    case 'parquet': {
      const groups = Math.floor(groupValuesMax / columns / groupRowsMin)
      const rows = Math.min(groupRowsMax, Math.max(1, groups) * groupRowsMin)
      return `(FORMAT parquet, USE_TMP_FILE false, ROW_GROUP_SIZE ${rows})`
    }
    case 'csv':
      return '(FORMAT csv, USE_TMP_FILE false, HEADER true)'
    case 'ndjson':
      return '(FORMAT json, USE_TMP_FILE false)'
  }
}
