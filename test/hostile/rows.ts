/**
 * What the tests of every table share.
 */
/** A row of a table: its id in the list of bad inputs, and what it is. */
export interface Row {
  readonly id: string
  readonly what: string
}

/** How the test of a row is run: what the server does not end by then has failed. */
export const rowOptions = { timeout: 20_000 }

export function nameOf({ id, what }: Row): string {
  return `${id}: ${what}`
}
