/**
 * The daemon: connects the stages, brings the store back to where it was, and opens the doors.
 *
 * `startMillrace` reads as the life of the process: definitions, directory, journal, lanes,
 * recovery, doors. What fails before the doors open fails the start; what fails after is fatal,
 * because what was not acknowledged is unknown then: the daemon cuts its connections and says so
 * in `closed`, and the next start finds out.
 */
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { assert } from '../base/assert.ts'
import { systemClock } from '../base/clock.ts'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { buildCatalog } from '../define/catalog.ts'
import { compileFeatures, importFeatures } from '../define/load.ts'
import { openJournal, type Journal } from '../journal/journal.ts'
import type { Catalog } from '../model/catalog.ts'
import type { LaneStart, ReadQuery, ReadResult } from '../model/message.ts'
import { openDirectory, type DataDirectory } from '../persist/directory.ts'
import { openLanes, type Lane, type Lanes } from '../route/lanes.ts'
import { createRouter } from '../route/router.ts'
import type { Readiness } from '../serve/http.ts'
import { createReader } from '../serve/reader.ts'
import { createEventValidator, createKeyResolver } from '../validate/key-resolver.ts'
import { Checkpoints } from './checkpoints.ts'
import { settleDefinitions, type Settled } from './definitions.ts'
import { openDoors } from './doors.ts'
import { Intake } from './intake.ts'
import { Millrace } from './millrace.ts'
import { resolveOptions, type MillraceOptions, type ResolvedOptions } from './options.ts'
import { recover } from './recovery.ts'
import { Watermarks } from './watermarks.ts'

const workerUrl = new URL(`../../workers/shard${extname(import.meta.url)}`, import.meta.url)

/** The definitions in the forms that the main thread and the shard threads take. */
interface Loaded {
  readonly catalog: Catalog
  readonly definitionsUrl: string | null
  readonly definitions: readonly unknown[] | null
}

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
  const opened: Opened = { directory, journal: null, lanes: null }
  try {
    return await start(options, resolved, opened)
  } catch (thrown) {
    await opened.lanes?.close().catch(() => {})
    await opened.journal?.close().catch(() => {})
    await directory.release()
    throw thrown
  }
}

/** What has to be closed again when the start fails. */
interface Opened {
  readonly directory: DataDirectory
  journal: Journal | null
  lanes: Lanes | null
}

async function start(
  options: MillraceOptions,
  resolved: ResolvedOptions,
  opened: Opened,
): Promise<Millrace> {
  const { directory } = opened
  const clock = options.clock ?? systemClock
  const log = options.log ?? pino({ level: 'silent' })
  const loaded = await loadDefinitions(resolved.features, directory)
  const { catalog } = loaded
  const settled = settleDefinitions(catalog, directory.manifest, resolved.shards)
  await directory.writeManifest(settled.manifest)
  if (settled.added.length > 0) log.info({ views: settled.added }, 'new views count from now on')

  const millrace = new Millrace(log)
  const onFailure = (error: MillraceError): void => millrace.fail(error)
  const journal = await openJournal({
    dir: directory.journalPath,
    clock,
    sources: catalog.sources.map((source) => source.name),
    onFailure,
  })
  opened.journal = journal
  const starts = laneStarts(resolved, loaded, settled, directory)
  opened.lanes = openLanes({ starts, workerUrl, onFailure })
  const { lanes } = opened.lanes
  const shards = (await Promise.all(lanes.map((lane) => lane.opened))).flat()

  const { shards: shardCount, seed } = settled.manifest
  const watermarks = new Watermarks(catalog.views.length, shards)
  for (const lane of lanes) lane.onMessage((message) => watermarks.receive(message))
  const router = createRouter({
    catalog,
    shards: shardCount,
    seed,
    resolveKey: createKeyResolver(catalog),
    validateOnly: createEventValidator(catalog),
    lanes,
  })
  const intake = new Intake({ catalog, journal, router, onFull: (full) => millrace.pause(full) })
  const checkpoints = new Checkpoints({
    journal,
    router,
    lanes,
    shards,
    clock,
    intervalMs: resolved.checkpointMs,
    journalBytes: resolved.checkpointBytes,
    retainBytesMax: resolved.retainBytesMax,
    retainMsMax: resolved.retainMsMax,
    onFailure: (thrown) => millrace.fail(failureOf(thrown)),
  })
  const recovery = await recover({ journal, shards, intake, router })
  millrace.throwIfFailed()
  log.info(recovery, 'recovered')

  const read = createReader({
    catalog,
    shards: shardCount,
    seed,
    readShards: shardReader(lanes, shardCount),
    nowMs: () => clock.nowMs(),
    watermarkOf: (view) => watermarks.of(view),
  })
  const status = (): object => ({
    recovery,
    journal: { start: journal.start, end: journal.end, flushed: journal.flushed },
    checkpoint: { position: checkpoints.position, lanes: checkpoints.stats },
    routed: router.counters,
    unacknowledgedBytes: intake.bytes,
  })
  const ports = { ingest: intake, read }
  const { host, port } = resolved
  const readiness = (): Readiness => millrace.readiness()
  const doors = await openDoors({ catalog, ports, status, readiness, clock, log, host, port })
  millrace.open({ doors, router, journal, checkpoints, directory, lanes: opened.lanes })
  return millrace
}

async function loadDefinitions(
  features: MillraceOptions['features'],
  directory: DataDirectory,
): Promise<Loaded> {
  if (typeof features !== 'string' && !(features instanceof URL)) {
    const catalog = buildCatalog(features)
    const withTransform = catalog.views.find((view) => view.transform !== null)
    if (withTransform !== undefined) {
      throw new MillraceError('DEFINITION_INVALID', {
        path: withTransform.name,
        reason: 'a view with a transform must be started from a file',
      })
    }
    return { catalog, definitionsUrl: null, definitions: plainDefinitions(features) }
  }
  const file = features instanceof URL ? fileURLToPath(features) : features
  const definitionsUrl = await compileFeatures(file, directory.definitionsPath)
  const catalog = buildCatalog(await importFeatures(definitionsUrl))
  return { catalog, definitionsUrl, definitions: null }
}

/** The definitions without their methods, which cannot be sent to another thread. */
function plainDefinitions(definitions: readonly unknown[]): readonly unknown[] {
  return definitions.map((definition) => withoutFunctions(definition))
}

function withoutFunctions(value: unknown): unknown {
  if (typeof value === 'function') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(withoutFunctions)
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, withoutFunctions(part)]),
  )
}

/** Shards are dealt out to the lanes in turn. */
function laneStarts(
  resolved: ResolvedOptions,
  { definitionsUrl, definitions }: Loaded,
  { manifest, viewIds }: Settled,
  directory: DataDirectory,
): LaneStart[] {
  const threads = Math.min(resolved.threads, manifest.shards)
  return Array.from({ length: threads }, (_, lane) => ({
    lane,
    shards: Array.from({ length: manifest.shards }, (_, shard) => shard).filter(
      (shard) => shard % threads === lane,
    ),
    definitionsUrl,
    definitions,
    storePath: directory.shardsPath,
    viewIds,
    stateBytesMax: resolved.stateBytesMax / threads,
  }))
}

/** Asks each shard's lane, and puts the answers in the order of the queries. */
function shardReader(lanes: readonly Lane[], shards: number) {
  const laneOf: Lane[] = []
  for (const lane of lanes) for (const shard of lane.shards) laneOf[shard] = lane
  assert(laneOf.length === shards, 'each shard has one lane')
  return async (queries: readonly ReadQuery[]): Promise<readonly ReadResult[]> => {
    const results: ReadResult[] = []
    await Promise.all(
      lanes.map(async (lane) => {
        const places = queries.flatMap(({ shard }, place) =>
          laneOf[shard] === lane ? [place] : [],
        )
        if (places.length === 0) return
        const answers = await lane.read(places.map((place) => queries[place]!))
        for (const [n, place] of places.entries()) results[place] = answers[n]!
      }),
    )
    return results
  }
}

function failureOf(thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError) return thrown
  return new MillraceError('INTERNAL', { reason: reasonOf(thrown) }, { cause: thrown })
}
