/**
 * What the tests of every table share.
 */
import { open } from './open.ts'

/** A row of a table: its id in the list of bad inputs, and what it is. */
export interface Row {
  readonly id: string
  readonly what: string
}

/** How long one row may take, ms: the server ends it, or it has failed. */
const rowMsMax = 20_000

export function nameOf({ id, what }: Row): string {
  return `${id}: ${what}`
}

/** How the test of a row is run. */
export function optionsOf(row: Row): { readonly timeout: number; readonly todo?: string } {
  const left = open[nameOf(row)]
  return { timeout: rowMsMax, ...(left !== undefined && { todo: left }) }
}
