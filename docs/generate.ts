/**
 * The parts of the reference that are rendered from the code.
 *
 * A page keeps its prose by hand and has its table between two markers. `npm run docs` rewrites
 * what stands between them; `test/docs.test.ts` fails when it is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { errorTable } from '../src/base/errors.ts'

export interface GeneratedPage {
  /** Relative to the root of the project. */
  readonly path: string
  readonly render: () => string
}

export const generatedPages: readonly GeneratedPage[] = [
  { path: 'docs/reference/errors.md', render: renderErrors },
]

/** The page with what stands between its markers replaced by `table`. */
export function withTable(page: string, table: string): string {
  const parts = /^([^]*<!-- generated -->\n)[^]*(\n<!-- end -->[^]*)$/.exec(page)
  if (parts === null) throw new Error('the page has no generated part')
  return `${parts[1]}\n${table}${parts[2]}`
}

/** Every error code in a table, in the order of the code. */
export function renderErrors(): string {
  const rows = Object.entries(errorTable).map(([code, { domain, retry, http, close, message }]) => [
    `\`${code}\``,
    domain,
    retry,
    String(http),
    close === null ? '–' : String(close),
    message.replaceAll('|', '\\|').replaceAll(/(?<=^|\s)[*_]|[<>]/g, '\\$&'),
  ])
  return renderTable([['code', 'who can act', 'retry', 'HTTP', 'close', 'message'], ...rows])
}

/** A table in the shape that the formatter gives it. */
function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  const padded = rows.map((row) => line(row.map((cell, column) => cell.padEnd(widths[column]!))))
  return [padded[0], line(widths.map((width) => '-'.repeat(width))), ...padded.slice(1)].join('')
}

if (import.meta.filename === process.argv[1]) {
  for (const { path, render } of generatedPages) {
    writeFileSync(path, withTable(readFileSync(path, 'utf8'), render()))
  }
}
