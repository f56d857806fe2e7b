/**
 * The peer `redis`: the six aggregates over two windows, kept in Redis by hand.
 *
 * One connection over a unix socket, a deep pipeline, commands that stand ready, and as many events
 * in flight as the product has. A frame counts when Redis has answered the last of its commands,
 * which it does when they are on disk. Left out, in its favour: expiry, checks of events, and
 * telling an event from its repetition.
 */
import { systemClock } from '../../src/base/clock.ts'
import type { Workload } from '../../src/load/workload.ts'
import { sentTo } from '../sent.ts'
import { checkTotals, usersOf, type Totals } from './check.ts'
import { runLoop } from './loop.ts'
import { perSecond, type PeerOptions } from './options.ts'
import {
  pipeline,
  script,
  scripted,
  tilesAt,
  type TileNames,
  type Variant,
} from './redis-commands.ts'
import { createRedisFrames, type RedisFrames } from './redis-frames.ts'
import { hasRedis, noRedis, startRedis } from './redis-process.ts'
import { RespClient, type Reply } from './resp.ts'

/** Events/s of each variant. */
export interface RedisRates {
  readonly pipeline: number
  readonly lua: number
}

/** @returns null, and says so, where there is no Redis. */
export async function measureRedis(options: PeerOptions): Promise<RedisRates | null> {
  if (!hasRedis()) {
    console.error(noRedis)
    return null
  }
  return {
    pipeline: await measureVariant(options, () => Promise.resolve(pipeline)),
    lua: await measureVariant(options, async (client) =>
      scripted((await client.call('SCRIPT', 'LOAD', script)) as string),
    ),
  }
}

async function measureVariant(
  options: PeerOptions,
  prepare: (client: RespClient) => Promise<Variant>,
): Promise<number> {
  const { impressions, workload } = options
  const redis = await startRedis()
  const client = await RespClient.open(redis.path)
  try {
    const variant = await prepare(client)
    const sender = new Sender(client, variant, workload)
    const { inFlight, warmupMs, measuredMs, events } = options
    const { keys, frameEvents } = impressions
    const lanes = Math.max(1, Math.floor(inFlight / frameEvents))
    const loop = await runLoop(
      {
        lanes,
        warmupMs,
        measuredMs,
        count: Math.ceil(events / frameEvents),
        start: (...args) => sender.send(...args),
      },
      client.failed,
    )
    const sample = sentTo(keys, workload, sender.frameTimesMs)
    const users = usersOf(sample)
    for (const tiles of sender.tilesOfWidths) {
      checkTotals(variant.name, sample, await readTotals(client, variant, users, tiles))
    }
    return perSecond(loop.measured * frameEvents, loop.measuredMs)
  } finally {
    client.close()
    await redis.stop()
  }
}

/** Sends frames, and knows what it has sent. */
class Sender {
  readonly frameTimesMs: number[] = []
  readonly #client: RespClient
  readonly #variant: Variant
  readonly #workload: Workload
  /** By lane: written over when the frame before is answered. */
  readonly #buffers: Buffer[] = []
  readonly #fiveMinutes = new Set<string>()
  readonly #hours = new Set<string>()
  #frames: RedisFrames
  #current = ''

  constructor(client: RespClient, variant: Variant, workload: Workload) {
    this.#client = client
    this.#variant = variant
    this.#workload = workload
    this.#frames = this.#encode(tilesAt(systemClock.nowMs()))
  }

  /** The tiles that events went to, of either width. */
  get tilesOfWidths(): readonly (readonly string[])[] {
    return [[...this.#fiveMinutes], [...this.#hours]]
  }

  send(n: number, lane: number, done: () => void): void {
    const timeMs = systemClock.nowMs()
    const frames = this.#framesAt(timeMs)
    const buffer = (this.#buffers[lane] ??= Buffer.alloc(frames.bytesMax))
    const { length, replies } = frames.write(buffer, n, timeMs)
    this.frameTimesMs[n] = timeMs
    this.#client.write(buffer.subarray(0, length), replies, done)
  }

  #framesAt(timeMs: number): RedisFrames {
    const tiles = tilesAt(timeMs)
    if (tiles.fiveMinutes !== this.#current) this.#frames = this.#encode(tiles)
    return this.#frames
  }

  /** The names of tiles stand in the commands: a new tile makes them anew. */
  #encode(tiles: TileNames): RedisFrames {
    this.#current = tiles.fiveMinutes
    this.#fiveMinutes.add(tiles.fiveMinutes)
    this.#hours.add(tiles.hour)
    return createRedisFrames(this.#workload, this.#variant, tiles)
  }
}

/** What some tiles of each user say, put together. */
async function readTotals(
  client: RespClient,
  variant: Variant,
  users: readonly string[],
  tiles: readonly string[],
): Promise<(Totals | null)[]> {
  return await Promise.all(
    users.map(async (user) => {
      let totals: Totals | null = null
      for (const tile of tiles) {
        const replies: Reply[] = []
        for (const command of variant.readCommands(user, tile)) {
          replies.push(await client.call(...command))
        }
        totals = together(totals, variant.totalsOf(replies))
      }
      return totals
    }),
  )
}

/** @param later  Of a later tile. */
function together(earlier: Totals | null, later: Totals | null): Totals | null {
  if (earlier === null || later === null) return earlier ?? later
  return {
    count: earlier.count + later.count,
    sum: earlier.sum + later.sum,
    min: Math.min(earlier.min, later.min),
    max: Math.max(earlier.max, later.max),
    last: later.last,
  }
}
