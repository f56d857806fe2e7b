/**
 * Connects the commands to the daemon, the definitions and the client.
 *
 * Each is loaded when a command needs it: `get` starts without the daemon's native modules.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MillraceError } from '../base/errors.ts'
import type { Catalog } from '../model/catalog.ts'
import type { Definitions } from './banner.ts'
import type { Publisher } from './push.ts'
import type { Served, StartOptions } from './serve.ts'
import { fetchJson } from './server.ts'

export async function startDaemon(options: StartOptions): Promise<Served> {
  const { startMillrace } = await import('../daemon/start.ts')
  return startMillrace(options)
}

/** @param file  Absolute path of a features file. */
export async function loadCatalog(file: string): Promise<Catalog> {
  const { compileFeatures, importFeatures } = await import('../define/load.ts')
  const { buildCatalog } = await import('../define/catalog.ts')
  const outDir = await mkdtemp(join(tmpdir(), 'millrace-check-'))
  try {
    return buildCatalog(await importFeatures(await compileFeatures(file, outDir)))
  } finally {
    await rm(outDir, { recursive: true })
  }
}

export async function connectPublisher(
  url: string,
  { source }: { readonly source: string },
): Promise<Publisher> {
  // The client waits for a daemon that is away; a command had better say so.
  await fetchJson(url, '/readyz')
  // Without an event there would be nothing for the daemon to refuse.
  const { sources } = (await fetchJson(url, '/v1/definitions')) as Definitions
  if (!sources.some(({ name }) => name === source)) {
    throw new MillraceError('SOURCE_UNKNOWN', { source })
  }
  const { MillraceClient } = await import('../client/client.ts')
  return new MillraceClient({ url })
}
