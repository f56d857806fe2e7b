/**
 * The process of the peer `plain`: what an engineer would write in an afternoon, and no more.
 *
 * Frames come over `ws`, arrays of events in msgpack or JSON. Each event is put into LMDB, from
 * which the state could be made again after a restart, and into the tiles of its user, which are
 * objects in a `Map`. A frame is answered when its events are on disk. Nothing is checked, no event
 * is told from its repetition, nothing old is dropped.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Decoder } from '@msgpack/msgpack'
import { open } from 'lmdb'
import { WebSocketServer, type WebSocket } from 'ws'
import { systemClock } from '../../src/base/clock.ts'
import type { Totals } from './check.ts'
import { answerParent, childArgument } from './child.ts'
import type { Impression } from './frames.ts'
import type { PlainArgument } from './plain.ts'
import { tileOf } from './tiles.ts'

interface Tile {
  count: number
  sum: number
  min: number
  max: number
  last: number
  lastMs: number
}

/** The tiles of a user, by their numbers: those of five minutes for 1h, of an hour for 24h. */
interface User {
  readonly fiveMinutes: Map<number, Tile>
  readonly hours: Map<number, Tile>
}

const { path, format } = childArgument() as PlainArgument
const database = open<Impression, number>({ path, keyEncoding: 'uint32' })
const users = new Map<string, User>()
let events = 0

const decoder = new Decoder()
const decode: (frame: Buffer) => unknown =
  format === 'json' ? (frame) => JSON.parse(frame.toString()) : (frame) => decoder.decode(frame)

function serve(socket: WebSocket): void {
  let taken = 0
  const take = async (frame: Buffer): Promise<void> => {
    let stored: Promise<boolean> = Promise.resolve(true)
    for (const event of decode(frame) as Impression[]) {
      stored = database.put(events++, event)
      count(event)
    }
    await stored
    await database.flushed
    const answer = Buffer.allocUnsafe(4)
    answer.writeUInt32BE(++taken)
    socket.send(answer)
  }
  const failed = (): void => socket.terminate()
  socket.on('message', (frame: Buffer) => void take(frame).catch(failed))
}

function count({ user_id, timestamp, amount }: Impression): void {
  let user = users.get(user_id)
  if (user === undefined) {
    user = { fiveMinutes: new Map(), hours: new Map() }
    users.set(user_id, user)
  }
  const ms = Number(timestamp)
  add(user.fiveMinutes, tileOf('fiveMinutes', ms), ms, amount)
  add(user.hours, tileOf('hours', ms), ms, amount)
}

function add(tiles: Map<number, Tile>, number: number, ms: number, amount: number): void {
  const tile = tiles.get(number)
  if (tile === undefined) {
    tiles.set(number, { count: 1, sum: amount, min: amount, max: amount, last: amount, lastMs: ms })
    return
  }
  tile.count += 1
  tile.sum += amount
  if (amount < tile.min) tile.min = amount
  if (amount > tile.max) tile.max = amount
  if (ms >= tile.lastMs) {
    tile.last = amount
    tile.lastMs = ms
  }
}

/** What both windows hold, which in a bench is the same. Null when they differ. */
function totalsOf(name: string): Totals | null {
  const user = users.get(name)
  if (user === undefined) return null
  const nowMs = systemClock.nowMs()
  const hour = within(user.fiveMinutes, tileOf('fiveMinutes', nowMs - 3_600_000))
  const day = within(user.hours, tileOf('hours', nowMs - 86_400_000))
  return JSON.stringify(hour) === JSON.stringify(day) ? hour : null
}

function within(tiles: Map<number, Tile>, first: number): Totals {
  const all = [...tiles].filter(([number]) => number >= first).map(([, tile]) => tile)
  return {
    count: all.reduce((sum, { count }) => sum + count, 0),
    sum: all.reduce((sum, { sum: part }) => sum + part, 0),
    min: Math.min(...all.map(({ min }) => min)),
    max: Math.max(...all.map(({ max }) => max)),
    // Of several connections: which of them was last does not follow from what was sent.
    last: null,
  }
}

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
server.on('connection', serve)
await once(server, 'listening')
const { port } = server.address() as AddressInfo
answerParent(`ws://127.0.0.1:${port}`, (names) => {
  return { stored: database.getCount(), totals: (names as string[]).map(totalsOf) }
})
