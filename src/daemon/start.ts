/**
 * The daemon: connects the stages, brings the store back to where it was, and opens the doors.
 *
 * `startMillrace` reads as the life of the process: definitions, directory, journal, lanes,
 * recovery, doors. What fails until the doors are open fails the start, which closes everything
 * again; what fails after is fatal, because what was not acknowledged is unknown then: the daemon
 * cuts its connections and says so in `closed`, and the next start finds out.
 */
import { systemClock, type Clock } from '../base/clock.ts'
import { GuardedClock } from '../base/guarded-clock.ts'
import type { MillraceLog } from '../base/log-port.ts'
import { openJournal, type Journal } from '../journal/journal.ts'
import { openLedger, type Ledger, type LedgerOptions } from '../ledger/ledger.ts'
import { Metrics } from '../metrics/metrics.ts'
import type { Catalog } from '../model/catalog.ts'
import { catalogOfHistory } from '../model/history.ts'
import type { LedgerPort } from '../model/ledger.ts'
import type { Recorded } from '../model/message.ts'
import { openDirectory } from '../persist/directory.ts'
import { createRouter, type RouterOptions } from '../route/router.ts'
import { storedFormats } from '../stored/formats.ts'
import { createEventValidator, createKeyResolver } from '../validate/key-resolver.ts'
import { backfillPort, openBackfills } from './open-backfills.ts'
import { Checkpoints, type CheckpointOptions } from './checkpoints.ts'
import { Histories } from '../backfill/histories.ts'
import { settleDefinitions, type Settled, type SettleOptions } from './definitions.ts'
import { DiskGuard } from '../intake/disk-guard.ts'
import type { openDoors } from './doors.ts'
import { openHealth } from './health.ts'
import { Intake, type BatchCounting } from '../intake/intake.ts'
import { LedgerReplay } from './ledger-replay.ts'
import { loadDefinitions } from './load.ts'
import { createMaintenance } from '../base/maintenance.ts'
import { Millrace } from './millrace.ts'
import { addNumbers } from './numbers.ts'
import {
  assertShards,
  resolveOptions,
  type MillraceOptions,
  type ResolvedOptions,
} from './options.ts'
import { settleEntry, type Entry } from './entry.ts'
import { closeOpened, openedOnly, type Opened } from './opened.ts'
import { openOfflineLog, type OfflineLog, type OfflineLogOptions } from './offline-log.ts'
import { openPush } from './open-push.ts'
import { openReads } from './open-reads.ts'
import { openShards } from './open-shards.ts'
import { statusOf } from './status.ts'
import { openRecording, type Recording } from '../intake/recording.ts'
import { recover, type Recovery } from '../recovery/recovery.ts'
import { Verification } from './verification.ts'

const silent: MillraceLog = { info: () => {}, error: () => {} }

/** Starts a daemon; see `embed.ts`. */
export async function startMillrace(options: MillraceOptions): Promise<Millrace> {
  const resolved = await resolveOptions(options)
  const { clock = systemClock, log = silent, insecure = false } = options
  const entry = await settleEntry(resolved, { clock, log, insecure })
  const directory = await openDirectory(resolved.dataDir, storedFormats)
  const opened = openedOnly(directory)
  try {
    assertShards(options, directory.manifest)
    return await start(options, { ...resolved, entry }, opened)
  } catch (thrown) {
    await closeOpened(opened)
    throw thrown
  }
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
  const metrics = new Metrics(sources)
  const millrace = new Millrace(log)
  const onFailure = (thrown: unknown): void => millrace.fail(thrown)
  const logOptions = { ...resolved, clock, log, sources, onFailure }
  const journal = await openJournal({ ...logOptions, dir: directory.journalPath })
  opened.journal = journal
  clock.resume(journal.recovered.newestMs)
  const settled = await settle(catalog, { ...options, shards: resolved.shards }, opened)
  const histories = new Histories({ catalog, ...directory, ...settled })
  logChanges(log, settled)
  const { shards: shardCount, seed, incarnation } = settled.manifest
  const openDoors = loadDoors()
  const recorded = (): Recorded => opened.recording!.recorded
  const routing = { shards: shardCount, seed, recorded, ...keysOf(catalog) }
  const common = { ...logOptions, routing, loaded, opened }
  const [lanes, shards, rebuilds] = await openShards({ ...common, histories })
  const aging = { ...resolved, clock: clock.certain }
  const records = { ...aging, loaded, journal, log, onFailure }
  const { ledger, offline } = await openRecords(records, opened)
  const reading = { ...settled, loaded, opened, lanes, shards, clock, histories, metrics }
  const { read, watermarks } = await openReads(reading)
  const recording = record({ ledger, shards, journal, onFailure }, opened, log)
  const router = createRouter({ catalog, lanes, ...routing })
  const disk = new DiskGuard()
  const taking = { ...resolved, catalog, journal, router, recording, storage: disk }
  const intake = new Intake({ ...taking, counting: countingOf(metrics, clock), onFailure })
  histories.listen(intake, lanes)
  const parts = { journal, router, lanes, shards, recording, intake, onFailure }
  const counted = { loaded, settled, histories, journal, ledger, offline, recording, rebuilds }
  const verified = { ...resolved, ...counted, read, clock, log }
  const verification = (opened.verification = new Verification(verified))
  const neededFrom = keptFor(histories, offline, verification)
  const checkpoints = openCheckpoints({ ...aging, ...parts, neededFrom, metrics, log }, opened)
  const recovery = await millrace.unlessFailed(catchUp(parts, histories, checkpoints))
  log.info({ ...recovery, ...cutOf(journal, ledger) }, 'recovered')
  offline.begin(recording)
  const logs = { journal, ledger, offline, verification }
  const watched = { ...resolved, ...logs, directory, disk, clock, lanes, checkpoints }
  const health = (opened.health = await openHealth({ ...watched, log, onFailure }))
  const replay = new LedgerReplay({ ledger, journal, ingest: intake, sources })
  const push = openPush({ catalog, journal, ledger, intake, lanes, clock })
  const past = { catalog, histories, journal, ingest: intake, clock }
  const backfills = await millrace.unlessFailed(openBackfills(past, loaded))
  const about = { catalog, clock, log, verification, incarnation, metrics }
  const told = { recovery, ...logs, checkpoints, router, intake, rebuilds, backfills, health }
  const numbers = addNumbers({ ...told, catalog, clock, lanes, watermarks, metrics })
  opened.doors = openDoors({
    ...resolved.entry,
    ports: { ingest: intake, push, read, backfills: backfillPort(backfills, millrace) },
    ledger: ledgerPort(ledger, replay, millrace),
    status: () => statusOf(numbers),
    readiness: () => millrace.ending ?? health.readiness,
    ...about,
  })
  const doors = await millrace.unlessFailed(opened.doors)
  const kept = { directory, lanes: opened.lanes!, realtime: opened.realtime, recording }
  millrace.open({ ...told, ...kept, replay, push, doors })
  return millrace
}

/** Has what is not counted written into the ledger. */
function record(
  parts: Omit<Parameters<typeof openRecording>[0], 'maintain'>,
  opened: Opened,
  log: MillraceLog,
): Recording {
  const maintain = createMaintenance(log, 'deletion of old ledger segments')
  const recording = openRecording({ ...parts, maintain })
  opened.recording = recording
  return recording
}

function countingOf({ tallies, meters }: Metrics, clock: Clock): BatchCounting {
  return { tallies, meters, clock }
}

/** Has shards write down their state, and the journal let go of what nobody needs any more. */
function openCheckpoints(
  parts: Omit<CheckpointOptions, 'maintain' | 'meters'> & {
    readonly metrics: Metrics
    readonly log: MillraceLog
  },
  opened: Opened,
): Checkpoints {
  const { log, metrics } = parts
  const maintain = createMaintenance(log, 'deletion of old journal segments')
  const checkpoints = new Checkpoints({ ...parts, maintain, meters: metrics.meters })
  opened.checkpoints = checkpoints
  return checkpoints
}

/** Makes the store one of these definitions; on disk when it resolves. */
async function settle(
  catalog: Catalog,
  { shards, dropMissing = false }: { readonly shards: number; readonly dropMissing?: boolean },
  opened: Opened,
): Promise<Settled> {
  const { directory } = opened
  const journal = opened.journal!
  const { nowMs, recovered } = journal
  const retained = await retainedOf(journal)
  const asked = { shards, journalEnd: recovered.end, retained, nowMs, dropMissing }
  const settled = settleDefinitions(catalog, directory.manifest, asked)
  await directory.writeManifest(settled.manifest)
  opened.settled = settled
  return settled
}

/** What a view that is added may count of the journal. */
async function retainedOf(journal: Journal): Promise<SettleOptions['retained']> {
  const { start } = journal
  for await (const { arrivalMs } of journal.read(start)) return { start, firstArrivalMs: arrivalMs }
  return null
}

/** Brings the state to where the journal is, and that of views that are new with it. */
async function catchUp(
  parts: Parameters<typeof recover>[0],
  histories: Histories,
  checkpoints: Checkpoints,
): Promise<Recovery> {
  const { isCatchingUp } = histories
  const recovery = await recover({ ...parts, isCatchingUp })
  if (!isCatchingUp) return recovery
  // Until it is stored that they have counted the journal, they would have to count it again.
  await checkpoints.store()
  await histories.caughtUp()
  return recovery
}

/** From where on the journal is needed by others than shards and ledger. */
function keptFor(
  histories: Histories,
  ...readers: readonly { readonly neededFrom: number }[]
): () => number {
  const least = (): number => Math.min(...readers.map(({ neededFrom }) => neededFrom))
  return () => (histories.isCatchingUp ? 0 : least())
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

/** The slow way to the key of an event, where the router's does not do. */
function keysOf(
  catalog: Catalog,
): Pick<RouterOptions, 'resolveKey' | 'resolveHistoryKey' | 'validateOnly'> {
  return {
    resolveKey: createKeyResolver(catalog),
    resolveHistoryKey: createKeyResolver(catalogOfHistory(catalog)),
    validateOnly: createEventValidator(catalog),
  }
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
