/**
 * One route of a service: its questions by key, and the passes that answer them, as many at a time
 * as there are threads.
 */
import { join } from 'node:path'
import { assert } from '../base/assert.ts'
import type { HashSeed } from '../base/hash.ts'
import type { PlannedRows } from '../batch/planned-rows.ts'
import { sqlText, type Database } from '../duckdb/database.ts'
import type { AskedRoute } from './asked-routes.ts'
import { knownSql } from './known.ts'
import type { Knowledge } from './manifest.ts'
import type { PassResult, PassTask } from './pass.ts'
import type { PassPool } from './pool.ts'
import { hasKeyBytes } from './spine.ts'

export interface AnswerRouteOptions {
  /** Has the table `spine`. */
  readonly database: Database
  readonly pool: PassPool
  readonly asked: AskedRoute
  /** Names the files of the route. */
  readonly name: string
  readonly batch: OpenBatch
  readonly parts: number
  readonly memoryBytesMax: number
  readonly seed: HashSeed
}

/** The events of a source, and the database in which its tables are. */
export interface OpenBatch {
  readonly database: Database
  readonly rows: PlannedRows
  readonly as: Knowledge
}

/** What has come of a route. */
export interface AnsweredRoute {
  /** Files with the number of a row and the columns of the route. */
  readonly files: readonly string[]
  readonly results: readonly PassResult[]
}

export async function answerRoute(options: AnswerRouteOptions): Promise<AnsweredRoute> {
  const { database, asked, name } = options
  const { keyPlaces } = asked
  const keys = keyPlaces.map((place, n) => `k${place} AS k${n}`)
  const names = keyPlaces.map((_, n) => `k${n}`)
  const keysFile = fileOf(options, 'keys')
  // Of a key with a null in it nothing is known, and nobody is asked.
  const isAsked = keyPlaces.map((place) => `k${place} IS NOT NULL`).join(' AND ')
  const asks = `SELECT DISTINCT ${keys.join(', ')} FROM spine WHERE ${isAsked}`
  await copy(database, numbered(asks), keysFile)
  const [[lastNs]] = (await database.rows('SELECT coalesce(max(time_ns), 0) FROM spine')) as [
    [bigint],
  ]
  const edges = asked.asked.filter(({ edge }) => edge !== null)
  if (edges.length > 0) await findTimes(options, lastNs)
  const joins = edges.map(
    ({ edge }) => `ASOF LEFT JOIN ${name}_${edge} ON time_ns >= ${name}_${edge}.known_ns`,
  )
  const edgeColumns = edges.map(({ edge }) => `${name}_${edge}.counted_ns AS ${edge}`)
  const spineFile = fileOf(options, 'spine')
  await copy(
    database,
    `SELECT ${['key_number', 'time_ns', 'spine_row', ...edgeColumns].join(', ')}
      FROM (SELECT spine_row, time_ns, ${keys.join(', ')} FROM spine)
      JOIN read_parquet(${sqlText(keysFile)}) USING (${names.join(', ')}) ${joins.join(' ')}`,
    spineFile,
  )
  const common = { lastNs, keysFile, spineFile, asked: asked.asked }
  const answered = await runParts(options, 'answers', common)
  const [[count]] = (await database.rows(`SELECT count(*) FROM spine WHERE ${isAsked}`)) as [
    [bigint],
  ]
  const rows = answered.results.reduce((sum, each) => sum + each.rows, 0)
  assert(BigInt(rows) === count, 'a row that is asked is answered')
  return answered
}

/** Fills a table for each view whose windows end at its newest event: which it was, and when. */
async function findTimes(options: AnswerRouteOptions, lastNs: bigint): Promise<void> {
  const { database, batch, asked, name } = options
  const { joinKeys } = asked.route
  const { keyOf, relation } = batch.rows
  const known = knownSql(batch)
  const keys = joinKeys.map((key, n) => `${keyOf(key)} AS k${n}`)
  const isUsable = joinKeys.map((_, n) => `k${n} IS NOT NULL AND k${n}::VARCHAR <> ''`)
  const keysFile = fileOf(options, 'all-keys')
  await copy(
    batch.database,
    numbered(
      `SELECT DISTINCT * EXCLUDE (time_ns)
        FROM (SELECT ${[...keys, `${known} AS time_ns`].join(', ')} FROM ${relation.placed})
        WHERE time_ns <= ${lastNs} AND ${[...isUsable, hasKeyBytes(joinKeys)].join(' AND ')}`,
    ),
    keysFile,
  )
  const views = asked.asked.filter(({ edge }) => edge !== null)
  const common = { lastNs, keysFile, spineFile: null, asked: views }
  const { files } = await runParts(options, 'times', common)
  const times = `read_parquet([${files.map(sqlText).join(', ')}])`
  for (const { view, edge } of views) {
    await database.run(
      `CREATE TABLE ${name}_${edge} AS
        SELECT known_ns, max(max(counted_ns)) OVER (ORDER BY known_ns) AS counted_ns
        FROM ${times} WHERE counted_view = ${view} GROUP BY known_ns`,
    )
  }
}

type PartTask = Pick<PassTask, 'lastNs' | 'keysFile' | 'spineFile' | 'asked'>

async function runParts(
  options: AnswerRouteOptions,
  what: string,
  task: PartTask,
): Promise<AnsweredRoute> {
  const { pool, asked, batch, parts, memoryBytesMax, seed } = options
  const files = Array.from({ length: parts }, (_, part) => fileOf(options, `${what}-${part}`))
  const results = await Promise.all(
    files.map((outFile, part) =>
      pool.run({
        ...task,
        route: asked.route.index,
        part,
        parts,
        memoryBytesMax,
        seed,
        relation: batch.rows.relation,
        as: batch.as,
        outFile,
      }),
    ),
  )
  return { files, results }
}

function numbered(keys: string): string {
  return `SELECT row_number() OVER () - 1 AS key_number, * FROM (${keys})`
}

function fileOf({ database, name }: AnswerRouteOptions, what: string): string {
  return join(database.tempDir, `${name}-${what}.parquet`)
}

async function copy(database: Database, sql: string, file: string): Promise<void> {
  await database.run(`COPY (${sql}) TO ${sqlText(file)} (FORMAT parquet)`)
}
