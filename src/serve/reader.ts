/**
 * A read, from names and keys as they came to a table of values with their states.
 *
 * Runs in the main thread. Keys are converted and encoded here, each (key, view) becomes one
 * question to the shard that owns the key, realtime views are computed of what was answered, and
 * all is put together in the order of the service's features. All windows of one read that end at
 * the wall clock end at the same moment. A read is all or nothing: one bad key fails it, and the
 * message says which. Only the function of a realtime view fails for itself, and key by key.
 */
import { assert } from '../base/assert.ts'
import { MillraceError } from '../base/errors.ts'
import { answerBytesMax, queryRowsMax, readKeysMax } from '../base/limits.ts'
import { bytesOfValues, valueBytes } from '../model/answer-bytes.ts'
import type { Catalog } from '../model/catalog.ts'
import type {
  FeatureRow,
  KeyFinder,
  ReadPort,
  RealtimeRunner,
  ShardReader,
} from '../model/contracts.ts'
import type { ReadResult } from '../model/message.ts'
import type { Value } from '../model/types.ts'
import { featureRow, realtimeInput, type Answers, type ViewAnswer } from './feature-row.ts'
import { findKeys, isKnown } from './query.ts'
import { questionsOf, type Asked, type KeysOfRead, type QuestionOptions } from './questions.ts'
import { convertKey, convertRequests } from './read-keys.ts'
import { ReadTurns } from './read-turns.ts'
import { readables, type Readable } from './services.ts'

export interface ReaderOptions extends QuestionOptions {
  readonly catalog: Catalog
  readonly readShards: ShardReader
  readonly findKeys: KeyFinder
  readonly runRealtime: RealtimeRunner
  /** Wall time, ms. */
  readonly nowMs: () => number
  /** Whether the history of a view is not complete. @defaultValue that of none */
  readonly isBackfilling?: (view: number) => boolean
}

/** The keys of a read, and what comes with each. */
interface AskedKeys extends KeysOfRead {
  /** Request data, by key; none for a service without. */
  readonly requests: readonly (readonly Value[])[]
}

export function createReader(options: ReaderOptions): ReadPort {
  const byName = readables(options.catalog)
  const turns = new ReadTurns()

  function serviceOf(name: string): Readable {
    const service = byName.get(name)
    if (service === undefined) throw new MillraceError('FEATURES_UNKNOWN', { name })
    const offline = service.parts.find(({ view }) => !view.online)
    if (offline) throw new MillraceError('VIEW_NOT_ONLINE', { view: offline.view.name })
    return service
  }

  return {
    async read(name, keys, readOptions = {}) {
      const service = serviceOf(name)
      if (keys.length > readKeysMax) {
        throw new MillraceError('TOO_MANY_KEYS', { count: keys.length, max: readKeysMax })
      }
      assertAnswerable(service, keys.length)
      const answers = await turns.during(keys.length * workOf(service), () => {
        const asked = { service, edgeMs: options.nowMs(), options: readOptions }
        const { takesNullKeys: nulls = false } = readOptions
        const requests = convertRequests(service.requestFields, readOptions, keys.length)
        const valuesOf = (row: number, place: number | null): readonly Value[] =>
          convertKey(service.joinKeys, keys[row]!, { row: place, nulls })
        return answer(options, asked, { count: keys.length, valuesOf, requests })
      })
      const rows = keys.map((_, row) => featureRow(service, answers, row))
      return bounded({ names: service.names, types: service.types, rows })
    },

    async query(name, key, readOptions = {}) {
      const service = serviceOf(name)
      const edgeMs = options.nowMs()
      const [request = []] = convertRequests(service.requestFields, readOptions, 1)
      const found = await findKeys(service, key, (view, index) =>
        options.findKeys({ view, index, edgeMs, limit: queryRowsMax + 1 }),
      )
      assertAnswerable(service, found.length)
      const answers = await turns.during(found.length * workOf(service), () => {
        const asked = { service, edgeMs, options: readOptions }
        const valuesOf = (row: number): readonly Value[] => found[row]!
        const requests = found.map(() => request)
        return answer(options, asked, { count: found.length, valuesOf, requests })
      })
      const keys: (readonly Value[])[] = []
      const rows: FeatureRow[] = []
      for (const [row, values] of found.entries()) {
        if (!isKnown(service, answers.results, row)) continue
        keys.push(values)
        rows.push(featureRow(service, answers, row))
      }
      const { names, types, joinKeys } = service
      return bounded({ names, types, joinKeys, keys, rows })
    },
  }
}

/** @throws MillraceError `ANSWER_TOO_LARGE`, before anything is asked. */
function assertAnswerable({ features }: Readable, keys: number): void {
  if (keys * features.length * valueBytes > answerBytesMax) throw answerTooLarge()
}

/**
 * The parts of an answer may be small enough, and all of it not.
 *
 * @throws MillraceError `ANSWER_TOO_LARGE`
 */
function bounded<Table extends { readonly rows: readonly FeatureRow[] }>(table: Table): Table {
  let bytes = 0
  for (const { values } of table.rows) {
    bytes += bytesOfValues(values as readonly Value[])
    if (bytes > answerBytesMax) throw answerTooLarge()
  }
  return table
}

function answerTooLarge(): MillraceError {
  return new MillraceError('ANSWER_TOO_LARGE', { max: answerBytesMax })
}

/** What is asked for one key. */
function workOf({ parts, realtime }: Readable): number {
  return parts.length + realtime.length
}

/** Asks the views of a service, and computes its realtime views of what they answer. */
async function answer(options: ReaderOptions, asked: Asked, keys: AskedKeys): Promise<Answers> {
  const { service, edgeMs } = asked
  const { queries, complete } = questionsOf(options, asked, keys)
  const answers = queries.length === 0 ? [] : await options.readShards(queries)
  assert(answers.length === queries.length, 'one result per query')
  const results = withoutIncomplete(options, service, complete(answers))
  const outcomes =
    service.realtime.length === 0 ? [] : await computeRealtime(options, asked, keys, results)
  return { results, outcomes, edgeNs: BigInt(edgeMs) * 1_000_000n }
}

/** Of a view whose history is not complete, nothing is told but that. */
function withoutIncomplete(
  { isBackfilling = () => false }: ReaderOptions,
  { parts }: Readable,
  answers: readonly ReadResult[],
): readonly ViewAnswer[] {
  const isOpen = parts.map(({ view }) => isBackfilling(view.index))
  if (!isOpen.includes(true)) return answers
  return answers.map((answer, n) =>
    isOpen[n % parts.length]! ? { ...answer, entity: 'backfilling' } : answer,
  )
}

function computeRealtime(
  { runRealtime }: ReaderOptions,
  { service }: Asked,
  { count, requests }: AskedKeys,
  results: readonly ViewAnswer[],
): Promise<Answers['outcomes']> {
  return Promise.all(
    service.realtime.map((realtime) => {
      const rows: (readonly Value[])[] = []
      for (let row = 0; row < count; row++) {
        rows.push(realtimeInput(service, realtime, results, requests, row))
      }
      return runRealtime(realtime.view.index, rows)
    }),
  )
}
