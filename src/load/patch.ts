/**
 * What is written over in a message that stands ready: the values of one field, for every event of
 * a frame.
 *
 * A field whose values differ from event to event for a reason, such as a key, is encoded once in a
 * form of fixed length; its patch writes the bytes that the value has in this event. All bytes are
 * masked. Cost: a few ns an event.
 */
import type { DataType } from '../model/types.ts'
import { maskWord } from './message.ts'
import { randomAt } from './random.ts'

/** One frame that is about to be sent. */
export interface FrameFacts {
  /** Of its first event, counted over the whole run. */
  readonly first: number
  readonly count: number
  /** Event time of its first event, ms; they are {@link eventGapNs} apart. */
  readonly timeMs: number
  /** `keys[count]`: number of the entity key of each event. */
  readonly keys: Uint32Array
}

export interface Patch {
  /** The value in the message that is written over, msgpack. */
  readonly template: unknown
  /** From the start of its msgpack to the bytes that are written over. */
  readonly offset: number
  /** Writes them for each event; `places[from + i]` is where those of event `i` stand. */
  write(view: DataView, places: Uint32Array, from: number, frame: FrameFacts): void
}

/** Between two events of a frame; the 10,000 of the largest stay within a millisecond. */
export const eventGapNs = 99

/** By number below 10,000: its four digits. */
const digits = Uint32Array.from({ length: 10_000 }, (_, number) =>
  Buffer.from(String(number).padStart(4, '0')).readUInt32BE(),
)

/** The text of a join key by the number of the entity key: `user-00000007` of `user_id`. */
export function keyText(field: string, key: number): string {
  return `${field.replace(/_id$/, '').slice(0, 64)}-${String(key).padStart(8, '0')}`
}

/** The values of a join key: a text with eight digits, the number itself, or whether it is odd. */
export function keyPatch(field: string, type: DataType): Patch {
  if (type.kind === 'Bool') {
    return {
      template: false,
      offset: 0,
      write(view, places, from, { count, keys }) {
        const no = 0xc2 ^ (maskWord & 0xff)
        for (let i = 0; i < count; i++) view.setUint8(places[from + i]!, no ^ (keys[i]! & 1))
      },
    }
  }
  if (type.kind !== 'String') {
    return {
      // In four bytes, of which the first is not 0.
      template: 2 ** 32 - 1,
      offset: 1,
      write(view, places, from, { count, keys }) {
        for (let i = 0; i < count; i++) view.setUint32(places[from + i]!, keys[i]! ^ maskWord)
      },
    }
  }
  const template = keyText(field, 0)
  return {
    template,
    offset: textHeadBytes(template) + Buffer.byteLength(template) - 8,
    write(view, places, from, { count, keys }) {
      for (let i = 0; i < count; i++) writeDigits(view, places[from + i]!, keys[i]!)
    },
  }
}

/**
 * Event ids, different in every event of a run and, as far as they are long enough, in every run.
 *
 * @param startMs  When the run starts: what tells its ids from those of others.
 */
export function idPatch(type: DataType, startMs: number): Patch {
  if (type.kind === 'String') {
    const template = `${startMs.toString(36)}-${'0'.repeat(16)}`
    return {
      template,
      offset: textHeadBytes(template) + template.length - 16,
      write(view, places, from, { first, count }) {
        for (let i = 0; i < count; i++) {
          const high = Math.floor((first + i) / 1e8)
          writeDigits(view, places[from + i]!, high)
          writeDigits(view, places[from + i]! + 8, first + i - high * 1e8)
        }
      },
    }
  }
  const isWide = type.kind === 'Int64'
  const seconds = Math.floor(startMs / 1000)
  const mask = isWide ? 0xffffffff : 0x7fffffff
  // An Int64 holds the second and a counter; the counters of an Int32 can only start apart.
  const start = isWide ? 0 : Math.imul(seconds, 0x9e3779b1)
  return {
    template: isWide ? BigInt(seconds) * 2n ** 32n : 2 ** 32 - 1,
    offset: isWide ? 5 : 1,
    write(view, places, from, { first, count }) {
      for (let i = 0; i < count; i++) {
        view.setUint32(places[from + i]!, ((start + first + i) & mask) ^ maskWord)
      }
    },
  }
}

export interface Disorder {
  /** Of the events, 0 to 1. */
  readonly share: number
  /** How far back their event times lie at most, ms. */
  readonly msMax: number
  readonly seed: number
}

/** How far back the event time of event `i` of the run lies, whole ms; 0 for most. */
export function disorderMs({ share, msMax, seed }: Disorder, i: number): number {
  const drawn = randomAt(seed, i)
  return drawn < share ? 1 + Math.floor((drawn / share) * msMax) : 0
}

/** Event times. */
export function timePatch(disorder: Disorder): Patch {
  return {
    // With a fraction of a second, which takes the form with room for all that comes.
    template: new Date(1),
    offset: 2,
    write(view, places, from, { first, count, timeMs }) {
      if (disorder.share === 0) {
        writeTimes(view, places, from, timeMs, 0, count)
        return
      }
      for (let i = 0; i < count; i++) {
        const backMs = disorderMs(disorder, first + i)
        writeTimes(view, places, from + i, timeMs - backMs, i, 1)
      }
    },
  }
}

/** Times of so many events, the first of which is the `index`-th of its frame. */
function writeTimes(
  view: DataView,
  places: Uint32Array,
  from: number,
  timeMs: number,
  index: number,
  count: number,
): void {
  const seconds = Math.floor(timeMs / 1000)
  let ns = (timeMs - seconds * 1000) * 1e6 + eventGapNs * index
  for (let i = 0; i < count; i++) {
    const at = places[from + i]!
    // Timestamp 64: 30 bits of ns, then 34 bits of seconds.
    view.setUint32(at, (ns << 2) ^ maskWord)
    view.setUint32(at + 4, seconds ^ maskWord)
    ns += eventGapNs
  }
}

/** Eight digits. */
function writeDigits(view: DataView, at: number, number: number): void {
  const high = (number / 10_000) | 0
  view.setUint32(at, digits[high]! ^ maskWord)
  view.setUint32(at + 4, digits[number - high * 10_000]! ^ maskWord)
}

/** Bytes before the text in the msgpack of a text of up to 255 bytes. */
function textHeadBytes(text: string): number {
  return Buffer.byteLength(text) < 32 ? 1 : 2
}
