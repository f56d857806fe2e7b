/**
 * `continuous`: what a continuous window costs in memory, on disk and at a read, by its events.
 *
 * One shard in this process has one key. Its events come evenly, so many to the hour of the window,
 * and are checkpointed every five seconds of their time, about as a daemon would, or not at all, as
 * when they come so fast that no checkpoint was in between. When the window is full
 * the clock goes on in steps of less than a second, events keep coming, and after each step the
 * window is read: its two edges lie at all places of a tile. Every value is compared with a plain
 * sum over the events. Sizes from one event up in steps of a hundred, so that the growth can be
 * told: between two sizes, `g` such that the cost is proportional to `events ** g`.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { aggregate } from '../../src/index.ts'
import { continuousTileMs } from '../../src/model/tiles.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { checksum, defineBench, median, type Measurement, type Values } from '../harness.ts'
import { ownMemory } from '../own-memory.ts'
import { applyTo, catalogOf, openShard, readKey, sectionOf, type ShardEvents } from '../shard.ts'

const options = {
  events: { standard: 1_000_000, smoke: 100, description: 'Events in the largest window' },
  checkpoint: {
    standard: 5,
    description: 'Seconds of event time between two checkpoints; until one, events are in memory',
  },
  reads: { standard: 1000, smoke: 50, description: 'Edges at which each size is read' },
} as const

const windowMs = 3_600_000
const tileMs = continuousTileMs(windowMs)
const startMs = Date.UTC(2026, 0, 1)
const catalog = catalogOf({
  mode: 'continuous',
  features: [aggregate('amount', 'sum', '1h'), aggregate('amount', 'count', '1h')],
})

/** Events of a size are this many times those of the size before. */
const sizeStep = 100
/** The trailing edge goes through these tiles while the window is read. */
const readTiles = 5
/** Reads of each size that only let the engine compile. */
const warmUpReads = 200
/** The time of a read is the median of as many at one edge. */
const readsOfEdge = 5
const sectionEventsMax = 500

/** By number of events in the window. */
type BySize = Readonly<Record<string, number>>

// A type: an interface has no index signature.
type Figures = {
  readonly events: number
  readonly checkpointSeconds: number
  /** Of the largest window. */
  readonly readMsP50: number
  /** From the size before to the largest; 0 when there is none. */
  readonly stateGrowth: number
  readonly readGrowth: number
  /** State in memory, as the shard counts it for its budget, after a checkpoint. */
  readonly stateBytes: BySize
  /** With the events that came since the last checkpoint: the most at any read. */
  readonly stateBytesMax: BySize
  readonly stateBytesPerEvent: BySize
  /** By which the heap and the buffers of the process have grown, after a collection. */
  readonly processBytes: BySize
  /** Of the store's file. */
  readonly diskBytes: BySize
  readonly tiles: BySize
  readonly readMsP50OfSize: BySize
  readonly readMsP99OfSize: BySize
  readonly readMsMaxOfSize: BySize
  /** By the larger of two sizes. */
  readonly stateGrowthToSize: BySize
  readonly readGrowthToSize: BySize
}

export const continuous = defineBench({
  name: 'continuous',
  question: 'What do memory and a read of a continuous window cost as it holds more events?',
  options,
  headline: 'readMsP50',
  columns: {
    events: ({ events }: Figures) => grouped(events),
    'checkpoint s': ({ checkpointSeconds }) => grouped(checkpointSeconds),
    'state bytes': ({ events, stateBytes }) => grouped(stateBytes[events]!),
    'at most': ({ events, stateBytesMax }) => grouped(stateBytesMax[events]!),
    'an event': ({ events, stateBytesPerEvent }) => decimals(stateBytesPerEvent[events]!),
    'process KiB': ({ events, processBytes }) => grouped(processBytes[events]! / 1024),
    'disk KiB': ({ events, diskBytes }) => grouped(diskBytes[events]! / 1024),
    tiles: ({ events, tiles }) => String(tiles[events]),
    'read p50 ms': ({ readMsP50 }) => decimals(readMsP50),
    'p99 ms': ({ events, readMsP99OfSize }) => decimals(readMsP99OfSize[events]!),
    'max ms': ({ events, readMsMaxOfSize }) => decimals(readMsMaxOfSize[events]!),
    'state grows': ({ events, stateGrowth }) => growthText(events, stateGrowth),
    'read grows': ({ events, readGrowth }) => growthText(events, readGrowth),
  },
  rows: [
    { events: 1 },
    { events: 100 },
    { events: 10_000 },
    { events: 1_000_000 },
    { events: 1_000_000, checkpoint: 7200 },
  ],
  measure,
})

/** What one size has cost. */
interface Cost {
  readonly stateBytes: number
  readonly stateBytesMax: number
  readonly processBytes: number
  readonly diskBytes: number
  readonly tiles: number
  readonly readsMs: Float64Array
  /** The values that were read. */
  readonly values: readonly string[]
}

async function measure({
  events,
  checkpoint,
  reads,
}: Values<typeof options>): Promise<Measurement<Figures>> {
  const sizes: number[] = []
  for (let size = events; size >= 1; size = Math.floor(size / sizeStep)) sizes.unshift(size)
  // The first shard of a process pays for the code of all.
  const checkpointMs = checkpoint * 1000
  await measureSize(Math.min(events, sizeStep), 1, checkpointMs)
  const costs = new Map<number, Cost>()
  for (const size of sizes) costs.set(size, await measureSize(size, reads, checkpointMs))
  const bySize = (of: (cost: Cost, size: number) => number): BySize =>
    Object.fromEntries([...costs].map(([size, cost]) => [size, of(cost, size)]))
  const growths = (of: BySize): BySize =>
    Object.fromEntries(
      sizes.slice(1).map((size, n) => {
        const before = sizes[n]!
        return [size, Math.log(of[size]! / of[before]!) / Math.log(size / before)]
      }),
    )
  const stateBytes = bySize((cost) => cost.stateBytes)
  const readMsP50OfSize = bySize(({ readsMs }) => quantile(readsMs, 0.5))
  const stateGrowthToSize = growths(stateBytes)
  const readGrowthToSize = growths(readMsP50OfSize)
  return {
    figures: {
      events,
      checkpointSeconds: checkpoint,
      readMsP50: readMsP50OfSize[events]!,
      stateGrowth: stateGrowthToSize[events] ?? 0,
      readGrowth: readGrowthToSize[events] ?? 0,
      stateBytes,
      stateBytesMax: bySize((cost) => cost.stateBytesMax),
      stateBytesPerEvent: bySize((cost, size) => cost.stateBytes / size),
      processBytes: bySize((cost) => cost.processBytes),
      diskBytes: bySize((cost) => cost.diskBytes),
      tiles: bySize((cost) => cost.tiles),
      readMsP50OfSize,
      readMsP99OfSize: bySize(({ readsMs }) => quantile(readsMs, 0.99)),
      readMsMaxOfSize: bySize(({ readsMs }) => quantile(readsMs, 1)),
      stateGrowthToSize,
      readGrowthToSize,
    },
    checksum: checksum([...costs.values()].flatMap(({ values }) => values)),
  }
}

async function measureSize(size: number, reads: number, checkpointMs: number): Promise<Cost> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-continuous-'))
  const sent = eventsOf(size)
  const bytesBefore = ownMemory().allocatedBytes
  const shard = await openShard(catalog, directory)
  const feed = new Feed(shard, sent, checkpointMs)
  try {
    await feed.to(startMs + windowMs)
    const filled = {
      stateBytes: shard.bytes,
      processBytes: Math.max(0, ownMemory().allocatedBytes - bytesBefore),
      diskBytes: (await stat(join(directory, '000', 'data.mdb'))).blocks * 512,
      tiles: tilesOf(sent, size),
    }
    for (let n = 0; n < warmUpReads; n++) readKey(shard, 0, [0, 1], startMs + windowMs)
    const readsMs = new Float64Array(reads)
    const values: string[] = []
    let stateBytesMax = 0
    for (let n = 0; n < reads; n++) {
      const edgeMs = startMs + windowMs + Math.floor((n * readTiles * tileMs) / reads)
      await feed.to(edgeMs)
      stateBytesMax = Math.max(stateBytesMax, shard.bytes)
      const { ms, read } = timedRead(shard, edgeMs)
      readsMs[n] = ms
      values.push(check(read, feed.window(edgeMs)))
    }
    return { ...filled, stateBytesMax, readsMs: readsMs.sort(), values }
  } finally {
    await shard.close()
    await rm(directory, { recursive: true, force: true })
  }
}

/** Reads the window at an edge a few times over: what else the machine does seldom meets most. */
function timedRead(
  shard: Shard,
  edgeMs: number,
): { readonly ms: number; readonly read: readonly unknown[] } {
  const times: number[] = []
  let read: readonly unknown[] = []
  for (let n = 0; n < readsOfEdge; n++) {
    const startedMs = performance.now()
    read = readKey(shard, 0, [0, 1], edgeMs).values
    times.push(performance.now() - startedMs)
  }
  return { ms: median(times), read }
}

/** Events of one key, so many to a window; the first in the middle of a tile. */
function eventsOf(size: number): ShardEvents {
  return {
    keyOf: () => 0,
    timeMsOf: (n) => startMs + Math.floor(tileMs / 2 + (n * windowMs) / size),
    amountOf: (n) => ((n * 7919) % 10_007) / 8,
  }
}

/** Tiles in which the events of a window lie. */
function tilesOf({ timeMsOf }: ShardEvents, size: number): number {
  const numbers = Array.from({ length: size }, (_, n) => Math.floor(timeMsOf(n) / tileMs))
  return new Set(numbers).size
}

/** Sends the events of a shard as time goes on, and knows what a window of them adds up to. */
class Feed {
  readonly #shard: Shard
  readonly #sent: ShardEvents
  #next = 0
  /** The first event of the window at the last edge, and the sum from it on. */
  #first = 0
  #sum = 0
  #storedTo = 0
  readonly #checkpointMs: number
  #checkpointAtMs: number

  constructor(shard: Shard, sent: ShardEvents, checkpointMs: number) {
    this.#shard = shard
    this.#sent = sent
    this.#checkpointMs = checkpointMs
    this.#checkpointAtMs = startMs + checkpointMs
  }

  /** Sends the events up to a moment, checkpoints between them. */
  async to(nowMs: number): Promise<void> {
    for (; this.#checkpointAtMs <= nowMs; this.#checkpointAtMs += this.#checkpointMs) {
      this.#send(this.#checkpointAtMs)
      if (this.#next === this.#storedTo) continue
      this.#storedTo = this.#next
      this.#shard.applied = this.#next
      await this.#shard.checkpoint(this.#checkpointAtMs, Promise.resolve(true))
    }
    this.#send(nowMs)
  }

  /** Count and sum of the events in the window at an edge, which only moves on. */
  window(edgeMs: number): { readonly count: number; readonly sum: number } {
    for (; this.#sent.timeMsOf(this.#first) <= edgeMs - windowMs; this.#first++) {
      this.#sum -= this.#sent.amountOf(this.#first)
    }
    return { count: this.#next - this.#first, sum: this.#sum }
  }

  #send(nowMs: number): void {
    for (;;) {
      const from = this.#next
      while (this.#sent.timeMsOf(this.#next) <= nowMs && this.#next < from + sectionEventsMax) {
        this.#sum += this.#sent.amountOf(this.#next)
        this.#next += 1
      }
      if (this.#next === from) return
      applyTo(this.#shard, [sectionOf(this.#sent, { from, to: this.#next }, nowMs)])
    }
  }
}

/** @throws when a value is not that of a plain sum. */
function check(
  [sum, count]: readonly unknown[],
  expected: { readonly count: number; readonly sum: number },
): string {
  const right = expected.count === 0 ? null : expected.sum
  if (sum !== right || Number(count) !== expected.count) {
    throw new Error(`read ${String(sum)} of ${String(count)}, but ${JSON.stringify(expected)}`)
  }
  return `${String(sum)} ${String(count)}`
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

function grouped(number: number): string {
  return String(Math.round(number)).replaceAll(/(?<=\d)(?=(\d{3})+$)/g, ' ')
}

/** Three digits, or all of those before the point. */
function decimals(number: number): string {
  return number >= 100 ? grouped(number) : number.toPrecision(3)
}

function growthText(events: number, growth: number): string {
  return events < sizeStep ? '–' : `events^${growth.toFixed(2)}`
}
