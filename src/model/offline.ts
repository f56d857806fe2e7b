/**
 * The offline log as the stages agree on it: the columns that it has beside the fields of a source.
 */

/** With what the names of the log's own columns begin; no field of such a source may. */
export const logColumnPrefix = '_millrace_'

/** Names of the log's own columns: where an event came from, and when. */
export const logColumns = {
  /** Arrival time of its batch. */
  arrival: `${logColumnPrefix}arrival`,
  /** Name, epoch and sequence by which its producer numbered it. */
  producer: `${logColumnPrefix}producer`,
  epoch: `${logColumnPrefix}epoch`,
  sequence: `${logColumnPrefix}sequence`,
  /** Journal position of the end of its batch. */
  position: `${logColumnPrefix}position`,
} as const
