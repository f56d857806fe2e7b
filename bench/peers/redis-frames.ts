/**
 * Frames of a workload as commands of Redis that stand ready; keys and times are written over.
 *
 * As the product's generator: what is left for the time that is measured is a copy, eight bytes for
 * each key and thirteen for each time.
 */
import type { Workload } from '../../src/load/workload.ts'
import { userId } from '../workload.ts'
import type { TileNames, Variant, Write } from './redis-commands.ts'
import { encodeCommand } from './resp.ts'

/** Events of one script: more would keep Redis from all others for too long, and gain nothing. */
const commandEventsMax = 500

/** Events that are encoded, at least. */
const encodedEventsMin = 16_384

const timeDigits = 13

/** A time that is written over, and what stands before and behind it. */
const time = '1'.padEnd(timeDigits, '0')
const timeMark = `$${timeDigits}\r\n${time}\r\n`
const userMark = userId(0).slice(0, -8)

export interface RedisFrames {
  readonly bytesMax: number
  /** @returns the bytes and the number of replies of frame `n`, in `target`. */
  write(target: Buffer, n: number, timeMs: number): { length: number; replies: number }
}

interface Template {
  readonly bytes: Buffer
  readonly replies: number
  /** Where the digits of a key stand, and of which event of the frame it is. */
  readonly keys: readonly { readonly at: number; readonly index: number }[]
  readonly times: readonly number[]
}

/** @param tiles  That the events of all frames lie in. */
export function createRedisFrames(
  workload: Workload,
  variant: Variant,
  tiles: TileNames,
): RedisFrames {
  const frames = Math.ceil(encodedEventsMin / workload.frameEvents)
  const templates = Array.from({ length: frames }, (_, n) =>
    templateOf(workload, n, variant, tiles),
  )
  return {
    bytesMax: templates.reduce((max, { bytes }) => Math.max(max, bytes.length), 0),
    write(target, n, timeMs) {
      const { bytes, replies, keys, times } = templates[n % frames]!
      bytes.copy(target)
      for (const { at, index } of keys) {
        target.write(String(workload.keyOf(n, index)).padStart(8, '0'), at, 'latin1')
      }
      const digits = String(timeMs)
      for (const at of times) target.write(digits, at, 'latin1')
      return { length: bytes.length, replies }
    },
  }
}

function templateOf(workload: Workload, n: number, variant: Variant, tiles: TileNames): Template {
  const { frameEvents } = workload
  const writes = Array.from({ length: frameEvents }, (_, index): Write => {
    return { user: userId(index), amount: workload.valueOf('amount', n, index) as number, time }
  })
  const commands: (readonly string[])[] = []
  for (let from = 0; from < frameEvents; from += commandEventsMax) {
    commands.push(...variant.commandsOf(writes.slice(from, from + commandEventsMax), tiles))
  }
  const bytes = Buffer.concat(commands.map(encodeCommand))
  const keys = placesOf(bytes, userMark).map((place) => {
    const at = place + userMark.length
    // The number of its key is that of the event, as long as the template is not written over.
    return { at, index: Number(bytes.toString('latin1', at, at + 8)) }
  })
  const times = placesOf(bytes, timeMark).map((place) => place + timeMark.indexOf(time))
  return { bytes, replies: commands.length, keys, times }
}

function placesOf(bytes: Buffer, mark: string): number[] {
  const places: number[] = []
  let at = bytes.indexOf(mark)
  while (at !== -1) {
    places.push(at)
    at = bytes.indexOf(mark, at + mark.length)
  }
  return places
}
