/**
 * What training sets and features in range have in common: definitions, batches and passes, and
 * that nothing of it is left when they are done.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MillraceError, type ErrorCode } from '../base/errors.ts'
import { namedRowsMax } from '../base/batch-limits.ts'
import { planRows } from '../batch/planned-rows.ts'
import type { Places } from '../batch/places.ts'
import { BatchReader, type RejectedRow } from '../batch/reader.ts'
import { loadDefinitions } from '../daemon/load.ts'
import { openDatabase, type Database } from '../duckdb/database.ts'
import type { Catalog, Source } from '../model/catalog.ts'
import { readables, type Readable } from '../serve/services.ts'
import { answerRoute, type AnsweredRoute, type OpenBatch } from './answer-route.ts'
import { askedRoutes, type AskedRoute } from './asked-routes.ts'
import { batchFiles } from './facts.ts'
import type { ReceivedFacts } from './manifest.ts'
import type { CommonOptions } from './options.ts'
import { assertNoInput, assertWritable, type InputFile } from './out-file.ts'
import { openPassPool, type PassPool } from './pool.ts'
import { openReceived, openStore, streamFrom, type Store } from './received.ts'

/** By it values are hashed where no store is named; approximate counts follow from it. */
const standardSeed = { k0: 0x6d696c6c, k1: 0x72616365 }

/** What somebody wants, with definitions that are loaded, and whoever makes the passes. */
export interface Making<Options extends CommonOptions> {
  readonly options: Options
  readonly catalog: Catalog
  readonly pool: PassPool
  /** Has all temporary files. @defaultValue the system's directory for them */
  readonly tempIn?: string
}

export interface Answering<Options extends CommonOptions = CommonOptions> extends Making<Options> {
  readonly database: Database
  readonly service: Readable
  readonly routes: readonly AskedRoute[]
  /** The data directory that was named; null for none. */
  readonly store: Store | null
  /** Filled by {@link openBatches}. */
  readonly batches: Map<Source, ReadBatch>
}

/** Events of a source, of which it is counted what is rejected. */
export interface ReadBatch extends OpenBatch {
  readonly rejected: Partial<Record<ErrorCode, number>>
  /** Of those that are rejected before events are counted, the first of each code. */
  readonly firstRejected: readonly RejectedRow[]
  /** Where the rows are that events were made of; null where nobody knows. */
  readonly places: Places | null
  /** What of it a daemon had received; null for a batch source. */
  readonly received: ReceivedFacts | null
  make(): Promise<void>
  /** @throws {@link MillraceError} `BATCH_FILE` when a file of it is not what it was. */
  assertUnchanged(): Promise<void>
}

async function openBatch(source: Source, answering: Answering): Promise<ReadBatch> {
  const { options, store } = answering
  const { threads } = options
  const memoryBytesMax = Math.ceil(options.memoryBytesMax / 4)
  const database = await openDatabase({ threads, memoryBytesMax, ...placeOf(answering) })
  try {
    if (options.as === 'served') return await readReceived(source, store!, answering, database)
    return await readBatch(source, database)
  } catch (thrown) {
    await database.close()
    throw thrown
  }
}

async function readBatch(source: Source, database: Database): Promise<ReadBatch> {
  const reader = await BatchReader.open(database, source, source.batch!)
  const rejected: Partial<Record<ErrorCode, number>> = {}
  const firstRejected: RejectedRow[] = []
  const reject = (row: RejectedRow): void => {
    const count = (rejected[row.code] ?? 0) + 1
    rejected[row.code] = count
    if (count <= namedRowsMax) firstRejected.push(row)
  }
  for (const row of reader.broken) reject(row)
  return {
    database,
    as: 'event-time',
    rejected,
    firstRejected,
    received: null,
    places: reader.places,
    get rows() {
      return reader.rows
    },
    async make() {
      for await (const chunk of reader.make()) for (const row of chunk.rejected) reject(row)
    },
    assertUnchanged: () => reader.assertUnchanged(),
  }
}

async function readReceived(
  source: Source,
  store: Store,
  { catalog }: Answering,
  database: Database,
): Promise<ReadBatch> {
  const { relation, facts: received } = await openReceived(store, catalog, source, database)
  const rows = await planRows(database, relation, source, source.fields)
  return {
    database,
    as: 'served',
    rows,
    rejected: {},
    firstRejected: [],
    places: null,
    received,
    make: () => Promise.resolve(),
    assertUnchanged: () => Promise.resolve(),
  }
}

/** Where the databases have their files, and what ends them. */
function placeOf({ options: { signal }, tempIn }: Making<CommonOptions>) {
  return { ...(tempIn !== undefined && { tempIn }), ...(signal && { signal }) }
}

/** Loads the definitions, and starts threads that have them. */
export async function withLoaded<Options extends CommonOptions, T>(
  options: Options,
  make: (making: Making<Options>) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-'))
  try {
    const loaded = await loadDefinitions(options.features, dir)
    const { threads, signal } = options
    const pool = openPassPool(loaded, { threads, ...(signal && { signal }) })
    try {
      return await make({ options, catalog: loaded.catalog, pool, tempIn: dir })
    } finally {
      await pool.close()
    }
  } finally {
    await rm(dir, { recursive: true })
  }
}

/**
 * @throws {@link MillraceError} `FEATURES_UNKNOWN`, `BATCH_MISSING`, `FILE_UNWRITABLE`;
 *   for what is no data directory, what `openStore` throws.
 */
export async function withAnswering<Options extends CommonOptions, T>(
  making: Making<Options>,
  answer: (answering: Answering<Options>) => Promise<T>,
): Promise<T> {
  const { options, catalog } = making
  const service = readables(catalog).get(options.service)
  if (service === undefined) throw new MillraceError('FEATURES_UNKNOWN', { name: options.service })
  await assertWritable(options.out)
  const store = options.dataDir === null ? null : await openStore(options.dataDir)
  const isServed = options.as === 'served'
  const routes = askedRoutes(catalog, service, (view) =>
    isServed ? streamFrom(store!, view) : null,
  )
  if (!isServed) assertBatches(routes)
  const memoryBytesMax = Math.ceil(options.memoryBytesMax / 2)
  const { threads } = options
  const database = await openDatabase({ threads, memoryBytesMax, ...placeOf(making) })
  const batches = new Map<Source, ReadBatch>()
  try {
    return await answer({ ...making, database, service, routes, batches, store })
  } finally {
    for (const batch of batches.values()) await batch.database.close()
    await database.close()
  }
}

function assertBatches(routes: readonly AskedRoute[]): void {
  for (const { source } of routes) {
    if (source.batch === undefined) {
      throw new MillraceError('BATCH_MISSING', { source: source.name })
    }
  }
}

/**
 * Makes sure that nothing is overwritten of which the answers are made.
 *
 * @param own  What is read beside the batches.
 * @throws {@link MillraceError} `CONFIG_INVALID`.
 */
export async function assertKept(answering: Answering, own: readonly InputFile[]): Promise<void> {
  const { options, routes, database } = answering
  const { out, dataDir, as } = options
  const inputs = [...own]
  const sources = as === 'served' ? [] : new Set(routes.map(({ source }) => source))
  for (const source of sources) {
    const what = `a file of the batch source of "${source.name}"`
    for (const file of await batchFiles(database, source)) inputs.push({ file, what })
  }
  await assertNoInput(out, inputs, dataDir)
}

/** Opens the batches of all sources before it reads one. */
export async function openBatches(answering: Answering): Promise<void> {
  const { routes, batches } = answering
  for (const { source } of routes) {
    if (!batches.has(source)) batches.set(source, await openBatch(source, answering))
  }
  for (const batch of batches.values()) await batch.make()
}

/**
 * Answers what is asked by the table `spine` of the database.
 *
 * @throws {@link MillraceError} `BATCH_FILE` when a file of a batch source was changed meanwhile.
 */
export async function answerRoutes(answering: Answering): Promise<readonly AnsweredRoute[]> {
  const { batches } = answering
  const assertUnchanged = async (): Promise<void> => {
    for (const batch of batches.values()) await batch.assertUnchanged()
  }
  try {
    const answered = await answerEach(answering)
    await assertUnchanged()
    return answered
  } catch (thrown) {
    // It may be why one cannot be read.
    await assertUnchanged()
    throw thrown
  }
}

async function answerEach(answering: Answering): Promise<readonly AnsweredRoute[]> {
  const { options, database, pool, routes, batches, store } = answering
  const seed = store?.seed ?? standardSeed
  const { threads } = options
  const memoryBytesMax = Math.ceil(options.memoryBytesMax / 2 / threads)
  const answered: AnsweredRoute[] = []
  for (const [n, asked] of routes.entries()) {
    const batch = batches.get(asked.source)!
    const common = { database, pool, asked, batch, parts: threads, memoryBytesMax, seed }
    answered.push(await answerRoute({ ...common, name: `route${n}` }))
  }
  return answered
}
