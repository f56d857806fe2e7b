/**
 * Rows of files of text that are none: found before anything is read, told once, and left out.
 */

export interface BrokenRow {
  /** Place of the file. */
  readonly file: number
  /** Number of the row in it, from 1. */
  readonly row: number
  /** What is wrong with it, behind "the line is no row: ". */
  readonly reason: string
}

/** What is known of the rows of each file, by its place. */
export interface CheckedRows {
  readonly broken: readonly BrokenRow[]
  /** How many rows are read of it. */
  readonly counts: readonly number[]
}
