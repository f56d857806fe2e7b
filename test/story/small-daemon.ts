/**
 * A whole daemon on one thread: what `daemon/start.ts` connects, over logs on disks in memory and a
 * lane that is no thread of its own.
 *
 * It ends as a process ends: nothing that was on its way is waited for but what a lane has begun to
 * store, and whoever opens the next one finds what the disks have kept.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../src/base/clock.ts'
import { GuardedClock } from '../../src/base/guarded-clock.ts'
import { Backfills } from '../../src/backfill/backfills.ts'
import { Checkpoints } from '../../src/daemon/checkpoints.ts'
import { DiskGuard } from '../../src/intake/disk-guard.ts'
import { Histories, storedHistories } from '../../src/backfill/histories.ts'
import { Intake } from '../../src/intake/intake.ts'
import { openRecording } from '../../src/intake/recording.ts'
import { recover, type Recovery } from '../../src/recovery/recovery.ts'
import { shardReader } from '../../src/daemon/shards.ts'
import { Watermarks } from '../../src/daemon/watermarks.ts'
import { openJournal, type Journal } from '../../src/journal/journal.ts'
import { openLedger, type Ledger } from '../../src/ledger/ledger.ts'
import type { OpenBatchRows } from '../../src/model/backfill.ts'
import type { Catalog } from '../../src/model/catalog.ts'
import type { ReadPort } from '../../src/model/contracts.ts'
import { createPulse } from '../../src/model/pulse.ts'
import type { Manifest } from '../../src/persist/manifest.ts'
import { createRouter } from '../../src/route/router.ts'
import { createReader } from '../../src/serve/reader.ts'
import { createEventValidator, createKeyResolver } from '../../src/validate/key-resolver.ts'
import type { MemoryDisk } from '../helpers/memory-disk.ts'
import { LocalLane } from './local-lane.ts'
import { shardCount, type StoryLog } from './steps.ts'
import { onlyReads } from '../helpers/fake-ports.ts'

/** The secret of its store. */
export const smallSeed = { k0: 3, k1: 4 }

/** Small, so that a story has several. */
const segmentBytes = 2000

/** More than a story needs, bytes or ms. */
const plenty = 2 ** 30

export interface SmallDaemonOptions {
  readonly catalog: Catalog
  readonly clock: Clock
  readonly journalDisk: MemoryDisk
  readonly ledgerDisk: MemoryDisk
  /** Folder of the stores, which are on a real disk. */
  readonly storePath: string
  readonly stateBytesMax: number
  /** Of a catalog whose views have a history. */
  readonly past?: Past
}

export interface Past {
  /** Holds the manifest from one life to the next. */
  readonly stored: { manifest: Manifest }
  readonly openRows: OpenBatchRows
  readonly batchRows: number
}

export interface SmallDaemon {
  readonly journal: Journal
  readonly ledger: Ledger
  readonly intake: Intake
  /** Null without a past. */
  readonly backfills: Backfills | null
  /** Begins a checkpoint of a shard, or of all; resolves when it is in their stores. */
  checkpoint(shard: number | null): Promise<void>
  readonly reader: ReadPort
  readonly recovery: Recovery
  /** Resolves when all is done but what waits for a log whose flushes are held. */
  quiet(held: ReadonlySet<StoryLog>): Promise<void>
  /** As when the process is gone. */
  kill(): Promise<void>
}

export async function openSmallDaemon(options: SmallDaemonOptions): Promise<SmallDaemon> {
  const { catalog, journalDisk, ledgerDisk } = options
  const clock = new GuardedClock(options.clock)
  const sources = catalog.sources.map(({ name }) => name)
  const common = { clock, onFailure }
  const onJournal = { dir: '/log', files: journalDisk, segmentBytes }
  const kept = { producerMsMax: plenty, producersMax: plenty }
  const journal = await openJournal({ ...onJournal, ...kept, sources, ...common })
  clock.resume(journal.recovered.newestMs)
  const lane = openLane(options)
  const shards = await lane.opened
  const onLedger = { dir: '/ledger', files: ledgerDisk, ledgerBytesMax: plenty }
  const ledger = await openLedger({ ...onLedger, ledgerMsMax: plenty, ...common })
  const recording = openRecording({ ledger, shards, journal, maintain, onFailure })
  const partition = { catalog, shards: shardCount, seed: smallSeed }
  const router = createRouter({
    ...partition,
    lanes: [lane],
    recorded: () => recording.recorded,
    resolveKey: createKeyResolver(catalog),
    validateOnly: createEventValidator(catalog),
  })
  const storage = new DiskGuard()
  const intake = new Intake({ ...kept, catalog, journal, router, recording, storage, onFailure })
  const parts = { journal, router, lanes: [lane], shards, recording, ...common }
  const neededFrom = (): number => Infinity
  const retained = { neededFrom, checkpointMs: plenty, retainBytesMax: 0, retainMsMax: 0 }
  const checkpoints = new Checkpoints({ ...parts, ...retained, maintain })
  const histories = openHistories(options, intake, lane)
  const watermarks = new Watermarks(catalog.views.length, shards)
  lane.onMessage((message) => watermarks.receive(message))
  const recovery = await recover({ ...parts, intake })
  const reader = createReader({
    ...onlyReads,
    ...partition,
    readShards: shardReader([lane], shardCount),
    nowMs: () => clock.nowMs(),
    watermarkOf: (view) => watermarks.of(view),
    isBackfilling: (view) => histories?.isOpen(view) ?? false,
  })
  const { past } = options
  const reading = { catalog, journal, ingest: intake, clock }
  const backfills =
    past === undefined || histories === null
      ? null
      : new Backfills({ ...past, ...reading, histories })
  await backfills?.open()
  const checkpoint = async (shard: number | null): Promise<void> => {
    if (shard === null) return checkpoints.complete()
    router.flush()
    const { routed } = router
    const { recorded } = recording
    lane.post({ kind: 'checkpoint', shard, routed, recorded, arrivalMs: clock.nowMs() })
    await lane.stored(shard)
  }
  const quiet = async (held: ReadonlySet<StoryLog>): Promise<void> => {
    await router.idle()
    if (!held.has('journal')) {
      await journal.whenFlushed(journal.end)
      if (!held.has('ledger')) await recording.idle()
    }
    await turn()
  }
  const kill = async (): Promise<void> => {
    checkpoints.stop()
    recording.stop()
    await lane.close()
  }
  return { journal, ledger, intake, backfills, checkpoint, reader, recovery, quiet, kill }
}

function openHistories(
  { catalog, past }: SmallDaemonOptions,
  intake: Intake,
  lane: LocalLane,
): Histories | null {
  if (past === undefined) return null
  const { stored } = past
  const writeManifest = async (manifest: Manifest): Promise<void> => {
    await turn()
    stored.manifest = manifest
  }
  const histories = new Histories({ catalog, manifest: stored.manifest, writeManifest })
  histories.listen(intake, [lane])
  return histories
}

function openLane({ catalog, storePath, stateBytesMax, past }: SmallDaemonOptions): LocalLane {
  const start = {
    shards: Array.from({ length: shardCount }, (_, shard) => shard),
    definitionsUrl: null,
    definitions: [],
    seed: smallSeed,
    storePath,
    viewIds: catalog.views.map(({ index }) => index),
    viewsSince: catalog.views.map(() => 0),
    keyLimits: catalog.views.map(() => []),
    histories: past === undefined ? [] : storedHistories(catalog, past.stored.manifest),
    stateBytesMax,
    pulse: createPulse(),
    quarantined: [],
  }
  return new LocalLane(start, catalog)
}

/** Nor may it fail a deletion. */
async function maintain(work: () => Promise<unknown>): Promise<void> {
  await work()
}

/** Nothing that a story plays may end a daemon. */
function onFailure(thrown: unknown): void {
  throw thrown as Error
}
