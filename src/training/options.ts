/**
 * What a program may say about a training set that it wants.
 */
import { resolve } from 'node:path'
import { resolveOptions, trainingOptions } from '../base/config.ts'
import type { FileUrl } from '../daemon/options.ts'

/** Options of {@link trainingSet}. */
export interface TrainingSetOptions {
  /**
   * The definitions: a TypeScript or JavaScript file, or the definitions themselves. Functions need
   * a file, because other threads import it.
   */
  readonly features: string | FileUrl | readonly unknown[]
  /** A feature service or a view. */
  readonly service: string
  /** A Parquet, CSV or NDJSON file with the join keys and a moment in each row. */
  readonly spine: string
  /** The file that is made: `.parquet`, `.csv`, `.ndjson` or `.jsonl`. One that is there goes. */
  readonly out: string
  /** The column of the spine with the moment. @defaultValue the only one with times */
  readonly timeColumn?: string
  /** Threads that make it; the result does not depend on them. @defaultValue one for each core */
  readonly threads?: number
  /** Memory for sorting, all threads together, bytes; more goes to disk. @defaultValue 1 GiB */
  readonly memoryBytesMax?: number
}

export type ResolvedOptions = Required<Omit<TrainingSetOptions, 'timeColumn'>> & {
  readonly timeColumn: string | null
}

/** @throws {@link MillraceError} `CONFIG_INVALID`. */
export function resolveTrainingOptions(options: TrainingSetOptions): ResolvedOptions {
  const { threads, memoryBytesMax } = options
  return {
    ...options,
    ...resolveOptions(trainingOptions, { threads, memoryBytesMax }, {}),
    spine: resolve(options.spine),
    out: resolve(options.out),
    timeColumn: options.timeColumn ?? null,
  }
}
