/**
 * The first lines of CSV files: which columns each has, and whether they are those that are wanted.
 *
 * DuckDB would guess at them, take the first of two columns of one name, and tell nobody.
 */
import type { Database } from '../duckdb/database.ts'
import { linesSql, type CsvFiles } from './relation.ts'
import type { BatchFiles } from './files.ts'

/** Files that follow one another and have the same columns. */
export interface CsvRun extends CsvFiles {
  readonly names: string[]
}

/** Lines in which the header ends: a name may have line breaks. */
const headerLinesMax = 100

const noNames = 'its first line has to name the columns'

/**
 * @param wanted  Names of the columns that are read of them.
 * @throws {@link MillraceError} `BATCH_FILE` for a file without a header, `BATCH_COLUMNS` with
 *   every wanted column that the first wrong file does not have once.
 */
export async function readHeaders(
  database: Database,
  files: BatchFiles,
  wanted: readonly string[],
): Promise<readonly CsvRun[]> {
  const runs: CsvRun[] = []
  for (const [place, name] of files.names.entries()) {
    const header = await readHeader(database, files, name)
    const problems = wanted.flatMap((column) => problemOf(column, header))
    if (problems.length > 0) {
      throw files.columnsError([`${name}: ${[...problems, ...separatorHint(header)].join('; ')}`])
    }
    const last = runs.at(-1)
    if (last !== undefined && isSame(last.header, header)) last.names.push(name)
    else runs.push({ first: place, names: [name], header })
  }
  return runs
}

async function readHeader(
  database: Database,
  files: BatchFiles,
  name: string,
): Promise<readonly string[]> {
  const rows = await files.ask(
    [name],
    (list) => database.rows(`SELECT line FROM ${linesSql(list)} LIMIT ${headerLinesMax}`),
    csvReason,
  )
  if (rows.length === 0) throw files.error(name, `it is empty: ${noNames}`)
  const lines = rows.map(([line]) => (line ?? '') as string)
  const header = parseHeader(lines.join('\n').replace(/^\uFEFF/, ''))
  if (header === null) throw files.error(name, 'a quote in its first line is not closed')
  if (header.length === 1 && header[0] === '') {
    throw files.error(name, `its first line is empty: ${noNames}`)
  }
  return header
}

/** The values of the first record; null where it does not end. */
function parseHeader(text: string): readonly string[] | null {
  const value = /(?:"((?:[^"]|"")*)"|([^",\n][^,\n]*)?)(,|\n|$)/y
  const header: string[] = []
  for (;;) {
    const found = value.exec(text)
    if (found === null) return null
    header.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '')
    if (found[3] !== ',') return header
  }
}

function problemOf(column: string, header: readonly string[]): readonly string[] {
  const name = column.toLowerCase()
  const count = header.filter((each) => each.toLowerCase() === name).length
  if (count === 0) return [`there is no column "${column}"`]
  return count === 1 ? [] : [`there is more than one column "${column}"`]
}

function separatorHint(header: readonly string[]): readonly string[] {
  if (header.length > 1) return []
  const separator = [';', '\t', '|'].find((each) => header[0]!.includes(each))
  if (separator === undefined) return []
  const text = separator === '\t' ? '\\t' : separator
  const query = `SELECT * FROM read_csv('…', delim = '${text}')`
  return [`its values are separated by "${text}", not by commas: read it by duckdb("${query}")`]
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, n) => name === b[n])
}

/** What DuckDB says of a file of lines, where it does not help. */
export function csvReason(reason: string): string {
  if (!reason.includes('state machine')) return reason
  return 'its lines do not all end in the same way: with \\n, or all with \\r\\n'
}
