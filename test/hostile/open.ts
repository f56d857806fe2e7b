/**
 * Rows that do not yet have the outcome that they should, by `id: what`: each is run, and shown as
 * left to do.
 */
export const open: Readonly<Record<string, string>> = {}
