/**
 * Training sets for programs: loaded when one is made, because a daemon makes none.
 */
import type { RangeResult, TrainingManifest } from './manifest.ts'
import type { RangeOptions, TrainingSetOptions } from './options.ts'

/**
 * Makes a training set: for each row of a file with join keys and a moment, the features that a
 * read would have given then, from the batch sources of the definitions or, with `as: 'served'`,
 * from what a daemon had received by then.
 *
 * @returns what stands in the manifest, `<out>.manifest.json`.
 * @throws {@link MillraceError} `DEFINITION_…`; `CONFIG_INVALID`, also where `out` is one
 *   of the files that are read; `FEATURES_UNKNOWN`; `FILE_UNWRITABLE` where `out` cannot be made;
 *   `BATCH_MISSING`, `BATCH_COLUMNS` when a batch source is not there or does not fit;
 *   `SPINE_INVALID`; `QUERY_FAILED` for what DuckDB refuses.
 * @example
 * ```ts
 * await trainingSet({
 *   features: 'features.ts',
 *   service: 'checkout',
 *   spine: 'labels.parquet',
 *   out: 'training.parquet',
 * })
 * ```
 */
export async function trainingSet(options: TrainingSetOptions): Promise<TrainingManifest> {
  const { makeTrainingSetOf } = await import('./training-set.ts')
  return makeTrainingSetOf(options)
}

/**
 * Makes features in range: for each key, what reads would have answered between two moments, a row
 * for as long as the answer was the same, from `valid_from` on and before `valid_to`. A time
 * without any value has no row.
 *
 * @throws {@link MillraceError} as {@link trainingSet}; `CONFIG_INVALID`, too, where a view's
 *   windows end at the latest event, or views do not have the same join keys.
 */
export async function featuresInRange(options: RangeOptions): Promise<RangeResult> {
  const { makeFeaturesInRangeOf } = await import('./features-in-range.ts')
  return makeFeaturesInRangeOf(options)
}
