/**
 * The shards behind their lanes: who owns which, and one way to ask them all.
 */
import { assert } from '../base/assert.ts'
import type { KeyFinder, ShardReader } from '../model/contracts.ts'
import type { LaneStart, ReadResult } from '../model/message.ts'
import { createPulse } from '../model/pulse.ts'
import type { Lane } from '../route/lanes.ts'

/** Shards are dealt out to the lanes in turn. */
export function laneStarts(
  shardCount: number,
  threadsMax: number,
  stateBytesMax: number,
  common: Omit<LaneStart, 'lane' | 'shards' | 'stateBytesMax' | 'pulse'>,
): LaneStart[] {
  const threads = Math.min(threadsMax, shardCount)
  return Array.from({ length: threads }, (_, lane) => ({
    lane,
    shards: Array.from({ length: shardCount }, (_, shard) => shard).filter(
      (shard) => shard % threads === lane,
    ),
    stateBytesMax: stateBytesMax / threads,
    pulse: createPulse(),
    ...common,
  }))
}

/** Asks each shard's lane, and puts the answers in the order of the queries. */
export function shardReader(lanes: readonly Lane[], shards: number): ShardReader {
  const laneOf: Lane[] = []
  for (const lane of lanes) for (const shard of lane.shards) laneOf[shard] = lane
  assert(laneOf.length === shards, 'each shard has one lane')
  const [only] = lanes
  if (lanes.length === 1) return (queries) => only!.read(queries)
  return async (queries) => {
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

/** Searches every lane, because keys with some values in common are in all shards. */
export function keyFinder(lanes: readonly Lane[]): KeyFinder {
  return async (search) => (await Promise.all(lanes.map((lane) => lane.find(search)))).flat()
}
