/**
 * The parts of the reference that are rendered from the code.
 *
 * A page keeps its prose by hand and has its tables between two markers. `npm run docs` rewrites
 * what stands between them; `test/docs.test.ts` fails when it is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { errorTable } from '../src/base/errors.ts'
import { renderTable } from './table.ts'
import { renderTypes } from './types/tables.ts'

export interface GeneratedPage {
  /** Relative to the root of the project. */
  readonly path: string
  readonly render: () => string
}

export const generatedPages: readonly GeneratedPage[] = [
  { path: 'docs/reference/errors.md', render: renderErrors },
  { path: 'docs/reference/types.md', render: renderTypes },
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

if (import.meta.filename === process.argv[1]) {
  for (const { path, render } of generatedPages) {
    writeFileSync(path, withTable(readFileSync(path, 'utf8'), render()))
  }
}
