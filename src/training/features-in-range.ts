/**
 * Features in range: for every key, the values that reads would have given between two moments,
 * each with from when until when.
 *
 * It is a training set whose questions are the moments at which a value may change; answers that
 * follow one another and are the same are one row then. A key without a value has no row.
 */
import { join } from 'node:path'
import { MillraceError } from '../base/errors.ts'
import { sqlName, sqlText, type Database } from '../duckdb/database.ts'
import type { Readable } from '../serve/services.ts'
import type { OpenBatch } from './answer-route.ts'
import {
  answerRoutes,
  assertKept,
  openBatches,
  withAnswering,
  withLoaded,
  type Answering,
  type Making,
} from './answering.ts'
import { columnNames, namedColumns, type AskedRoute } from './asked-routes.ts'
import { copyOptions, formatOf } from './formats.ts'
import type { RangeResult } from './manifest.ts'
import { momentsSql } from './moments.ts'
import { makeFile } from './out-file.ts'
import { resolveRangeOptions, type RangeOptions, type ResolvedRangeOptions } from './options.ts'
import { rowField } from './pass.ts'
import { hasKeyBytes } from './spine.ts'

/** Makes features in range, with threads of its own; see `library.ts`. */
export function makeFeaturesInRangeOf(given: RangeOptions): Promise<RangeResult> {
  return withLoaded(resolveRangeOptions(given), makeFeaturesInRange)
}

/** The same with definitions that are loaded, and whoever makes the passes. */
export function makeFeaturesInRange(making: Making<ResolvedRangeOptions>): Promise<RangeResult> {
  return withAnswering(making, async (answering) => {
    checkRange(answering)
    await assertKept(answering, [])
    await openBatches(answering)
    await askMoments(answering)
    const answered = await answerRoutes(answering)
    return writeRange(
      answering,
      answered.map(({ files }) => files),
    )
  })
}

/** What moves a window must be the key's own events and the clock. */
function checkRange({ service, routes }: Answering): void {
  if (service.realtime.length > 0) {
    const reason = `"${service.name}" has realtime views, whose request data no time has`
    throw new MillraceError('CONFIG_INVALID', { path: 'service', reason })
  }
  const moved = service.parts.find(({ view }) => view.leadingEdge === 'latest-event')
  const refused = (reason: string): MillraceError =>
    new MillraceError('CONFIG_INVALID', { path: 'service', reason })
  if (moved !== undefined) {
    const why = 'whose windows end at the latest event: those of other keys change its values'
    throw refused(`"${service.name}" has the view "${moved.view.name}", ${why}`)
  }
  const partial = routes.find(({ keyPlaces }) => keyPlaces.length !== service.joinKeys.length)
  if (partial === undefined) return
  throw refused(`the views of "${service.name}" do not all have the same join keys`)
}

/** Fills the table `spine` with the moments of each key, as `openSpine` fills it. */
async function askMoments(answering: Answering<ResolvedRangeOptions>): Promise<void> {
  const { database, service, routes, batches, options } = answering
  const files: string[] = []
  for (const [n, asked] of routes.entries()) {
    const file = join(database.tempDir, `moments-${n}.parquet`)
    const sql = momentsOf(answering, asked, batches.get(asked.source)!)
    await batches
      .get(asked.source)!
      .database.run(`COPY (${sql}) TO ${sqlText(file)} (FORMAT parquet)`)
    files.push(file)
  }
  const keys = service.joinKeys.map((_, n) => `k${n}`).join(', ')
  const { fromNs, toNs } = options
  await database.run(
    `CREATE TABLE spine AS
      SELECT row_number() OVER (ORDER BY ${keys}, time_ns) - 1 AS spine_row, *
      FROM (
        SELECT DISTINCT time_ns, ${keys}
        FROM (
          SELECT greatest(time_ns, ${fromNs}) AS time_ns, ${keys}
          FROM read_parquet([${files.map(sqlText).join(', ')}])
        )
        WHERE time_ns < ${toNs}
      )`,
  )
}

function momentsOf(
  { service, catalog }: Answering,
  { asked, keyPlaces }: AskedRoute,
  { rows }: OpenBatch,
): string {
  const { relation, time, keyOf } = rows
  const keys = keyPlaces.map((place) => `${keyOf(service.joinKeys[place]!)} AS k${place}`)
  const isUsable = keyPlaces.map((place) => `k${place} IS NOT NULL AND k${place}::VARCHAR <> ''`)
  const moments = asked.flatMap(({ view, features }) =>
    momentsSql(catalog.views[view]!, features, 'event_ns'),
  )
  const names = service.joinKeys.map((_, n) => `k${n}`)
  const usable = [...isUsable, hasKeyBytes(service.joinKeys), 'event_ns IS NOT NULL']
  return `SELECT DISTINCT unnest([${moments.join(', ')}]) AS time_ns, ${names.join(', ')}
    FROM (SELECT ${[`${time} AS event_ns`, ...keys].join(', ')} FROM ${relation.placed})
    WHERE ${usable.join(' AND ')}`
}

async function writeRange(
  { database, service, options }: Answering<ResolvedRangeOptions>,
  answered: readonly (readonly string[])[],
): Promise<RangeResult> {
  const { out, toNs } = options
  await database.run(`CREATE TABLE ranges AS ${rangesSql(service, answered, toNs)}`)
  // Beside the features the join keys, and from and to when they are valid.
  const columns = service.features.length + service.joinKeys.length + 2
  const format = copyOptions(formatOf(out, 'out'), columns)
  await makeFile(out, async (unfinished) => {
    await database.run(
      `COPY (SELECT * EXCLUDE (range_row) FROM ranges ORDER BY range_row)
        TO ${sqlText(unfinished)} ${format}`,
    )
    return null
  })
  return { rows: await countOf(database) }
}

async function countOf(database: Database): Promise<number> {
  const [[count]] = (await database.rows('SELECT count(*) FROM ranges')) as [[bigint]]
  return Number(count)
}

/** Answers that differ from the one before, until the next; but for those without a value. */
function rangesSql(
  service: Readable,
  answered: readonly (readonly string[])[],
  toNs: bigint,
): string {
  const row = sqlName(rowField.name)
  const joins = answered.map(
    (files, n) =>
      `JOIN read_parquet([${files.map(sqlText).join(', ')}]) AS r${n} ON r${n}.${row} = spine_row`,
  )
  const keys = service.joinKeys.map((_, n) => `k${n}`)
  const values = columnNames(service).map(sqlName)
  const named = service.joinKeys.map(({ name }, n) => `k${n} AS ${sqlName(name)}`)
  const ofKey = `PARTITION BY ${keys.join(', ')} ORDER BY time_ns`
  return `WITH
    answers AS (
      SELECT spine_row, time_ns, ${keys.join(', ')}, row(${values.join(', ')}) AS answer,
        ${values.join(', ')}
      FROM (SELECT spine_row, time_ns, ${keys.join(', ')}, ${namedColumns(service).join(', ')}
        FROM spine ${joins.join(' ')})
    ),
    told AS (
      SELECT *, row_number() OVER (${ofKey}) = 1
        OR answer IS DISTINCT FROM lag(answer) OVER (${ofKey}) AS is_new
      FROM answers
    ),
    changes AS (
      SELECT *, lead(time_ns, 1, ${toNs}) OVER (${ofKey}) AS until_ns FROM told WHERE is_new
    )
    SELECT spine_row AS range_row, ${named.join(', ')}, make_timestamp_ns(time_ns) AS valid_from,
      make_timestamp_ns(until_ns) AS valid_to, ${values.join(', ')}
    FROM changes WHERE ${values.map((name) => `${name} IS NOT NULL`).join(' OR ')}`
}
