/**
 * Bounds of what is read from files: backfills and training sets.
 */

/** Backfills: rows of a batch, batches that are not settled, and read ahead; bytes of DuckDB. */
export const backfillBatchRows = 4096
export const backfillInFlightMax = 8
export const batchesAheadMax = 8
export const batchMemoryBytesMax = 512 * 1024 * 1024

/** Lines of the files of one batch source that are no rows. Beyond: `BATCH_FILE`. */
export const brokenRowsMax = 100_000

/** Rejected rows of a code that the manifest of a training set names; others are counted. */
export const namedRowsMax = 20
