/**
 * The commands with which Redis keeps tiles by hand, in two ways, and how the tiles are read.
 *
 * A user has one hash, in which a tile has a name such as `5m:5911111`. Either every aggregate is a
 * field and every event some commands; what has no command for it, min and max, is in a sorted set
 * beside the hash. Or every tile is one packed field and a script changes it: one command for all
 * the events of a frame, which is the fastest of all that was tried.
 */
import type { Totals } from './check.ts'
import type { Reply } from './resp.ts'
import { tileOf } from './tiles.ts'

/** Of one event. */
export interface Write {
  readonly user: string
  readonly amount: number
  /** Digits of ms since the epoch. */
  readonly time: string
}

/** The tiles of a moment, one of each width. */
export interface TileNames {
  readonly fiveMinutes: string
  readonly hour: string
}

export interface Variant {
  readonly name: string
  /** Commands of some events; each command gets one reply. */
  commandsOf(writes: readonly Write[], tiles: TileNames): readonly (readonly string[])[]
  /** What asks for a tile of a user, and what the replies say. */
  readCommands(user: string, tile: string): readonly (readonly string[])[]
  totalsOf(replies: readonly Reply[]): Totals | null
}

export function tilesAt(ms: number): TileNames {
  return {
    fiveMinutes: `5m:${tileOf('fiveMinutes', ms)}`,
    hour: `1h:${tileOf('hours', ms)}`,
  }
}

/** Sums are integers, of thousandths: `HINCRBYFLOAT` is slower, and rounds. */
const sumUnit = 1000

/** Commands for each event, in a pipeline. The last amount is the last to arrive. */
export const pipeline: Variant = {
  name: 'Redis pipeline',
  commandsOf: (writes, { fiveMinutes, hour }) =>
    writes.flatMap(({ user, amount }) => {
      const [hash, ends, value] = [`tiles:${user}`, `ends:${user}`, String(amount)]
      const thousandths = String(amount * sumUnit)
      return [
        ['HINCRBY', hash, `${fiveMinutes}:count`, '1'],
        ['HINCRBY', hash, `${hour}:count`, '1'],
        ['HINCRBY', hash, `${fiveMinutes}:sum`, thousandths],
        ['HINCRBY', hash, `${hour}:sum`, thousandths],
        ['HSET', hash, `${fiveMinutes}:last`, value, `${hour}:last`, value],
        ['ZADD', ends, 'LT', value, `${fiveMinutes}:min`, value, `${hour}:min`],
        ['ZADD', ends, 'GT', value, `${fiveMinutes}:max`, value, `${hour}:max`],
      ]
    }),
  readCommands: (user, tile) => [
    ['HMGET', `tiles:${user}`, `${tile}:count`, `${tile}:sum`, `${tile}:last`],
    ['ZMSCORE', `ends:${user}`, `${tile}:min`, `${tile}:max`],
  ],
  totalsOf([fields, ends]) {
    const [count, sum, last, min, max] = [...(fields as Reply[]), ...(ends as Reply[])].map(Number)
    if (count === 0) return null
    return { count: count!, sum: sum! / sumUnit, min: min!, max: max!, last: last! }
  },
}

/** One script for all the events of a frame. The last amount is the one with the latest time. */
export function scripted(sha: string): Variant {
  return {
    name: 'Redis Lua',
    commandsOf: (writes, { fiveMinutes, hour }) => [
      [
        ['EVALSHA', sha, String(writes.length)],
        writes.map(({ user }) => `tiles:${user}`),
        [fiveMinutes, hour],
        writes.flatMap(({ amount, time }) => [String(amount), time]),
      ].flat(),
    ],
    readCommands: (user, tile) => [['HGET', `tiles:${user}`, tile]],
    totalsOf([packed]) {
      if (packed === null) return null
      const bytes = Buffer.from(packed as string, 'latin1')
      const [count, sum, min, max, last] = [0, 8, 16, 24, 32].map((at) => bytes.readDoubleLE(at))
      return { count: count!, sum: sum!, min: min!, max: max!, last: last! }
    },
  }
}

/** `KEYS`: the hash of each event. `ARGV`: two tiles, then an amount and a time of each event. */
export const script = `
local pack, unpack = struct.pack, struct.unpack
local fields = { ARGV[1], ARGV[2] }
for n, hash in ipairs(KEYS) do
  local amount, time = tonumber(ARGV[2 * n + 1]), tonumber(ARGV[2 * n + 2])
  local tiles = redis.call('HMGET', hash, fields[1], fields[2])
  for i = 1, 2 do
    if tiles[i] then
      local count, sum, min, max, last, latest = unpack('<dddddd', tiles[i])
      if amount < min then min = amount end
      if amount > max then max = amount end
      if time >= latest then last, latest = amount, time end
      tiles[i] = pack('<dddddd', count + 1, sum + amount, min, max, last, latest)
    else
      tiles[i] = pack('<dddddd', 1, amount, amount, amount, amount, time)
    end
  end
  redis.call('HSET', hash, fields[1], tiles[1], fields[2], tiles[2])
end
return #KEYS`
