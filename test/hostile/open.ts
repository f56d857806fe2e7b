/**
 * Rows that do not yet have the outcome that they should, by `id: what`: each is run, and shown as
 * left to do.
 */
export const open: Readonly<Record<string, string>> = {
  'H16: 300 headers': 'headers are bounded by their bytes, not by their number',
  'H16: 300 headers with an upgrade': 'headers are bounded by their bytes, not by their number',
  'H19: a path with NUL': 'it is looked up like any other, and not found',
  'H20: the name of another host': 'the name of the host is not looked at',
  'H24: a body that is compressed': 'the encoding of a body is not looked at',
  'H32: a replay by the page of somebody else': 'only the stream looks at the origin',
}
