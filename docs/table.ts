/**
 * Markdown tables in the shape that the formatter gives them.
 */

/** A table of these rows, the first of them its head. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  const padded = rows.map((row) => line(row.map((cell, column) => cell.padEnd(widths[column]!))))
  return [padded[0], line(widths.map((width) => '-'.repeat(width))), ...padded.slice(1)].join('')
}
