/**
 * The daemon: connects the stages, brings the store back to where it was, and opens the doors.
 *
 * `startMillrace` reads as the life of the process: definitions, directory, journal, lanes,
 * recovery, doors. What fails before the doors open fails the start; what fails after is fatal,
 * because what was not acknowledged is unknown then: the daemon cuts its connections and says so
 * in `closed`, and the next start finds out.
 */
import { extname } from 'node:path'
import { pino } from 'pino'
import { neverBack, systemClock } from '../base/clock.ts'
import { openJournal, type Journal } from '../journal/journal.ts'
import { openDirectory, type DataDirectory } from '../persist/directory.ts'
import { openLanes, type Lanes } from '../route/lanes.ts'
import { createRouter, type Router } from '../route/router.ts'
import { createReader } from '../serve/reader.ts'
import { createEventValidator, createKeyResolver } from '../validate/key-resolver.ts'
import { Checkpoints } from './checkpoints.ts'
import { manifestBefore, settleDefinitions, type Settled } from './definitions.ts'
import { openDoors } from './doors.ts'
import { Intake } from './intake.ts'
import { loadDefinitions } from './load.ts'
import { Millrace } from './millrace.ts'
import { resolveOptions, type MillraceOptions, type ResolvedOptions } from './options.ts'
import { recover, type Recovery } from './recovery.ts'
import { laneStarts, shardReader } from './shards.ts'
import { Watermarks } from './watermarks.ts'

const workerUrl = new URL(`../../workers/shard${extname(import.meta.url)}`, import.meta.url)

/**
 * Starts a daemon: recovers what its data directory holds, then listens.
 *
 * @throws {@link MillraceError} `DEFINITION_LOAD`, `DEFINITION_INVALID`, `DEFINITION_CHANGED`,
 *   `STORE_LOCKED`, `STORE_FORMAT`, `STORE_CORRUPT`, `JOURNAL_CORRUPT`; errors of the system, such
 *   as a port in use, as they are.
 */
export async function startMillrace(options: MillraceOptions): Promise<Millrace> {
  const resolved = await resolveOptions(options)
  const directory = await openDirectory(resolved.dataDir)
  const opened: Opened = {
    directory,
    settled: null,
    journal: null,
    lanes: null,
    checkpoints: null,
  }
  try {
    return await start(options, resolved, opened)
  } catch (thrown) {
    opened.checkpoints?.stop()
    await opened.lanes?.close().catch(() => {})
    await opened.journal?.close().catch(() => {})
    const before = manifestBefore(directory.manifest, opened.settled)
    if (before !== null) await directory.writeManifest(before).catch(() => {})
    await directory.release()
    throw thrown
  }
}

/** What has to be closed again when the start fails. */
interface Opened {
  readonly directory: DataDirectory
  settled: Settled | null
  journal: Journal | null
  lanes: Lanes | null
  checkpoints: Checkpoints | null
}

async function start(
  options: MillraceOptions,
  resolved: ResolvedOptions,
  opened: Opened,
): Promise<Millrace> {
  const { directory } = opened
  const clock = neverBack(options.clock ?? systemClock)
  const log = options.log ?? pino({ level: 'silent' })
  const loaded = await loadDefinitions(resolved.features, directory.definitionsPath)
  const { catalog } = loaded
  const millrace = new Millrace(log)
  const onFailure = (thrown: unknown): void => millrace.fail(thrown)
  const sources = catalog.sources.map((source) => source.name)
  const dir = directory.journalPath
  const journal = await openJournal({ dir, clock, sources, onFailure })
  opened.journal = journal
  const settled = settleDefinitions(catalog, directory.manifest, {
    shards: resolved.shards,
    journalEnd: journal.recovered.end,
    dropMissing: options.dropMissing ?? false,
  })
  await directory.writeManifest(settled.manifest)
  opened.settled = settled
  const { added, dropped } = settled
  if (added.length + dropped.length > 0) log.info({ added, dropped }, 'definitions have changed')
  const { shards: shardCount, seed } = settled.manifest
  const starts = laneStarts(shardCount, resolved.threads, resolved.stateBytesMax, {
    definitionsUrl: loaded.definitionsUrl,
    definitions: loaded.definitions,
    storePath: directory.shardsPath,
    viewIds: settled.viewIds,
    viewsSince: settled.viewsSince,
  })
  opened.lanes = openLanes({ starts, workerUrl, onFailure })
  const { lanes } = opened.lanes
  const shards = (await Promise.all(lanes.map((lane) => lane.opened))).flat()

  const watermarks = new Watermarks(catalog.views.length, shards)
  for (const lane of lanes) lane.onMessage((message) => watermarks.receive(message))
  const keys = {
    resolveKey: createKeyResolver(catalog),
    validateOnly: createEventValidator(catalog),
  }
  const router = createRouter({ catalog, shards: shardCount, seed, lanes, ...keys })
  const onFull = (full: boolean): void => millrace.pause(full)
  const intake = new Intake({ catalog, journal, router, onFull, onFailure })
  const parts = { journal, router, lanes, shards, clock, onFailure }
  const checkpoints = new Checkpoints({ ...resolved, ...parts })
  opened.checkpoints = checkpoints
  const recovery = await millrace.unlessFailed(recover({ journal, shards, intake, router }))
  log.info(recovery, 'recovered')

  const readShards = shardReader(lanes, shardCount)
  // The clock may have been set back since the journal was written; arrival times were not.
  const nowMs = (): number => Math.max(clock.nowMs(), journal.arrivalMs)
  const watermarkOf = (view: number) => watermarks.of(view)
  const read = createReader({ catalog, shards: shardCount, seed, readShards, nowMs, watermarkOf })
  const doors = await openDoors({
    catalog,
    ports: { ingest: intake, read },
    status: () => statusOf(recovery, journal, checkpoints, router, intake),
    readiness: () => millrace.readiness(),
    clock,
    log,
    host: resolved.host,
    port: resolved.port,
  })
  millrace.open({ doors, router, journal, checkpoints, directory, lanes: opened.lanes })
  return millrace
}

/** What `GET /v1/status` answers. */
function statusOf(
  recovery: Recovery,
  journal: Journal,
  checkpoints: Checkpoints,
  router: Router,
  intake: Intake,
): object {
  return {
    recovery,
    journal: { start: journal.start, end: journal.end, flushed: journal.flushed },
    checkpoint: { position: checkpoints.position, lanes: checkpoints.stats },
    routed: router.counters,
    unacknowledgedBytes: intake.bytes,
  }
}
