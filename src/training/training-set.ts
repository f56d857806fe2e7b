/**
 * Training sets: the values that reads of a service would have given, at the moments of a spine.
 *
 * In: definitions with batch sources, or the data directory of a daemon, and a file of questions.
 * Out: the file with the answers, rows and their order as they were, and a manifest beside it.
 * DuckDB reads, sorts and writes; what a value is decides the engine that serves. Either there is
 * the whole file, or none.
 */
import { basename } from 'node:path'
import type { ErrorCode } from '../base/errors.ts'
import { sqlName, sqlText, type Database } from '../duckdb/database.ts'
import type { Catalog } from '../model/catalog.ts'
import type { Readable } from '../serve/services.ts'
import type { AnsweredRoute } from './answer-route.ts'
import {
  answerRoutes,
  assertKept,
  openBatches,
  type ReadBatch,
  withAnswering,
  withLoaded,
  type Answering,
  type Making,
} from './answering.ts'
import type { AskedView } from './asked-view.ts'
import { columnNames, namedColumns } from './asked-routes.ts'
import { batchFacts, codeVersion, definitionsHash, fileFacts } from './facts.ts'
import { copyOptions, formatOf } from './formats.ts'
import type { RealtimeFacts, SourceFacts, TrainingManifest } from './manifest.ts'
import { makeFile } from './out-file.ts'
import { resolveTrainingOptions, type ResolvedOptions, type TrainingSetOptions } from './options.ts'
import { rowField } from './pass.ts'
import { RejectedRows } from './rejected-rows.ts'
import { computeRealtime, requestPlans, type RequestPlans } from './realtime.ts'
import { withTextFloats } from './text-floats.ts'
import { openSpine, spineInvalid, spineRow, type Spine } from './spine.ts'

/** Makes a training set, with threads of its own; see `library.ts`. */
export function makeTrainingSetOf(given: TrainingSetOptions): Promise<TrainingManifest> {
  return withLoaded(resolveTrainingOptions(given), makeTrainingSet)
}

/** The same with definitions that are loaded, and whoever makes the passes. */
export async function makeTrainingSet(making: Making<ResolvedOptions>): Promise<TrainingManifest> {
  const { options } = making
  const { spine: file, timeColumn } = options
  const outFormat = formatOf(options.out, 'out')
  return withAnswering(making, async (answering) => {
    const { database, service } = answering
    const { joinKeys, requestFields } = service
    await assertKept(answering, [{ file, what: 'the spine' }])
    const spine = await openSpine(database, {
      file,
      timeColumn,
      joinKeys,
      requestFields,
      outFormat,
    })
    checkNames(file, spine, service)
    if (options.as === 'served') await atWholeMs(database)
    const requests = await requestPlans(database, service, spine, file)
    await openBatches(answering)
    const answered = await answerRoutes(answering)
    return writeOut({ ...answering, spine, answered, requests })
  })
}

function checkNames(file: string, { columns }: Spine, service: Readable): void {
  const taken = new Set(columns.map((name) => name.toLowerCase()))
  const twice = columnNames(service).find((name) => taken.has(name.toLowerCase()))
  if (twice === undefined) return
  throw spineInvalid(file, `it has a column "${twice}", which is a feature's`)
}

/** A read is made at a whole millisecond, which is what the clock of a daemon has. */
async function atWholeMs(database: Database): Promise<void> {
  const within = '((time_ns % 1000000) + 1000000) % 1000000'
  await database.run(`UPDATE spine SET time_ns = time_ns - ${within}`)
}

interface WritingOut extends Answering<ResolvedOptions> {
  readonly spine: Spine
  readonly answered: readonly AnsweredRoute[]
  readonly requests: RequestPlans
}

async function writeOut(writing: WritingOut): Promise<TrainingManifest> {
  const { options, database, service, spine, answered } = writing
  const { out } = options
  const row = sqlName(rowField.name)
  const joins = answered.map(
    ({ files }, n) =>
      `LEFT JOIN read_parquet([${files.map(sqlText).join(', ')}]) AS r${n}
        ON r${n}.${row} = s.${spineRow}`,
  )
  const realtime = await realtimeOf(writing, joins)
  const own = spine.columns.map((name) => `s.${sqlName(name)}`)
  const columns = [...own, ...namedColumns(service)]
  if (realtime.join !== null) joins.push(realtime.join)
  const format = formatOf(out, 'out')
  const rows = `SELECT ${columns.join(', ')} FROM ${spine.kept} AS s ${joins.join(' ')}
    ORDER BY s.${spineRow}`
  return makeFile(out, async (unfinished) => {
    await database.run(
      `COPY (${await withTextFloats(database, rows, format)})
        TO ${sqlText(unfinished)} ${copyOptions(format, columns.length)}`,
    )
    return manifestOf(writing, unfinished, realtime.facts)
  })
}

/** What realtime views come to, and how it is joined to the rows; null where there are none. */
async function realtimeOf(
  { options, catalog, service, database, spine, requests }: WritingOut,
  joins: readonly string[],
): Promise<{ readonly join: string | null; readonly facts: readonly RealtimeFacts[] }> {
  if (service.realtime.length === 0) return { join: null, facts: [] }
  const computing = { catalog, service, database, spine, file: options.spine, joins }
  const { outFile, facts } = await computeRealtime(computing, requests)
  const row = sqlName(rowField.name)
  const file = `read_parquet(${sqlText(outFile)})`
  const join = `JOIN ${file} AS realtime ON realtime.${row} = s.${spineRow}`
  return { join, facts }
}

async function manifestOf(
  writing: WritingOut,
  unfinished: string,
  realtime: readonly RealtimeFacts[],
): Promise<TrainingManifest> {
  const { options, catalog, service, spine, answered, batches, routes } = writing
  const { rows, timeColumn } = spine
  const columns = [...spine.columns, ...columnNames(service)]
  const sources: SourceFacts[] = []
  for (const [source, batch] of batches) {
    const own = answered.filter((_, n) => routes[n]!.source === source)
    const from = batch.received ?? (await batchFacts(batch.database, source))
    sources.push({ name: source.name, from, ...rejectedOf(batch, own) })
  }
  return {
    millrace: codeVersion(),
    service: service.name,
    definitions: definitionsHash(catalog, service, options.as),
    as: options.as,
    spine: { ...(await fileFacts(options.spine, basename(options.spine))), rows, timeColumn },
    sources,
    begins: routes.flatMap(({ asked }) => asked.flatMap((view) => beginOf(catalog, view))),
    realtime,
    out: { ...(await fileFacts(unfinished, basename(options.out))), rows, columns },
  }
}

function beginOf(catalog: Catalog, { view, fromMs }: AskedView): TrainingManifest['begins'] {
  if (fromMs === null) return []
  return [{ view: catalog.views[view]!.name, at: new Date(fromMs).toISOString() }]
}

/** Rows that did not count: before the passes, and in them. */
function rejectedOf(
  batch: ReadBatch,
  answered: readonly AnsweredRoute[],
): Pick<SourceFacts, 'rejected' | 'firstRejected'> {
  const { rejected, firstRejected, places } = batch
  const found = new RejectedRows()
  for (const result of answered.flatMap(({ results }) => results)) {
    found.addAll(result.rejected, result.firstRejected)
  }
  const first = firstRejected.map(({ place, ...why }) => ({ ...why, ...place }))
  for (const { file, row, ...why } of places === null ? [] : found.first) {
    first.push({ ...why, ...places!.placeOf(file, row) })
  }
  return { rejected: summed([rejected, found.counts]), firstRejected: first }
}

function summed(counts: readonly SourceFacts['rejected'][]): SourceFacts['rejected'] {
  const sum: Partial<Record<ErrorCode, number>> = {}
  const codes = [...new Set(counts.flatMap((each) => Object.keys(each)))] as ErrorCode[]
  for (const code of codes.toSorted((a, b) => (a < b ? -1 : 1))) {
    sum[code] = counts.reduce((total, each) => total + (each[code] ?? 0), 0)
  }
  return sum
}
