/**
 * The daemon: connects the stages, brings the store back to where it was, and opens the doors.
 *
 * `startMillrace` reads as the life of the process: definitions, directory, journal, lanes,
 * recovery, doors. What fails until the doors are open fails the start, which closes everything
 * again; what fails after is fatal, because what was not acknowledged is unknown then: the daemon
 * cuts its connections and says so in `closed`, and the next start finds out.
 */
import { extname } from 'node:path'
import { keysPath } from '../access/key-files.ts'
import { openKeyRing, type KeyRing } from '../access/key-ring.ts'
import { systemClock, type Clock } from '../base/clock.ts'
import { assert } from '../base/assert.ts'
import { MillraceError } from '../base/errors.ts'
import { GuardedClock } from '../base/guarded-clock.ts'
import { ledgerPageEntriesMax } from '../base/limits.ts'
import { openJournal, type Journal } from '../journal/journal.ts'
import { openLedger, type Ledger, type LedgerOptions } from '../ledger/ledger.ts'
import type { Catalog } from '../model/catalog.ts'
import type { ReadPort, RealtimeRunner } from '../model/contracts.ts'
import type { LedgerEntry, LedgerPort } from '../model/ledger.ts'
import type { Recorded, ShardOpened } from '../model/message.ts'
import { openDirectory, type DataDirectory } from '../persist/directory.ts'
import type { Manifest } from '../persist/manifest.ts'
import { openRealtimePool, type RealtimePool } from '../realtime/pool.ts'
import { openLanes, type Lane, type Lanes, type LanesOptions } from '../route/lanes.ts'
import { createRouter, type Router, type RouterOptions } from '../route/router.ts'
import { createReader } from '../serve/reader.ts'
import { storedFormats } from '../stored/formats.ts'
import { assertShardsWhole } from '../stored/short-shards.ts'
import { createEventValidator, createKeyResolver } from '../validate/key-resolver.ts'
import { Checkpoints } from './checkpoints.ts'
import { Checks } from './checks.ts'
import {
  manifestBefore,
  settleDefinitions,
  type Settled,
  type SettleOptions,
} from './definitions.ts'
import { DiskGuard } from './disk-guard.ts'
import type { Doors, openDoors } from './doors.ts'
import { openHealth, type Health } from './health.ts'
import { Intake } from './intake.ts'
import { LedgerReplay } from './ledger-replay.ts'
import { settleListening, type Listening } from './listening.ts'
import { loadDefinitions, type Loaded } from './load.ts'
import { createMaintenance } from './maintenance.ts'
import { Millrace } from './millrace.ts'
import {
  assertShards,
  resolveOptions,
  type MillraceLog,
  type MillraceOptions,
  type ResolvedOptions,
} from './options.ts'
import { KeyedRequests } from './keyed-requests.ts'
import { Push } from './push.ts'
import { openOfflineLog, type OfflineLog, type OfflineLogOptions } from './offline-log.ts'
import { Quarantine } from './quarantine.ts'
import { Rebuilds, type RebuildsOptions } from './rebuilds.ts'
import { openRecording, type Recording } from './recording.ts'
import { recover, type Recovery } from './recovery.ts'
import { laneStarts, shardReader } from './shards.ts'
import { Watermarks } from './watermarks.ts'

const workerUrl = new URL(`../../workers/shard${extname(import.meta.url)}`, import.meta.url)
const realtimeUrl = new URL(`../../workers/realtime${extname(import.meta.url)}`, import.meta.url)

const silent: MillraceLog = { info: () => {}, error: () => {} }

/** Starts a daemon; see `embed.ts`. */
export async function startMillrace(options: MillraceOptions): Promise<Millrace> {
  const resolved = await resolveOptions(options)
  const entry = await settleEntry(resolved, options)
  const directory = await openDirectory(resolved.dataDir, storedFormats)
  const opened: Opened = {
    directory,
    settled: null,
    journal: null,
    lanes: null,
    realtime: null,
    checkpoints: null,
    ledger: null,
    recording: null,
    offline: null,
    health: null,
    doors: null,
  }
  try {
    assertShards(options, directory.manifest)
    return await start(options, { ...resolved, entry }, opened)
  } catch (thrown) {
    // Doors that are still opening are waited for: nothing may listen after a start has failed.
    const wereOpen = await opened.doors
      ?.then((doors) => doors.close())
      .then(
        () => true,
        () => false,
      )
    opened.health?.stop()
    opened.checkpoints?.stop()
    opened.recording?.stop()
    await opened.realtime?.close().catch(() => {})
    await opened.offline?.stop()
    await opened.lanes?.close().catch(() => {})
    await opened.journal?.close().catch(() => {})
    await opened.ledger?.close().catch(() => {})
    // Events that came in through the doors have been acknowledged by the definitions of now.
    const before = wereOpen === true ? null : manifestBefore(directory.manifest, opened.settled)
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
  realtime: RealtimePool | null
  checkpoints: Checkpoints | null
  ledger: Ledger | null
  recording: Recording | null
  offline: OfflineLog | null
  health: Health | null
  doors: Promise<Doors> | null
}

/** Where the daemon will listen, and who is let in there. */
interface Entry {
  readonly listening: Listening
  readonly access: KeyRing
}

async function settleEntry(
  resolved: ResolvedOptions,
  { clock = systemClock, log = silent, insecure = false }: MillraceOptions,
): Promise<Entry> {
  const access = await openKeyRing({ dir: keysPath(resolved.dataDir), clock, log })
  const listening = await settleListening(resolved, access.isAsking || insecure)
  const isFarAndPlain = listening.admission.hostNames === null && listening.tls === null
  if (access.isAsking && isFarAndPlain) {
    log.info({}, 'there is no TLS: API keys can be read on their way')
  }
  return { listening, access }
}

async function start(
  options: MillraceOptions,
  resolved: ResolvedOptions & { readonly entry: Entry },
  opened: Opened,
): Promise<Millrace> {
  const { directory } = opened
  const clock = new GuardedClock(options.clock ?? systemClock)
  const log = options.log ?? silent
  const loaded = await loadDefinitions(resolved.features, directory.definitionsPath)
  const { catalog } = loaded
  const sources = catalog.sources.map((source) => source.name)
  const millrace = new Millrace(log)
  const onFailure = (thrown: unknown): void => millrace.fail(thrown)
  const logOptions = { ...resolved, clock, sources, onFailure }
  const journal = await openJournal({ ...logOptions, dir: directory.journalPath })
  opened.journal = journal
  clock.resume(journal.recovered.newestMs)
  const { dropMissing = false } = options
  const settling = { shards: resolved.shards, journalEnd: journal.recovered.end, dropMissing }
  const settled = await settle(catalog, settling, opened)
  logChanges(log, settled)
  const { seed, incarnation } = settled.manifest
  const openDoors = loadDoors()
  const recorded = (): Recorded => opened.recording!.recorded
  const routing = { shards: settled.manifest.shards, seed, recorded, ...keysOf(catalog) }
  const running = { journal, catalog, routing, clock, log, onFailure }
  const [lanes, shards, rebuilds] = await openShards({ ...running, resolved, loaded, opened })
  const aging = { ...resolved, clock: clock.certain }
  const records = { ...aging, loaded, journal, log, onFailure }
  const { ledger, offline } = await openRecords(records, opened)
  const runRealtime = await openRealtime(loaded, opened)
  const read = openReads({ catalog, lanes, shards, manifest: settled.manifest, clock, runRealtime })
  const maintain = createMaintenance(log, 'deletion of old ledger segments')
  const recording = openRecording({ ledger, shards, journal, maintain, onFailure })
  opened.recording = recording
  const router = createRouter({ catalog, lanes, ...routing })
  const disk = new DiskGuard()
  const taking = { ...resolved, catalog, journal, router, recording, storage: disk }
  const intake = new Intake({ ...taking, onFailure })
  const parts = { journal, router, lanes, shards, recording, onFailure }
  const retire = createMaintenance(log, 'deletion of old journal segments')
  const neededFrom = (): number => offline.neededFrom
  const checkpoints = new Checkpoints({ ...aging, ...parts, neededFrom, maintain: retire })
  opened.checkpoints = checkpoints
  const recovery = await millrace.unlessFailed(recover({ ...parts, intake }))
  log.info({ ...recovery, ...cutOf(journal, ledger) }, 'recovered')
  offline.begin(recording)
  const logs = { journal, ledger, offline }
  const watched = { ...resolved, ...logs, directory, disk, clock, lanes, checkpoints }
  const health = await openHealth({ ...watched, log, onFailure })
  opened.health = health
  const replay = new LedgerReplay({ ledger, journal, ingest: intake, sources })
  const push = openPush({ catalog, journal, ledger, intake, lanes, clock })
  opened.doors = openDoors({
    ...resolved.entry,
    catalog,
    ports: { ingest: intake, push, read },
    ledger: ledgerPort(ledger, replay, millrace),
    status: () => statusOf({ recovery, ...logs, checkpoints, router, intake, rebuilds, health }),
    readiness: () => millrace.ending ?? health.readiness,
    clock,
    log,
    incarnation,
  })
  const doors = await millrace.unlessFailed(opened.doors)
  const { realtime } = opened
  const rest = { directory, lanes: opened.lanes!, realtime, recording, replay, push, health }
  millrace.open({ doors, router, checkpoints, ...logs, ...rest })
  return millrace
}

/** Makes the store one of these definitions; on disk when it resolves. */
async function settle(catalog: Catalog, options: SettleOptions, opened: Opened): Promise<Settled> {
  const { directory } = opened
  const settled = settleDefinitions(catalog, directory.manifest, options)
  await directory.writeManifest(settled.manifest)
  opened.settled = settled
  return settled
}

/** What a crash has left of a group that was never whole. */
function cutOf(journal: Journal, ledger: Ledger) {
  return {
    journalCutBytes: journal.recovered.droppedBytes,
    ledgerCutBytes: ledger.recovered.droppedBytes,
  }
}

/** Opens what is written of the journal's events beside it. */
async function openRecords(
  options: Omit<OfflineLogOptions & LedgerOptions, 'dir' | 'ledger' | 'files'>,
  opened: Opened,
): Promise<{ readonly ledger: Ledger; readonly offline: OfflineLog }> {
  const { ledgerPath, offlinePath } = opened.directory
  const ledger = await openLedger({ ...options, dir: ledgerPath })
  opened.ledger = ledger
  const offline = await openOfflineLog({ ...options, dir: offlinePath, ledger })
  opened.offline = offline
  return { ledger, offline }
}

/** Loads the modules of a server, which are many, while the threads load theirs. */
function loadDoors(): typeof openDoors {
  const loading = import('./doors.ts')
  // Heard of when the doors are opened.
  loading.catch(() => undefined)
  return async (options) => (await loading).openDoors(options)
}

/** Starts the threads; resolves when their stores are open. From then on they come back. */
async function openShards(
  options: Omit<RebuildsOptions, 'quarantine' | 'recordedBefore' | 'onRebuilt'> & {
    readonly resolved: ResolvedOptions
    readonly loaded: Loaded
    readonly opened: Opened
  },
): Promise<[lanes: readonly Lane[], shards: readonly ShardOpened[], rebuilds: Rebuilds]> {
  const { catalog, resolved, loaded, opened, onFailure } = options
  const { shardsPath, quarantinePath } = opened.directory
  const { manifest, viewIds, viewsSince } = opened.settled!
  const { shards, seed } = manifest
  const { definitionsUrl, definitions } = loaded
  const quarantine = await Quarantine.open(quarantinePath, catalog)
  const rebuilds = new Rebuilds({
    ...options,
    quarantine,
    // A thread may die before there is a ledger, or checkpoints.
    recordedBefore: () => opened.recording?.before ?? Infinity,
    onRebuilt: () => void opened.checkpoints?.request(),
  })
  const starts = laneStarts(shards, resolved.threads, resolved.stateBytesMax, {
    definitionsUrl,
    definitions,
    seed,
    storePath: shardsPath,
    viewIds,
    viewsSince,
    quarantined: quarantine.events,
  })
  await assertShardsWhole(shardsPath, shards)
  const onDeath: LanesOptions['onDeath'] = (lane, death) => rebuilds.died(lane, death)
  opened.lanes = openLanes({ starts, workerUrl, onFailure, onDeath })
  const { lanes } = opened.lanes
  return [lanes, (await Promise.all(lanes.map((lane) => lane.opened))).flat(), rebuilds]
}

/** Starts the threads of realtime views, where there are any. */
async function openRealtime(
  { catalog, definitionsUrl }: Loaded,
  opened: Opened,
): Promise<RealtimeRunner> {
  if (catalog.realtimeViews.length === 0) return () => Promise.resolve([])
  assert(definitionsUrl !== null, 'realtime views come from a file')
  opened.realtime = await openRealtimePool(realtimeUrl, definitionsUrl)
  return opened.realtime.run
}

/** The slow way to the key of an event, where the router's does not do. */
function keysOf(catalog: Catalog): Pick<RouterOptions, 'resolveKey' | 'validateOnly'> {
  return {
    resolveKey: createKeyResolver(catalog),
    validateOnly: createEventValidator(catalog),
  }
}

/** Reads of features; hears from now on how far their events have come. */
function openReads(options: {
  readonly catalog: Catalog
  readonly lanes: readonly Lane[]
  readonly shards: readonly ShardOpened[]
  readonly manifest: Manifest
  readonly clock: Clock
  readonly runRealtime: RealtimeRunner
}): ReadPort {
  const { catalog, lanes, clock } = options
  const { shards, seed } = options.manifest
  const watermarks = new Watermarks(catalog.views.length, options.shards)
  for (const lane of lanes) lane.onMessage((message) => watermarks.receive(message))
  const readShards = shardReader(lanes, shards)
  const nowMs = (): number => clock.nowMs()
  const watermarkOf = (view: number) => watermarks.of(view)
  const findKeys = (): Promise<never> => Promise.reject(new MillraceError('INTERNAL'))
  const asking = { readShards, findKeys, runRealtime: options.runRealtime }
  return createReader({ catalog, shards, seed, ...asking, nowMs, watermarkOf })
}

/** The way in of events that come by requests. */
function openPush(options: {
  readonly catalog: Catalog
  readonly journal: Journal
  readonly ledger: Ledger
  readonly intake: Intake
  readonly lanes: readonly Lane[]
  readonly clock: Clock
}): Push {
  const { catalog, journal, ledger, intake: ingest, lanes, clock } = options
  const producers = () => journal.producers.state().producers
  const recorded = (producer: string) => entriesOf(ledger, producer)
  const keyed = new KeyedRequests({ ingest, producers, recorded })
  return new Push({ catalog, ingest, producers, keyed, checks: new Checks(lanes), clock })
}

/** All that the ledger has of a producer. */
async function entriesOf(ledger: Ledger, producer: string): Promise<readonly LedgerEntry[]> {
  const entries: LedgerEntry[] = []
  const about = { filter: { producer }, upTo: ledger.lastId, limit: ledgerPageEntriesMax }
  for (let after: number | null = 0; after !== null;) {
    const page = await ledger.read({ ...about, after })
    entries.push(...page.entries)
    after = page.next
  }
  return entries
}

/** The ledger as requests see it. */
function ledgerPort(ledger: Ledger, replay: LedgerReplay, millrace: Millrace): LedgerPort {
  return {
    list: (query) => ledger.read(query),
    summary: () => ledger.summary(),
    replay: (request) => millrace.unlessFailed(replay.replay(request)),
  }
}

function logChanges(log: MillraceLog, { added, dropped }: Settled): void {
  if (added.length + dropped.length > 0) log.info({ added, dropped }, 'definitions have changed')
}

/** What `GET /v1/status` answers. */
function statusOf(parts: {
  readonly recovery: Recovery
  readonly journal: Journal
  readonly checkpoints: Checkpoints
  readonly router: Router
  readonly intake: Intake
  readonly ledger: Ledger
  readonly offline: OfflineLog
  readonly rebuilds: Rebuilds
  readonly health: Health
}): object {
  const { recovery, journal, checkpoints, router, intake, rebuilds, health } = parts
  const { ledger, offline } = parts
  return {
    recovery,
    journal: { start: journal.start, end: journal.end, flushed: journal.flushed },
    checkpoint: { position: checkpoints.position, lanes: checkpoints.stats },
    ledger: ledger.summary(),
    offline: offline.status,
    routed: router.counters,
    unacknowledgedBytes: intake.bytes,
    threads: rebuilds.counters,
    health: health.status,
  }
}
