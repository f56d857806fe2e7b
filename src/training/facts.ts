/**
 * The facts of a manifest, each from where it is.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { pipeline } from 'node:stream/promises'
import type { Batch, Catalog, RealtimeView, Source } from '../model/catalog.ts'
import { sqlText, type Database } from '../duckdb/database.ts'
import type { Readable } from '../serve/services.ts'
import type { FileFacts, Knowledge, ReceivedFacts, SourceFacts } from './manifest.ts'

export async function fileFacts(file: string, name: string): Promise<FileFacts> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return { file: name, bytes: (await stat(file)).size, sha256: hash.digest('hex') }
}

/** The hash of what a service means. */
export function definitionsHash(catalog: Catalog, service: Readable, as: Knowledge): string {
  const views = service.parts.map(({ view }) => view)
  const sources = [...new Set(views.map(({ source }) => catalog.sources[source]!))]
  const text = JSON.stringify({
    features: service.features.map(({ name }) => name),
    realtime: service.realtime.map(({ view }) => canonicalRealtime(view)),
    views: service.parts.map(({ view, features }) => [view.identity, features]),
    sources: sources.map(({ identity, batch }) =>
      as === 'served' ? [identity] : [identity, canonicalBatch(batch!)],
    ),
  })
  return createHash('sha256').update(text).digest('hex')
}

function canonicalRealtime({ name, features, transform }: RealtimeView): unknown {
  return [name, features, Function.prototype.toString.call(transform)]
}

/** Where the past is may change; how it is read may not. */
function canonicalBatch({ from, query, input }: Batch): unknown {
  const postProcessor =
    input === undefined ? query : Function.prototype.toString.call(input.postProcessor)
  return [from.kind, from.kind === 'query' ? from.sql : from.hivePartitions, postProcessor]
}

/** What a source's past is read from. */
export async function batchFacts(
  database: Database,
  source: Source,
): Promise<Exclude<SourceFacts['from'], ReceivedFacts>> {
  const { from } = source.batch!
  if (from.kind === 'query') return from.sql
  const files = await batchFiles(database, source)
  return Promise.all(files.map(async (file) => ({ file, bytes: (await stat(file)).size })))
}

/** The files of a source's past, by name; none of a query, which alone knows what it reads. */
export async function batchFiles(
  database: Database,
  { batch }: Source,
): Promise<readonly string[]> {
  if (batch === undefined || batch.from.kind === 'query') return []
  const globs = batch.from.files.map((glob) => `SELECT file FROM glob(${sqlText(glob)})`)
  const rows = await database.rows(globs.join(' UNION '))
  return rows.map(([file]) => String(file)).toSorted()
}

export function codeVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('millrace/package.json')
  return (manifest as { version: string }).version
}
