/**
 * A batch source as it is defined → its rows as SQL, once it is known that they can be read without
 * a value that changes or is lost.
 *
 * In: files or a query. All files are looked at before anything is read: whether they have the
 * columns, of the same types, and which of their lines are no rows.
 */
import type { Batch, BatchFrom, Source } from '../model/catalog.ts'
import type { Field } from '../model/types.ts'
import { sqlName, sqlText, type Database } from '../duckdb/database.ts'
import type { BrokenRow, CheckedRows } from './broken-rows.ts'
import { csvReason, readHeaders } from './csv-header.ts'
import { checkCsvRows } from './csv-rows.ts'
import { BatchFiles, folderColumns, sqlFiles } from './files.ts'
import { checkNdjsonRows, sampledNames } from './ndjson-rows.ts'
import { checkParquet, parquetRows } from './parquet-files.ts'
import { Places } from './places.ts'
import {
  csvFormat,
  csvRelation,
  hiveSql,
  ndjson,
  ndjsonRelation,
  parquetRelation,
  parquetSql,
  queryRelation,
  type Relation,
  type WantedColumns,
} from './relation.ts'

export interface FoundRows {
  readonly relation: Relation
  /** Null where the source is a query. */
  readonly files: BatchFiles | null
  readonly places: Places
  /** Rows that are none, which the relation does not have. */
  readonly broken: readonly BrokenRow[]
}

type FilesFrom = Exclude<BatchFrom, { kind: 'query' }>

/**
 * @param fields  The columns that are wanted.
 * @throws {@link MillraceError} `BATCH_FILE` and `BATCH_COLUMNS`, each with the first wrong file.
 */
export async function findRows(
  database: Database,
  { name }: Source,
  { from, query }: Batch,
  fields: readonly Field[],
): Promise<FoundRows> {
  const places = new Places([])
  if (from.kind === 'query') {
    return { relation: queryRelation([], from.sql), files: null, places, broken: [] }
  }
  const files = await BatchFiles.find(database, name, from.files)
  if (query !== null) {
    const view = `CREATE VIEW batch AS SELECT * FROM ${await typedSql(database, files, from)}`
    return { relation: queryRelation([view], query), files, places, broken: [] }
  }
  switch (from.kind) {
    case 'parquet':
      return findParquet(database, files, { fields, hivePartitions: from.hivePartitions })
    case 'csv':
      return findCsv(database, files, wantedColumns(files, from, fields))
    case 'ndjson':
      return findNdjson(database, files, { fields, columns: wantedColumns(files, from, fields) })
  }
}

function wantedColumns(
  files: BatchFiles,
  { hivePartitions }: FilesFrom,
  fields: readonly Field[],
): WantedColumns {
  const folders = folderColumns(files, hivePartitions).map((name) => name.toLowerCase())
  const isOfFolder = ({ name }: Field): boolean => folders.includes(name.toLowerCase())
  return {
    ofLines: fields.filter((field) => !isOfFolder(field)),
    ofFolders: fields.filter(isOfFolder).map(({ name }) => name),
  }
}

async function findParquet(
  database: Database,
  files: BatchFiles,
  { fields, hivePartitions }: { fields: readonly Field[]; hivePartitions: boolean },
): Promise<FoundRows> {
  const { names } = files
  folderColumns(files, hivePartitions)
  const wanted = fields.map(({ name }) => name)
  await checkParquet(database, files, { hivePartitions, wanted })
  const relation = parquetRelation(names, hivePartitions)
  const counts = hivePartitions ? await parquetRows(database, files) : null
  const firsts = counts === null ? names.map(() => 1) : firstsOf(counts)
  return { relation, files, places: placesOf(names, firsts, []), broken: [] }
}

async function findCsv(
  database: Database,
  files: BatchFiles,
  columns: WantedColumns,
): Promise<FoundRows> {
  const wanted = columns.ofLines.map(({ name }) => name)
  const runs = await readHeaders(database, files, wanted)
  const { broken, counts } = await checkCsvRows(database, files, runs)
  const relation = csvRelation(runs, columns)
  const firsts = runs.flatMap(({ first, names }) =>
    firstsOf(counts.slice(first, first + names.length)),
  )
  return { relation, files, places: placesOf(files.names, firsts, broken), broken }
}

async function findNdjson(
  database: Database,
  files: BatchFiles,
  { fields, columns }: { fields: readonly Field[]; columns: WantedColumns },
): Promise<FoundRows> {
  const { names } = files
  const { broken, counts }: CheckedRows = await checkNdjsonRows(database, files)
  const sampled = await sampledNames(database, files)
  const isThere = (name: string): boolean =>
    sampled === null || sampled.has(name) || columns.ofFolders.includes(name)
  const missing = fields.filter(({ name, type }) => !type.nullable && !isThere(name))
  if (missing.length > 0) {
    throw files.columnsError(missing.map(({ name }) => `there is no column "${name}"`))
  }
  const firsts = firstsOf(counts)
  const numbers = broken.map(({ file, row }) => firsts[file]! + row - 1)
  const relation = ndjsonRelation(names, columns, numbers)
  // Rows that are broken are numbered, too.
  return { relation, files, places: placesOf(names, firsts, []), broken }
}

function placesOf(
  names: readonly string[],
  firsts: readonly number[],
  broken: readonly BrokenRow[],
): Places {
  const skipped: number[][] = names.map(() => [])
  for (const { file, row } of broken) skipped[file]!.push(row)
  return new Places(names.map((name, n) => ({ name, first: firsts[n]!, skipped: skipped[n]! })))
}

/** Numbers of the first row of each file, where rows are numbered over all of them. */
function firstsOf(counts: readonly number[]): readonly number[] {
  let next = 1
  return counts.map((count) => {
    const first = next
    next += count
    return first
  })
}

/**
 * Rows of files for a query that somebody has written, of the types that DuckDB finds in all of
 * them. A row that does not fit them is an error: who knows what the query would make of it.
 */
async function typedSql(
  database: Database,
  files: BatchFiles,
  { kind, hivePartitions }: FilesFrom,
): Promise<string> {
  const list = sqlFiles(files.names)
  const hive = hiveSql(hivePartitions)
  const folders = folderColumns(files, hivePartitions)
  const found = async (sql: (list: string) => string): Promise<string> => {
    const columns = await files.ask(
      files.names,
      (some) => database.columnsOf(`SELECT * FROM ${sql(some)}`),
      csvReason,
    )
    const own = columns.filter(({ name }) => !folders.includes(name))
    return own.map(({ name, type }) => `${sqlName(name)}: ${sqlText(type.text)}`).join(', ')
  }
  switch (kind) {
    case 'parquet':
      await checkParquet(database, files, { hivePartitions, wanted: null })
      return parquetSql(list, hivePartitions)
    case 'csv': {
      const [first] = await readHeaders(database, files, [])
      const runs = await readHeaders(database, files, first!.header)
      assertAllRows(files, await checkCsvRows(database, files, runs))
      const format = `header = true, ${csvFormat}${hive}`
      const types = await found((some) => `read_csv(${some}, sample_size = -1, ${format})`)
      return `read_csv(${list}, types = {${types}}, ${format})`
    }
    case 'ndjson': {
      assertAllRows(files, await checkNdjsonRows(database, files))
      const all = `sample_size = -1, maximum_sample_files = ${files.names.length}`
      const types = await found((some) => `read_json(${some}, ${ndjson}, ${all}${hive})`)
      return `read_json(${list}, ${ndjson}, columns = {${types}}${hive})`
    }
  }
}

function assertAllRows(files: BatchFiles, { broken: [first] }: CheckedRows): void {
  if (first === undefined) return
  throw files.error(files.names[first.file]!, `row ${first.row} is none: ${first.reason}`)
}
