/**
 * The events of a workload in frames that a peer understands: one array of events, msgpack or JSON.
 *
 * The bytes of an event are those that the product gets; in JSON it is the same event, its time in
 * ms. As the product's messages, they stand ready, encoded and masked; making the one of a frame is
 * a copy, in which keys and times are written over.
 */
import { Decoder } from '@msgpack/msgpack'
import { keyPatch, timePatch, type Patch } from '../../src/load/patch.ts'
import { createMessage, maskedMessage, type Message } from '../../src/load/message.ts'
import type { Workload } from '../../src/load/workload.ts'

export type Format = 'msgpack' | 'json'

/** An event as its fields are when they are decoded. */
export interface Impression {
  readonly user_id: string
  /** JSON has ms. */
  readonly timestamp: Date | number
  readonly amount: number
  readonly clicked: number
  readonly campaign: number
  readonly country: string
}

/** Events that are encoded, at least: as many as the product's generator walks over. */
const encodedEventsMin = 16_384

/** Digits of a key, and of ms since the epoch. */
const keyDigits = 8
const msDigits = 13

const keys = keyPatch('user_id', { kind: 'String', nullable: false })
const times = timePatch({ share: 0, msMax: 0, seed: 0 })

/** The same events as `workload`, in other frames. */
export function createArrayFrames(workload: Workload, format: Format): Workload {
  const { frameEvents } = workload
  const frames = Math.ceil(encodedEventsMin / frameEvents)
  const templates = Array.from({ length: frames }, (_, n) =>
    templateOf(eventsOf(workload, n), format),
  )
  const frameKeys = new Uint32Array(frameEvents)
  const timesOf = format === 'json' ? digitTimes : times
  return {
    source: workload.source,
    frameEvents,
    messageBytesMax: templates.reduce((max, { message }) => Math.max(max, message.length), 0),
    eventBytes: workload.eventBytes,
    write({ bytes, view }, n, _sequence, timeMs) {
      const { message, keyAt, timeAt } = templates[n % frames]!
      bytes.set(message)
      for (let i = 0; i < frameEvents; i++) frameKeys[i] = workload.keyOf(n, i)
      const facts = { first: n * frameEvents, count: frameEvents, timeMs, keys: frameKeys }
      keys.write(view, keyAt, 0, facts)
      timesOf.write(view, timeAt, 0, facts)
      return message.length
    },
    isRepeated: () => false,
    keyOf: (n, index) => workload.keyOf(n, index),
    valueOf: (field, n, index) => workload.valueOf(field, n % frames, index),
  }
}

/** The bytes of a frame without the head and the mask of its message. */
export function unmasked({ bytes }: Message, length: number): Uint8Array {
  const form = bytes[1]! & 0x7f
  const head = 2 + (form === 126 ? 2 : form === 127 ? 8 : 0)
  const mask = bytes.subarray(head, head + 4)
  return bytes.slice(head + 4, length).map((byte, i) => byte ^ mask[i & 3]!)
}

/** Msgpack of the events of a frame. */
function eventsOf(workload: Workload, n: number): readonly Uint8Array[] {
  const message = createMessage(workload.messageBytesMax)
  const length = workload.write(message, n, 0, 0)
  const publish = new Decoder().decode(unmasked(message, length)) as [unknown, unknown, unknown, []]
  return publish[3]
}

interface Template {
  readonly message: Uint8Array
  /** Where the digits of each event's key stand, and its time. */
  readonly keyAt: Uint32Array
  readonly timeAt: Uint32Array
}

function templateOf(events: readonly Uint8Array[], format: Format): Template {
  const frame = format === 'json' ? jsonFrame(events) : msgpackFrame(events)
  const message = maskedMessage(frame)
  const head = message.length - frame.length
  // The key is the first field, the time the second.
  const [keyMark, timeMark] =
    format === 'json' ? ['"user-', '"timestamp":'] : ['user-', '\u{d7}\u{ff}']
  const keyAt: number[] = []
  const timeAt: number[] = []
  for (let at = 0; keyAt.length < events.length;) {
    at = frame.indexOf(keyMark, at) + keyMark.length
    keyAt.push(head + at)
    at = frame.indexOf(timeMark, at + keyDigits, 'latin1') + timeMark.length
    timeAt.push(head + at)
  }
  return { message, keyAt: Uint32Array.from(keyAt), timeAt: Uint32Array.from(timeAt) }
}

function msgpackFrame(events: readonly Uint8Array[]): Buffer {
  const head =
    events.length < 16
      ? Buffer.of(0x90 | events.length)
      : Buffer.of(0xdc, events.length >> 8, events.length & 0xff)
  return Buffer.concat([head, ...events])
}

function jsonFrame(events: readonly Uint8Array[]): Buffer {
  const decoder = new Decoder()
  const texts = events.map((bytes) => {
    const event = decoder.decode(bytes) as Impression
    return JSON.stringify({ ...event, timestamp: 10 ** (msDigits - 1) })
  })
  return Buffer.from(`[${texts.join(',')}]`)
}

/** The times of JSON: the same whole ms for every event of a frame. */
const digitTimes: Pick<Patch, 'write'> = {
  write(view, places, from, { count, timeMs }) {
    const digits = maskedDigits(timeMs)
    for (let i = 0; i < count; i++) {
      const at = places[from + i]!
      for (let d = 0; d < msDigits; d++) view.setUint8(at + d, digits[d]!)
    }
  },
}

function maskedDigits(ms: number): Uint8Array {
  const message = maskedMessage(Buffer.from(String(ms)))
  return message.subarray(message.length - msDigits)
}
