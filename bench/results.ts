/**
 * Tables: aligned for the terminal, and written into `RESULTS.md` between the markers of a bench.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const root = dirname(createRequire(import.meta.url).resolve('millrace/package.json'))
const page = join(root, 'bench', 'RESULTS.md')

/** @param rows  The first of them are the titles. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rule = widths.map((width) => `${'-'.repeat(width - 1)}:`)
  const padded = rows.map((row) => line(row.map((cell, column) => cell.padStart(widths[column]!))))
  return [padded[0], line(rule), ...padded.slice(1)].join('\n')
}

/** Puts `text` between the markers of a bench. */
export function writeResults(bench: string, text: string): void {
  writeFileSync(page, withResults(readFileSync(page, 'utf8'), bench, text))
}

export function withResults(before: string, bench: string, text: string): string {
  const [begin, end] = [`<!-- ${bench} -->\n`, `\n<!-- end of ${bench} -->`]
  const from = before.indexOf(begin) + begin.length
  const to = before.indexOf(end)
  if (from < begin.length || to < from - 1) throw new Error(`RESULTS.md has no place for ${bench}`)
  return `${before.slice(0, from)}\n${text}\n${before.slice(to)}`
}
