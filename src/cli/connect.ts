/**
 * Connects the commands to the daemon, the definitions and the client.
 *
 * Each is loaded when a command needs it: `get` starts without the daemon's native modules.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import type { Certificate } from '../model/certificate.ts'
import type { VerifyOptions } from './verify.ts'
import type { Inspection } from '../stored/inspect.ts'
import type { Rebuilt, RebuildOptions } from '../daemon/rebuild.ts'
import type { Restored } from '../stored/restore.ts'
import type { TrainingManifest } from '../training/manifest.ts'
import type { TrainingSetOptions } from '../training/options.ts'
import type { Loop } from '../load/options.ts'
import type { Catalog } from '../model/catalog.ts'
import type { BackedUp } from './backup.ts'
import type { LoadPlan, StartedLoad } from './load-plan.ts'
import type { Publisher } from './push.ts'
import type { Served, StartOptions } from './serve.ts'
import { fetchJson, type Server } from './server.ts'

export async function startDaemon(options: StartOptions): Promise<Served> {
  const { startMillrace } = await import('../daemon/start.ts')
  return startMillrace(options)
}

/** @param dataDir  Absolute path of a data directory. */
export async function inspectData(dataDir: string, isWhole: boolean): Promise<Inspection> {
  const { inspectDirectory } = await import('../stored/inspect.ts')
  return inspectDirectory(dataDir, isWhole)
}

export async function backUpData(dataDir: string, to: string): Promise<BackedUp> {
  const { backUp } = await import('../stored/backup.ts')
  return backUp(dataDir, to)
}

export async function restoreData(backupDir: string, dataDir: string): Promise<Restored> {
  const { restore } = await import('../stored/restore.ts')
  return restore(backupDir, dataDir)
}

export async function rebuildData(options: RebuildOptions): Promise<readonly Rebuilt[]> {
  const { rebuildShards } = await import('../daemon/rebuild.ts')
  return rebuildShards(options)
}

export async function makeTrainingSet(options: TrainingSetOptions): Promise<TrainingManifest> {
  const { trainingSet } = await import('../training/library.ts')
  return trainingSet(options)
}

export async function verifyData(options: VerifyOptions): Promise<Certificate> {
  const { verifyStopped } = await import('../daemon/verify-stopped.ts')
  return verifyStopped(options)
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
  server: Server,
  { source }: { readonly source: string },
): Promise<Publisher> {
  await fetchSource(server, source)
  const { MillraceClient } = await import('../client/client.ts')
  const { url, apiKey } = server
  return new MillraceClient({ url, ...(apiKey !== null && { apiKey }) })
}

export async function startLoad(plan: LoadPlan): Promise<StartedLoad> {
  const { targetOf } = await import('../load/target.ts')
  const target = targetOf(plan.catalog, plan.source, plan.fixed)
  const { identity } = await fetchSource(plan, target.source)
  if (identity !== target.identity) {
    const reason = `the daemon there has another definition of source "${target.source}"`
    throw new MillraceError('CONFIG_INVALID', { path: '--url', reason })
  }
  const { createWorkload } = await import('../load/workload.ts')
  const { startLoad } = await import('../load/run.ts')
  const { connectTo } = await import('../load/link.ts')
  const { ownUsage } = await import('../load/usage.ts')
  const { systemScheduler } = await import('../base/scheduler.ts')
  const { rate, inFlight, disorder, disorderMs } = plan
  const workload = createWorkload({
    ...plan,
    target,
    disorder: { share: disorder, msMax: disorderMs },
    startMs: systemClock.nowMs(),
  })
  const loop: Loop = rate > 0 ? { kind: 'open', rate } : { kind: 'closed', inFlight }
  const environment = {
    clock: systemClock,
    scheduler: systemScheduler,
    connect: connectTo(plan.url, plan.apiKey),
    usage: ownUsage,
  }
  const load = startLoad({ ...plan, workload, loop }, environment)
  const { source } = target
  const { eventBytes } = workload
  return { source, eventBytes, ended: load.ended, stop: () => load.stop() }
}

/** A source as the daemon at a URL has it. */
async function fetchSource(server: Server, source: string): Promise<{ readonly identity: string }> {
  // The client waits for a daemon that is away; a command had better say so.
  await fetchJson(server, '/readyz')
  // Without an event there would be nothing for the daemon to refuse.
  const { sources } = (await fetchJson(server, '/v1/definitions')) as ServerDefinitions
  const found = sources.find(({ name }) => name === source)
  if (found === undefined) throw new MillraceError('SOURCE_UNKNOWN', { source })
  return found
}

interface ServerDefinitions {
  readonly sources: readonly { readonly name: string; readonly identity: string }[]
}
