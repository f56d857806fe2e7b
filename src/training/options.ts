/**
 * What a program may say about a training set that it wants.
 */
import { resolve } from 'node:path'
import { resolveOptions, trainingOptions } from '../base/config.ts'
import { MillraceError } from '../base/errors.ts'
import { threadsWithin } from '../duckdb/database.ts'
import type { AbortSignalLike } from '../base/abort-signal.ts'
import { parseTimestamp } from '../model/timestamp.ts'
import type { FileUrl } from '../daemon/options.ts'
import { knowledges, type Knowledge } from './manifest.ts'

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
  /**
   * The file that is made: `.parquet`, `.csv`, `.ndjson` or `.jsonl`. One that is there goes
   * when the new one is whole. It may not be a file that is read, nor in {@link dataDir}.
   */
  readonly out: string
  /** The column of the spine with the moment. @defaultValue the only one with times */
  readonly timeColumn?: string
  /**
   * What was known at a moment. `event-time`: all that had happened until then, from the batch
   * sources of the definitions. `served`: what a daemon had received until then, from its journal
   * and its offline log; needs {@link dataDir}. @defaultValue event-time
   */
  readonly as?: Knowledge
  /** The data directory of that daemon, which may be running. Nothing in it is changed. */
  readonly dataDir?: string
  /**
   * Threads that make it, at most one for each 256 MiB of memory; the result does not depend on
   * them. @defaultValue one for each core
   */
  readonly threads?: number
  /**
   * Memory for sorting, all threads together, bytes, 256 MiB or more; what is too much for it goes
   * to disk. @defaultValue 1 GiB
   */
  readonly memoryBytesMax?: number
  /** Stops it: nothing of it is left, and the reason of the signal is thrown. */
  readonly signal?: AbortSignalLike
}

/** What everything takes that is made of the past. */
export type CommonOptions = Required<
  Pick<TrainingSetOptions, 'features' | 'service' | 'out' | 'threads' | 'memoryBytesMax' | 'as'>
> & {
  readonly dataDir: string | null
  readonly signal?: AbortSignalLike
}

export type ResolvedOptions = CommonOptions & {
  readonly spine: string
  readonly timeColumn: string | null
}

/** @throws {@link MillraceError} `CONFIG_INVALID`. */
export function resolveTrainingOptions(options: TrainingSetOptions): ResolvedOptions {
  const { threads, memoryBytesMax, as = 'event-time', dataDir = null } = options
  if (!knowledges.includes(as)) {
    const reason = `${as as string} is none of ${knowledges.join(', ')}`
    throw new MillraceError('CONFIG_INVALID', { path: 'as', reason })
  }
  if (as === 'served' && dataDir === null) {
    const reason = 'is needed for rows as they would have been served'
    throw new MillraceError('CONFIG_INVALID', { path: 'dataDir', reason })
  }
  return {
    ...options,
    ...resolveBounds({ threads, memoryBytesMax }),
    spine: resolve(options.spine),
    out: resolve(options.out),
    timeColumn: options.timeColumn ?? null,
    as,
    dataDir: dataDir === null ? null : resolve(dataDir),
  }
}

/** As many threads as there is memory for, of which passes have a half. */
function resolveBounds(
  given: Readonly<Record<'threads' | 'memoryBytesMax', number | undefined>>,
): Pick<CommonOptions, 'threads' | 'memoryBytesMax'> {
  const { threads, memoryBytesMax } = resolveOptions(trainingOptions, given, {})
  return { threads: threadsWithin(memoryBytesMax / 2, threads), memoryBytesMax }
}

/** Options of {@link featuresInRange}. */
export interface RangeOptions extends Omit<
  TrainingSetOptions,
  'spine' | 'timeColumn' | 'as' | 'dataDir'
> {
  /** The range begins there: a `Date` or RFC 3339 text. */
  readonly from: Date | string
  /** It ends before. */
  readonly to: Date | string
}

export interface ResolvedRangeOptions extends CommonOptions {
  readonly fromNs: bigint
  readonly toNs: bigint
}

/** @throws {@link MillraceError} `CONFIG_INVALID`. */
export function resolveRangeOptions(options: RangeOptions): ResolvedRangeOptions {
  const { features, service, threads, memoryBytesMax, signal } = options
  const fromNs = momentNs(options.from, 'from')
  const toNs = momentNs(options.to, 'to')
  if (fromNs >= toNs) {
    throw new MillraceError('CONFIG_INVALID', {
      path: 'to',
      reason: 'the range ends before it begins',
    })
  }
  const out = resolve(options.out)
  const resolved = resolveBounds({ threads, memoryBytesMax })
  const known = { as: 'event-time', dataDir: null } as const
  const stop = signal === undefined ? {} : { signal }
  return { features, service, out, fromNs, toNs, ...known, ...resolved, ...stop }
}

function momentNs(moment: Date | string, path: string): bigint {
  const text = typeof moment === 'string' ? moment : null
  const ns = text === null ? dateNs(moment as Date) : parseTimestamp(text)
  if (ns !== null) return ns
  throw new MillraceError('CONFIG_INVALID', { path, reason: `${String(moment)} is no moment` })
}

function dateNs(date: Date): bigint | null {
  const ms = date.getTime()
  return Number.isNaN(ms) ? null : BigInt(ms) * 1_000_000n
}
