/**
 * Reads, with the threads that they need.
 */
import { extname } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { assert } from '../base/assert.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { ReadPort, RealtimeRunner } from '../model/contracts.ts'
import type { ShardOpened } from '../model/message.ts'
import type { Manifest } from '../persist/manifest.ts'
import { openRealtimePool } from '../realtime/pool.ts'
import type { Lane } from '../route/lanes.ts'
import { createReader } from '../serve/reader.ts'
import type { Histories } from '../backfill/histories.ts'
import type { Loaded } from './load.ts'
import { measuredReads } from './measured-reads.ts'
import type { Opened } from './opened.ts'
import { keyFinder, shardReader } from './shards.ts'
import { Watermarks } from './watermarks.ts'

const realtimeUrl = new URL(`../../workers/realtime${extname(import.meta.url)}`, import.meta.url)

/** Reads of features; hears from now on how far their events have come. */
export async function openReads(options: {
  readonly loaded: Loaded
  readonly opened: Opened
  readonly lanes: readonly Lane[]
  readonly shards: readonly ShardOpened[]
  readonly manifest: Manifest
  readonly histories: Histories
  readonly clock: Clock
  readonly metrics: Pick<Metrics, 'meters'>
}): Promise<{ readonly read: ReadPort; readonly watermarks: Watermarks }> {
  const { lanes, histories, clock, loaded } = options
  const { catalog } = loaded
  const { shards, seed } = options.manifest
  const watermarks = new Watermarks(catalog.views.length, options.shards)
  for (const lane of lanes) lane.onMessage((message) => watermarks.receive(message))
  const readShards = shardReader(lanes, shards)
  const nowMs = (): number => clock.nowMs()
  const watermarkOf = (view: number) => watermarks.of(view)
  const runRealtime = await openRealtime(loaded, options.opened)
  const isBackfilling = (view: number): boolean => histories.isOpen(view)
  const asking = { readShards, findKeys: keyFinder(lanes), isBackfilling, runRealtime }
  const read = createReader({ catalog, shards, seed, ...asking, nowMs, watermarkOf })
  return { read: measuredReads(read, options.metrics.meters, clock), watermarks }
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
