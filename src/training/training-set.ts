/**
 * Training sets: the values that reads of a service would have given, at the moments of a spine.
 *
 * In: definitions with batch sources, and a file of questions. Out: the file with the answers, rows
 * and their order as they were, and a manifest beside it. DuckDB reads, sorts and writes; what a
 * value is decides the engine that serves. The same inputs make the same bytes, whatever the number
 * of threads. Either there is the whole file, or none.
 */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { MillraceError, type ErrorCode } from '../base/errors.ts'
import { BatchReader } from '../batch/reader.ts'
import { loadDefinitions } from '../daemon/load.ts'
import { openDatabase, sqlName, sqlText, type Database } from '../duckdb/database.ts'
import type { Catalog, Source } from '../model/catalog.ts'
import { readables, type Readable } from '../serve/services.ts'
import { answerRoute, type AnsweredRoute, type OpenBatch } from './answer-route.ts'
import { askedRoutes, columnNames, type AskedRoute } from './asked-routes.ts'
import { copyOptions, formatOf } from './formats.ts'
import { batchFacts, codeVersion, definitionsHash, fileFacts } from './facts.ts'
import type { SourceFacts, TrainingManifest } from './manifest.ts'
import { resolveTrainingOptions, type ResolvedOptions, type TrainingSetOptions } from './options.ts'
import { rowField } from './pass.ts'
import { openPassPool, type PassPool } from './pool.ts'
import { openSpine, spineInvalid, spineRow, type Spine } from './spine.ts'

/** Hashes of values are the same in every training set: approximate counts follow from it. */
const seed = { k0: 0x6d696c6c, k1: 0x72616365 }

/** Makes a training set, with threads of its own; see `library.ts`. */
export async function makeTrainingSetOf(given: TrainingSetOptions): Promise<TrainingManifest> {
  const options = resolveTrainingOptions(given)
  const dir = await mkdtemp(join(tmpdir(), 'millrace-'))
  try {
    const loaded = await loadDefinitions(options.features, dir)
    const pool = openPassPool(loaded, options.threads)
    try {
      return await makeTrainingSet({ options, catalog: loaded.catalog, pool })
    } finally {
      await pool.close()
    }
  } finally {
    await rm(dir, { recursive: true })
  }
}

export interface Making {
  readonly options: ResolvedOptions
  readonly catalog: Catalog
  readonly pool: PassPool
}

/** The same with definitions that are loaded, and whoever makes the passes. */
export async function makeTrainingSet(making: Making): Promise<TrainingManifest> {
  const { options, catalog } = making
  const { threads, spine: file, timeColumn } = options
  const outFormat = formatOf(options.out, 'out')
  const service = readables(catalog).get(options.service)
  if (service === undefined) throw new MillraceError('FEATURES_UNKNOWN', { name: options.service })
  const routes = askedRoutes(catalog, service)
  const memoryBytesMax = Math.ceil(options.memoryBytesMax / 2)
  const database = await openDatabase({ threads, memoryBytesMax })
  const batches = new Map<Source, ReadBatch>()
  try {
    const { joinKeys } = service
    const spine = await openSpine(database, { file, timeColumn, joinKeys, outFormat })
    checkNames(file, spine, service)
    for (const { source } of routes) {
      if (!batches.has(source)) batches.set(source, await openBatch(source, options))
    }
    for (const batch of batches.values()) await batch.make()
    const answering = { ...making, database, routes, batches }
    const answered = await answerRoutes(answering)
    return await writeOut({ ...answering, service, spine, answered })
  } finally {
    for (const batch of batches.values()) await batch.database.close()
    await database.close()
  }
}

/** A batch of which it is counted what is rejected. */
interface ReadBatch extends OpenBatch {
  readonly rejected: Partial<Record<ErrorCode, number>>
  make(): Promise<void>
}

async function openBatch(source: Source, options: ResolvedOptions): Promise<ReadBatch> {
  const { threads } = options
  const memoryBytesMax = Math.ceil(options.memoryBytesMax / 4)
  const database = await openDatabase({ threads, memoryBytesMax })
  try {
    const reader = await BatchReader.open(database, source, source.batch!)
    const rejected: Partial<Record<ErrorCode, number>> = {}
    return {
      database,
      rejected,
      get rows() {
        return reader.rows
      },
      get madeFile() {
        return reader.madeFile
      },
      async make() {
        for await (const chunk of reader.make()) {
          for (const { code } of chunk.rejected) rejected[code] = (rejected[code] ?? 0) + 1
        }
      },
    }
  } catch (thrown) {
    await database.close()
    throw thrown
  }
}

function checkNames(file: string, { columns }: Spine, service: Readable): void {
  const taken = new Set(columns.map((name) => name.toLowerCase()))
  const twice = columnNames(service).find((name) => taken.has(name.toLowerCase()))
  if (twice === undefined) return
  throw spineInvalid(file, `it has a column "${twice}", which is a feature's`)
}

interface Answering extends Making {
  readonly database: Database
  readonly routes: readonly AskedRoute[]
  readonly batches: ReadonlyMap<Source, ReadBatch>
}

async function answerRoutes(answering: Answering): Promise<readonly AnsweredRoute[]> {
  const { options, database, pool, routes, batches } = answering
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

interface WritingOut extends Answering {
  readonly service: Readable
  readonly spine: Spine
  readonly answered: readonly AnsweredRoute[]
}

async function writeOut(writing: WritingOut): Promise<TrainingManifest> {
  const { options, database, service, spine, answered } = writing
  const { out } = options
  const names = columnNames(service)
  const row = sqlName(rowField.name)
  const joins = answered.map(
    ({ files }, n) =>
      `JOIN read_parquet([${files.map(sqlText).join(', ')}]) AS r${n}
        ON r${n}.${row} = s.${spineRow}`,
  )
  const columns = [...spine.columns.map((name) => `s.${sqlName(name)}`), ...names.map(sqlName)]
  const unfinished = `${out}.unfinished`
  try {
    await database.run(
      `COPY (SELECT ${columns.join(', ')} FROM ${spine.table} AS s ${joins.join(' ')}
        ORDER BY s.${spineRow}) TO ${sqlText(unfinished)} ${copyOptions[formatOf(out, 'out')]}`,
    )
    const manifest = await manifestOf(writing, unfinished)
    await writeFile(`${out}.manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`)
    await rename(unfinished, out)
    return manifest
  } finally {
    await rm(unfinished, { force: true })
  }
}

async function manifestOf(writing: WritingOut, unfinished: string): Promise<TrainingManifest> {
  const { options, catalog, service, spine, answered, batches, routes } = writing
  const { rows, timeColumn } = spine
  const columns = [...spine.columns, ...columnNames(service)]
  const sources: SourceFacts[] = []
  for (const [source, { database, rejected }] of batches) {
    const own = answered.filter((_, n) => routes[n]!.source === source)
    const counts = own.flatMap(({ results }) => results.map((each) => each.rejected))
    const from = await batchFacts(database, source)
    sources.push({ name: source.name, from, rejected: summed([rejected, ...counts]) })
  }
  return {
    millrace: codeVersion(),
    service: service.name,
    definitions: definitionsHash(catalog, service),
    spine: { ...(await fileFacts(options.spine, basename(options.spine))), rows, timeColumn },
    sources,
    out: { ...(await fileFacts(unfinished, basename(options.out))), rows, columns },
  }
}

function summed(counts: readonly SourceFacts['rejected'][]): SourceFacts['rejected'] {
  const sum: Partial<Record<ErrorCode, number>> = {}
  const codes = [...new Set(counts.flatMap((each) => Object.keys(each)))] as ErrorCode[]
  for (const code of codes.toSorted((a, b) => (a < b ? -1 : 1))) {
    sum[code] = counts.reduce((total, each) => total + (each[code] ?? 0), 0)
  }
  return sum
}
