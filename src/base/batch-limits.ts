/**
 * Bounds of what is read from files: backfills and training sets.
 */

/** Backfills: rows of a batch, batches that are not settled, and read ahead; bytes of DuckDB. */
export const backfillBatchRows = 4096
export const backfillInFlightMax = 8
export const batchesAheadMax = 8
export const batchMemoryBytesMax = 512 * 1024 * 1024

/**
 * Memory without which DuckDB gets no further thread, bytes: one that reads CSV holds a buffer of
 * 31 MiB, and another one when it goes on, and has to sort beside them.
 */
export const threadMemoryBytes = 128 * 1024 * 1024

/**
 * Memory that a training set takes at least, bytes: a half of it is for its threads.
 * Less: `CONFIG_INVALID`.
 */
export const trainingMemoryBytesMin = 2 * threadMemoryBytes

/** Lines of the files of one batch source that are no rows. Beyond: `BATCH_FILE`. */
export const brokenRowsMax = 100_000

/** Rejected rows of a code that the manifest of a training set names; others are counted. */
export const namedRowsMax = 20
