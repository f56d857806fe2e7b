/**
 * One route of a service over one part of the keys: events and spine rows of each key in the order
 * of time, from DuckDB, which sorts them; out comes a file with the values of each spine row.
 *
 * Memory does not grow with the rows: DuckDB sorts on disk what is too much, and there is state of
 * one key at a time. Thread: a worker's.
 */
import { dirname } from 'node:path'
import type { AbortSignalLike } from '../base/abort-signal.ts'
import { planRows, type PlannedRows } from '../batch/planned-rows.ts'
import { placeColumns, type Relation } from '../batch/relation.ts'
import { openDatabase, sqlName, sqlText, type Database } from '../duckdb/database.ts'
import type { TableWriter } from '../duckdb/table-writer.ts'
import type { HashSeed } from '../base/hash.ts'
import type { Catalog } from '../model/catalog.ts'
import { nsOf } from '../model/timestamp.ts'
import type { Field, Value } from '../model/types.ts'
import type { AskedView } from './asked-view.ts'
import { copyOptions } from './formats.ts'
import { KeyWalk, type KeyWalkOptions, type Moment } from './key-walk.ts'
import { knownSql } from './known.ts'
import type { Knowledge } from './manifest.ts'
import { MergedRows } from './merged-rows.ts'
import { RejectedRows, type NumberedRow, type RejectedCounts } from './rejected-rows.ts'

/** What a pass is about; plain data. */
export interface PassTask {
  /** Place in the catalog's routes. */
  readonly route: number
  readonly part: number
  readonly parts: number
  readonly memoryBytesMax: number
  /** Where the events of the source are. */
  readonly relation: Relation
  /** What is known at a moment. */
  readonly as: Knowledge
  /** The time of the last spine row, ns. */
  readonly lastNs: bigint
  /** For the hashes of values. */
  readonly seed: HashSeed
  /** Keys with their numbers, and spine rows by the numbers of their keys. */
  readonly keysFile: string
  /** Null: nothing is asked, but at what times events of the views have counted. */
  readonly spineFile: string | null
  /** What is asked, in the order of the columns of {@link outFile}. */
  readonly asked: readonly AskedView[]
  readonly outFile: string
}

/** What a pass has come to. */
export interface PassResult {
  readonly rows: number
  /** Events of the keys that were asked which cannot count, and where the first of them are. */
  readonly rejected: RejectedCounts
  readonly firstRejected: readonly NumberedRow[]
}

/** The number of a spine row, in the files of passes. */
export const rowField: Field = { name: 'millrace_row', type: { kind: 'Int64', nullable: false } }

/** The columns of a pass that is asked for times. */
const timeFields: readonly Field[] = ['counted_view', 'known_ns', 'counted_ns'].map((name) => {
  return { name, type: { kind: 'Int64', nullable: false } }
})

/**
 * @param catalog  In which events of the source come as its schema says.
 * @param signal  Ends it, with its reason.
 */
export async function runPass(
  catalog: Catalog,
  task: PassTask,
  signal?: AbortSignalLike,
): Promise<PassResult> {
  const { memoryBytesMax, asked, outFile } = task
  const tempIn = dirname(outFile)
  const database = await openDatabase({
    threads: 1,
    memoryBytesMax,
    tempIn,
    ...(signal && { signal }),
  })
  try {
    const route = catalog.routes[task.route]!
    const source = catalog.sources[route.source]!
    const { relation } = task
    for (const statement of relation.setUp) await database.run(statement)
    const rows = await planRows(database, relation, source, source.fields)
    const answers = [rowField, ...asked.flatMap(({ columns }) => columns)]
    const isOfTimes = task.spineFile === null
    const fields = isOfTimes ? timeFields : answers
    const table = await database.createTable('answers', fields)
    const result = await answerRows({ catalog, task, database, rows, table })
    const format = copyOptions('parquet', fields.length)
    await database.run(`COPY answers TO ${sqlText(outFile)} ${format}`)
    return result
  } finally {
    await database.close()
  }
}

interface Answering {
  readonly catalog: Catalog
  readonly task: PassTask
  readonly database: Database
  readonly rows: PlannedRows
  readonly table: TableWriter
}

async function answerRows({
  catalog,
  task,
  database,
  rows,
  table,
}: Answering): Promise<PassResult> {
  const { asked } = task
  const route = catalog.routes[task.route]!
  const edges = [...new Set(asked.flatMap(({ edge }) => edge ?? []))]
  const edgeOf = asked.map(({ edge }) => (edge === null ? null : edges.indexOf(edge)))
  const isOfTimes = task.spineFile === null
  const walk = new KeyWalk({
    catalog,
    route,
    views: asked,
    seed: task.seed,
    ...(isOfTimes && { counted: appendTimes(table, task.as) }),
  })
  const rejected = new RejectedRows()
  let answered = 0
  const merged = new MergedRows({
    walk,
    plans: rows.plans,
    joinKeys: route.joinKeys,
    edges: edges.length,
    isWhole: isOfTimes,
    as: task.as,
    rejected: (each, file, row) => rejected.add(each, file, row),
    answer: (spineRow, moment, moments) => {
      answered += 1
      const values: Value[] = [spineRow]
      for (const [n, { view, features }] of asked.entries()) {
        const place = edgeOf[n]!
        const edge = place === null ? moment : (moments[place] ?? beforeAll)
        // What is beyond the range of its type is null, as in a read.
        for (const value of walk.read(view, features, edge).values) values.push(value ?? null)
      }
      table.append(values)
    },
  })
  for await (const chunk of database.stream(mergedSql(rows, route.joinKeys, edges, task))) {
    merged.take(chunk)
  }
  table.close()
  return { rows: answered, rejected: rejected.counts, firstRejected: rejected.first }
}

/** Writes down when rows are that have counted, and since when they are known. */
function appendTimes(table: TableWriter, as: Knowledge): NonNullable<KeyWalkOptions['counted']> {
  return (view, { timeMs, timeNs, spans }, late) => {
    const isLate = new Set(late)
    let i = 0
    for (const { end, arrivalMs } of spans) {
      for (; i < end; i++) {
        if (isLate.has(i)) continue
        const countedNs = nsOf(timeMs[i]!, timeNs[i]!)
        const knownNs = as === 'served' ? nsOf(arrivalMs, 0) : countedNs
        table.append([BigInt(view), knownNs, countedNs])
      }
    }
  }
}

/** The end of the windows before any event. */
const beforeAll: Moment = { ms: -Infinity, ns: 0 }

/** Events and spine rows of a part of the keys: by key and since when known, events first. */
function mergedSql(
  rows: PlannedRows,
  joinKeys: readonly Field[],
  edges: readonly string[],
  { keysFile, spineFile, lastNs, part, parts, as }: PassTask,
): string {
  const { relation, plans, keyOf } = rows
  const known = knownSql({ rows, as })
  const cells = plans.flatMap(({ sql }) => sql)
  const cellNames = cells.map((_, n) => `c${n}`)
  const keyNames = joinKeys.map((_, n) => `k${n}`)
  const facts = ['key_number', 'time_ns', 'spine_row', ...edges, ...keyNames, 'f', 'r']
  const asked = [...cellNames, ...facts]
  const file = sqlName(placeColumns.file)
  const row = sqlName(placeColumns.row)
  return `WITH
    keys AS (
      SELECT * FROM read_parquet(${sqlText(keysFile)}) WHERE key_number % ${parts} = ${part}
    ),
    events AS (
      SELECT ${list(cells.map((sql, n) => `${sql} AS c${n}`))}, ${known} AS time_ns,
        ${list(joinKeys.map((key, n) => `${keyOf(key)} AS k${n}`))}, ${file} AS f, ${row} AS r
      FROM ${relation.placed}
    ),
    merged AS (
      SELECT ${list(cellNames)}, key_number, time_ns, NULL::BIGINT AS spine_row,
        ${list([...edges.map((name) => `NULL::BIGINT AS ${name}`), ...keyNames])}, f, r
      FROM events JOIN keys USING (${list(keyNames)})
      WHERE time_ns IS NULL OR time_ns <= ${lastNs}
      ${
        spineFile === null
          ? ''
          : `UNION ALL
      SELECT ${list(cellNames.map(() => 'NULL'))}, key_number, time_ns, spine_row,
        ${list([...edges, ...keyNames])}, 0, 0
      FROM read_parquet(${sqlText(spineFile)}) JOIN keys USING (key_number)`
      }
    )
    SELECT ${list(asked)} FROM merged
    ORDER BY key_number, time_ns NULLS FIRST, spine_row NULLS FIRST, f, r`
}

function list(parts: readonly string[]): string {
  return parts.join(', ')
}
