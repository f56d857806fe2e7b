/**
 * What is in an offline log, as anybody sees it who reads its files with DuckDB.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance, type Json } from '@duckdb/node-api'

/** Paths of the visible files of a log, relative to it, in their order; empty without one. */
export async function offlinePaths(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir, { recursive: true }).catch(() => [])
  return names.filter((name) => name.endsWith('.parquet')).toSorted()
}

/** Runs a query over a log, `log` in it, the folders' names as columns. */
export async function queryOffline(
  dir: string,
  sql: string,
): Promise<readonly Readonly<Record<string, Json>>[]> {
  const paths = await offlinePaths(dir)
  if (paths.length === 0) return []
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  try {
    const files = paths.map((path) => `'${join(dir, path)}'`).join(', ')
    const options = 'hive_partitioning = true, hive_types_autocast = false, union_by_name = true'
    await connection.run(`CREATE VIEW log AS SELECT * FROM read_parquet([${files}], ${options})`)
    const answer = await connection.runAndReadAll(sql)
    return answer.getRowObjectsJson()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
