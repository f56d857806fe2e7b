/**
 * The threads of the shards, started with the stores that they own.
 */
import { extname } from 'node:path'
import type { ShardOpened } from '../model/message.ts'
import { openLanes, type Lane, type LanesOptions } from '../route/lanes.ts'
import { assertShardsWhole } from '../stored/short-shards.ts'
import type { Histories } from '../backfill/histories.ts'
import type { Loaded } from './load.ts'
import { Quarantine } from '../recovery/quarantine.ts'
import { Rebuilds, type RebuildsOptions } from '../recovery/rebuilds.ts'
import type { Opened } from './opened.ts'
import { laneStarts } from './shards.ts'

const workerUrl = new URL(`../../workers/shard${extname(import.meta.url)}`, import.meta.url)

/** Starts the threads; resolves when their stores are open. From then on they come back. */
export async function openShards(
  options: Pick<RebuildsOptions, 'routing' | 'clock' | 'log' | 'onFailure'> & {
    readonly threads: number
    readonly stateBytesMax: number
    readonly loaded: Loaded
    readonly opened: Opened
    readonly histories: Histories
  },
): Promise<[lanes: readonly Lane[], shards: readonly ShardOpened[], rebuilds: Rebuilds]> {
  const { threads, stateBytesMax, loaded, opened, histories, onFailure } = options
  const { shardsPath, quarantinePath } = opened.directory
  const { manifest, viewIds, viewsSince, keyLimits, catchingUp } = opened.settled!
  const { shards, seed } = manifest
  const { catalog, definitionsUrl, definitions } = loaded
  const quarantine = await Quarantine.open(quarantinePath, catalog)
  const rebuilds = new Rebuilds({
    ...options,
    journal: opened.journal!,
    catalog,
    quarantine,
    routesOf: (backfill) => histories.routesOf(backfill),
    isCatchingUp: () => histories.isCatchingUp,
    // A thread may die before there is a ledger, or checkpoints.
    recordedBefore: () => opened.recording?.before ?? Infinity,
    onRebuilt: () => void opened.checkpoints?.request(),
  })
  const starts = laneStarts(shards, threads, stateBytesMax, {
    definitionsUrl,
    definitions,
    seed,
    storePath: shardsPath,
    viewIds,
    viewsSince,
    added: catchingUp,
    keyLimits,
    histories: histories.all,
    quarantined: quarantine.events,
  })
  await assertShardsWhole(shardsPath, shards)
  const onDeath: LanesOptions['onDeath'] = (lane, death) => rebuilds.died(lane, death)
  opened.lanes = openLanes({ starts, workerUrl, onFailure, onDeath })
  const { lanes } = opened.lanes
  return [lanes, (await Promise.all(lanes.map((lane) => lane.opened))).flat(), rebuilds]
}
