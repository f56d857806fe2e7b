/**
 * A read, from names and keys as they came to a table of values with their states.
 *
 * Runs in the main thread. Keys are converted and encoded here, each (key, view) becomes one
 * question to the shard that owns the key, and the answers are put together in the order of the
 * service's features. All windows of one read that end at the wall clock end at the same moment.
 * A read is all or nothing: one bad key fails it, and the message says which.
 */
import { assert } from '../base/assert.ts'
import { errorMessage, MillraceError } from '../base/errors.ts'
import { hashBytes, type HashSeed } from '../base/hash.ts'
import { readKeysMax } from '../base/limits.ts'
import type { Catalog } from '../model/catalog.ts'
import type {
  FeatureRow,
  FeatureState,
  ReadOptions,
  ReadPort,
  ShardReader,
} from '../model/contracts.ts'
import { convertValue, type Problem } from '../model/convert.ts'
import { encodeKeyValues } from '../model/key.ts'
import type { ReadAbout, ReadQuery, ReadResult } from '../model/message.ts'
import { shardOf } from '../model/partition.ts'
import type { Field, Value } from '../model/types.ts'
import { ReadTurns } from './read-turns.ts'
import { readables, type Readable, type ReadablePart } from './services.ts'

/** Event time up to which a view has come. */
export interface Watermark {
  /** Whole ms since the epoch; -Infinity before the first event. */
  readonly ms: number
  /** Nanoseconds within that ms. */
  readonly ns: number
}

export interface ReaderOptions {
  readonly catalog: Catalog
  /** Shards of the store. */
  readonly shards: number
  readonly seed: HashSeed
  readonly readShards: ShardReader
  /** Wall time, ms. */
  readonly nowMs: () => number
  /** The watermark of a view, by its place in the catalog, over all shards. */
  readonly watermarkOf: (view: number) => Watermark
}

/** One join key → value, in any wire form. */
type GivenKey = Readonly<Record<string, unknown>>

export function createReader(options: ReaderOptions): ReadPort {
  const byName = readables(options.catalog)
  const turns = new ReadTurns()

  return {
    async read(name, keys, readOptions = {}) {
      const service = byName.get(name)
      if (service === undefined) throw new MillraceError('FEATURES_UNKNOWN', { name })
      const offline = service.parts.find(({ view }) => !view.online)
      if (offline) throw new MillraceError('VIEW_NOT_ONLINE', { view: offline.view.name })
      if (keys.length > readKeysMax) {
        throw new MillraceError('TOO_MANY_KEYS', { count: keys.length, max: readKeysMax })
      }
      const width = service.parts.length
      const results = await turns.during(keys.length * width, () =>
        options.readShards(buildQueries(options, service, keys, readOptions)),
      )
      assert(results.length === keys.length * width, 'one result per query')
      return {
        names: service.names,
        types: service.types,
        rows: keys.map((_, row) => featureRow(service, results, row * width)),
      }
    },
  }
}

/** The questions of a read: for each key in turn, one per view of the service. */
function buildQueries(
  { shards, seed, nowMs, watermarkOf }: ReaderOptions,
  service: Readable,
  keys: readonly GivenKey[],
  readOptions: ReadOptions,
): ReadQuery[] {
  const edgeMs = nowMs()
  const parts = service.parts.map((part) => {
    const { ms: watermarkMs, ns: watermarkNs } = watermarkOf(part.view.index)
    const leadingEdge = readOptions.leadingEdge ?? part.view.leadingEdge
    const about = aboutOf(part, { leadingEdge, edgeMs, watermarkMs, watermarkNs })
    return { joinKeys: part.view.joinKeys, keyPlaces: part.keyPlaces, about }
  })
  const queries: ReadQuery[] = []
  for (let row = 0; row < keys.length; row++) {
    const place = keys.length > 1 ? row : null
    const values = convertKey(service.joinKeys, keys[row]!, place)
    for (const { joinKeys, keyPlaces, about } of parts) {
      const own = keyPlaces === null ? values : keyPlaces.map((at) => values[at]!)
      const key = keyBytes(joinKeys, own, place)
      const keyHash = hashBytes(key, 0, key.length, seed)
      queries.push({ about, shard: shardOf(keyHash, shards), keyHash, key })
    }
  }
  return queries
}

type Moment = Omit<ReadAbout, 'view' | 'features'>

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

/**
 * Converts a key's values; a missing, an unknown or an unusable one is refused.
 *
 * @returns `values[n]` of `joinKeys[n]`.
 */
function convertKey(joinKeys: readonly Field[], given: GivenKey, row: number | null): Value[] {
  // First of all: what is missing then is most likely this one, misspelt.
  for (const name in given) {
    if (joinKeys.some((key) => key.name === name) || !Object.hasOwn(given, name)) continue
    const expected = joinKeys.map(({ name }) => name).join(', ')
    throw keyInvalid(name, `not a join key of this read, which takes ${expected}`, row)
  }
  const values: Value[] = []
  for (const { name, type } of joinKeys) {
    if (!Object.hasOwn(given, name)) throw keyInvalid(name, 'missing', row)
    const problems: Problem[] = []
    values.push(convertValue(type, given[name], '', problems))
    const problem = problems[0]
    if (problem) throw keyInvalid(name, errorMessage(problem.code, problem.details), row)
  }
  return values
}

function keyBytes(
  joinKeys: readonly Field[],
  values: readonly Value[],
  row: number | null,
): Uint8Array {
  const key = encodeKeyValues(joinKeys, values)
  if (key instanceof Uint8Array) return key
  throw keyInvalid(key.field, key.reason, row)
}

/** @param row  Place of the key in a read of several, for the message. */
function keyInvalid(key: string, reason: string, row: number | null): MillraceError {
  if (row === null) return new MillraceError('KEY_INVALID', { key, reason })
  return new MillraceError('KEY_INVALID', { key, reason: `${reason} (in keys[${row}])`, row })
}

/** Puts the answers for one key, `results[first, first + parts)`, into the service's order. */
function featureRow(service: Readable, results: readonly ReadResult[], first: number): FeatureRow {
  const values: Value[] = []
  const states: FeatureState[] = []
  const newestNs: (bigint | null)[] = []
  const edgeNs: bigint[] = []
  for (const { part, place } of service.features) {
    const result = results[first + part]!
    const state = stateOf(result, place)
    states.push(state)
    values.push(state === 'present' ? result.values[place]! : null)
    newestNs.push(result.newestNs)
    edgeNs.push(result.edgeNs)
  }
  return { values, states, newestNs, edgeNs }
}

/**
 * Which of the six states a feature is in. Every state but `present` has the value null, so a
 * count over an empty window is null, not 0, and `empty` tells the two apart from a count of nulls.
 */
function stateOf(result: ReadResult, place: number): FeatureState {
  if (result.entity !== 'present') return result.entity
  if (!result.hasEvents[place]!) return 'empty'
  const value = result.values[place]
  if (value === undefined) return 'overflow'
  return value === null ? 'null' : 'present'
}
