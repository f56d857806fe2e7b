/**
 * The batch source of a push source, checked and resolved. Whether there are such files, and have
 * the columns, is found out when they are read.
 */
import type { Batch, BatchFrom, PostProcessor, SourceInput } from '../model/catalog.ts'
import { batchFilesOptions, batchQueryOptions, type BatchSource } from './batch.ts'
import { resolveFields } from './fields.ts'
import { shown } from './names.ts'
import { checkOptions } from './options.ts'
import { plainFunctionProblem } from './plain-function.ts'
import type { Problems } from './problems.ts'
import { objectSchemaOf } from './schema.ts'

/** Null without one; what cannot be used is among the problems. */
export function resolveBatch(
  batch: BatchSource | undefined,
  path: string,
  problems: Problems,
  source: object,
): Batch | null {
  if (batch === undefined) return null
  if ((batch as { kind?: unknown } | null)?.kind !== 'millrace.batchSource') {
    const reason = `${shown(batch)} is not made with parquet, csv, ndjson or duckdb`
    problems.add(path, reason, source)
    return null
  }
  const from = resolveFrom(batch, path, problems)
  const { postProcessor, inputSchema } = batch
  if (typeof postProcessor === 'string') {
    const query = queryOf(postProcessor, `${path}.postProcessor`, problems, batch)
    if (inputSchema !== undefined) {
      problems.add(`${path}.inputSchema`, 'a query says itself which columns it reads', batch)
    }
    return from === null || query === null ? null : { from, query }
  }
  const input = resolveInput(batch, path, problems)
  return from === null ? null : { from, query: null, ...(input !== null && { input }) }
}

function resolveFrom(batch: BatchSource, path: string, problems: Problems): BatchFrom | null {
  const { format, files, hivePartitions = false } = batch
  if (format === 'sql') {
    const checked = { of: 'duckdb', known: batchQueryOptions, own: ['format', 'sql'], path }
    checkOptions(batch, checked, problems, batch)
    const sql = queryOf(batch.sql, path, problems, batch)
    return sql === null ? null : { kind: 'query', sql }
  }
  const checked = { of: format, known: batchFilesOptions, own: ['format', 'files'], path }
  checkOptions(batch, checked, problems, batch)
  if (typeof hivePartitions !== 'boolean') {
    problems.add(`${path}.hivePartitions`, `${shown(hivePartitions)} is not a boolean`, batch)
  }
  const paths: readonly unknown[] = Array.isArray(files) ? files : [files]
  if (paths.length > 0 && paths.every((each) => typeof each === 'string' && each !== '')) {
    return { kind: format, files: paths as readonly string[], hivePartitions }
  }
  problems.add(path, `${shown(files)} is not a path, a glob or a list of them`, batch)
  return null
}

/** A query without the semicolon at its end: it stands in another one. */
function queryOf(
  sql: unknown,
  path: string,
  problems: Problems,
  batch: BatchSource,
): string | null {
  const text = typeof sql === 'string' ? sql.trim().replace(/;$/, '') : ''
  if (text !== '') return text
  problems.add(path, `${shown(sql)} is not a query`, batch)
  return null
}

function resolveInput(batch: BatchSource, path: string, problems: Problems): SourceInput | null {
  const { inputSchema, postProcessor } = batch
  if (inputSchema === undefined && postProcessor === undefined) return null
  if (inputSchema === undefined) {
    const missing = 'a postProcessor that is a function needs one: the columns that are read'
    problems.add(`${path}.inputSchema`, missing, batch)
    return null
  }
  const fields = resolveFields(inputSchema, `${path}.inputSchema`, problems, batch)
  const reason =
    postProcessor === undefined
      ? 'an inputSchema needs one: a function from what is read to a row of the schema'
      : plainFunctionProblem(postProcessor, 'a row of the schema')
  if (reason === null) {
    const schema = objectSchemaOf(fields, 'closed')
    return { fields, schema, postProcessor: postProcessor as unknown as PostProcessor }
  }
  problems.add(`${path}.postProcessor`, reason, batch)
  return null
}
