/**
 * Rows of text in aligned columns, for people.
 */

/** One line per row; columns are two spaces apart and as wide as their widest cell. */
export function alignColumns(rows: readonly (readonly string[])[], indent = ''): string[] {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)))
  }
  return rows.map((row) => {
    const cells = row.map((cell, column) => cell.padEnd(widths[column]!))
    return `${indent}${cells.join('  ')}`.trimEnd()
  })
}
