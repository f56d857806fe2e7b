/**
 * Training sets for programs: loaded when one is made, because a daemon makes none.
 */
import type { TrainingManifest } from './manifest.ts'
import type { TrainingSetOptions } from './options.ts'

/**
 * Makes a training set: for each row of a file with join keys and a moment, the features that a
 * read would have given then, from the batch sources of the definitions.
 *
 * @returns what stands in the manifest, `<out>.manifest.json`.
 * @throws {@link MillraceError} `DEFINITION_…`; `CONFIG_INVALID`; `FEATURES_UNKNOWN`;
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
