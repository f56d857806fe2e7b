/**
 * The questions of a read: for each key in turn one per view of the service, to the shard that owns
 * the key. A key with a null in it has no owner: nobody is asked, and nothing was seen of it.
 */
import { MillraceError } from '../base/errors.ts'
import { hashBytes, type HashSeed } from '../base/hash.ts'
import type { View } from '../model/catalog.ts'
import type { HttpReadOptions } from '../model/contracts.ts'
import type { ReadAbout, ReadQuery, ReadResult } from '../model/message.ts'
import { shardOf } from '../model/partition.ts'
import { msOf, nsOf, nsWithinMs } from '../model/timestamp.ts'
import type { Value } from '../model/types.ts'
import { keyBytes } from './read-keys.ts'
import type { Readable, ReadablePart } from './services.ts'

/** Event time up to which a view has come. */
export interface Watermark {
  /** Whole ms since the epoch; -Infinity before the first event. */
  readonly ms: number
  /** Nanoseconds within that ms. */
  readonly ns: number
}

export interface QuestionOptions {
  /** Shards of the store. */
  readonly shards: number
  readonly seed: HashSeed
  /** The watermark of a view, by its place in the catalog, over all shards. */
  readonly watermarkOf: (view: number) => Watermark
}

/** What a read asks for, whatever its keys. */
export interface Asked {
  readonly service: Readable
  readonly edgeMs: number
  readonly options: HttpReadOptions
}

export interface KeysOfRead {
  readonly count: number
  /** @param place  Of the key in a read of several; null in a read of one. */
  readonly valuesOf: (row: number, place: number | null) => readonly Value[]
}

export interface Questions {
  readonly queries: readonly ReadQuery[]
  /** What was answered, and between it what nobody was asked. */
  readonly complete: (answers: readonly ReadResult[]) => readonly ReadResult[]
}

export function questionsOf(
  options: QuestionOptions,
  asked: Asked,
  { count: keys, valuesOf }: KeysOfRead,
): Questions {
  const { shards, seed } = options
  const { parts } = asked.service
  const abouts = parts.map((part) => aboutOf(part, momentOf(options, asked, part.view)))
  const queries: ReadQuery[] = []
  /** By place among the answers. */
  const unasked = new Map<number, ReadResult>()
  for (let row = 0; row < keys; row++) {
    const place = keys > 1 ? row : null
    const values = valuesOf(row, place)
    for (let n = 0; n < parts.length; n++) {
      const { view, keyPlaces } = parts[n]!
      const about = abouts[n]!
      const own = keyPlaces === null ? values : keyPlaces.map((at) => values[at]!)
      if (own.includes(null)) {
        unasked.set(row * parts.length + n, unseen(about))
        continue
      }
      const key = keyBytes(view.joinKeys, own, place)
      const keyHash = hashBytes(key, 0, key.length, seed)
      queries.push({ about, shard: shardOf(keyHash, shards), keyHash, key })
    }
  }
  return {
    queries,
    complete: (answers) => {
      if (unasked.size === 0) return answers
      let next = 0
      return Array.from(
        { length: answers.length + unasked.size },
        (_, place) => unasked.get(place) ?? answers[next++]!,
      )
    },
  }
}

type Moment = Omit<ReadAbout, 'view' | 'features'>

function momentOf(options: QuestionOptions, asked: Asked, view: View): Moment {
  const { edgeMs } = asked
  const leadingEdge = asked.options.leadingEdge ?? view.leadingEdge
  const { ms: watermarkMs, ns: watermarkNs } =
    leadingEdge === 'latest-event'
      ? watermarkFor(options, asked, view)
      : options.watermarkOf(view.index)
  return { leadingEdge, edgeMs, watermarkMs, watermarkNs }
}

/**
 * How far a view has come, or is said to have come: what it has counted cannot be told from what it
 * had counted before, and of what comes there is nothing yet.
 */
function watermarkFor(
  { watermarkOf }: QuestionOptions,
  { edgeMs, options: { watermarkNs } }: Asked,
  view: View,
): Watermark {
  const own = watermarkOf(view.index)
  if (watermarkNs === undefined) return own
  const given = { ms: msOf(watermarkNs), ns: nsWithinMs(watermarkNs) }
  if (isBefore({ ms: edgeMs, ns: 0 }, given)) throw watermarkInvalid('is ahead of the clock')
  if (isBefore(given, own)) {
    throw watermarkInvalid(`is before the newest event that view "${view.name}" has counted`)
  }
  return given
}

function isBefore(a: Watermark, b: Watermark): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.ns < b.ns)
}

function watermarkInvalid(reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path: 'watermark', reason })
}

/** What was asked of a part last: reads of one moment ask the same, and share it on their way. */
const lastAbouts = new WeakMap<ReadablePart, ReadAbout>()

function aboutOf(part: ReadablePart, moment: Moment): ReadAbout {
  const last = lastAbouts.get(part)
  if (last !== undefined && isMoment(last, moment)) return last
  const about = { view: part.view.index, features: part.features, ...moment }
  lastAbouts.set(part, about)
  return about
}

function isMoment(about: ReadAbout, moment: Moment): boolean {
  return (
    about.edgeMs === moment.edgeMs &&
    about.watermarkMs === moment.watermarkMs &&
    about.watermarkNs === moment.watermarkNs &&
    about.leadingEdge === moment.leadingEdge
  )
}

/** What a view answers of a key that it has seen nothing of. */
function unseen({ features, ...moment }: ReadAbout): ReadResult {
  const isLatest = moment.leadingEdge === 'latest-event'
  const edgeMs = isLatest ? moment.watermarkMs : moment.edgeMs
  return {
    entity: 'unseen',
    newestNs: null,
    edgeNs: Number.isFinite(edgeMs) ? nsOf(edgeMs, isLatest ? moment.watermarkNs : 0) : 0n,
    values: features.map(() => null),
    hasEvents: features.map(() => false),
  }
}
