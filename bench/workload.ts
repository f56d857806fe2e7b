/**
 * The events of the benches, as WebSocket messages that are ready to be written to a socket.
 *
 * Which event is the n-th follows from the seed and n alone, so that what was sent can be told
 * again afterwards without having been kept. The bytes of some thousand events are encoded and
 * masked once; making a message of them is a copy, in which the sequence and, for each event, the
 * digits of its key and its time are written over what stands there. That costs some ten ns an
 * event. Keys are drawn before the clock starts, uniformly or by Zipf's law.
 */
import { createEncoder } from '../src/model/msgpack.ts'
import { encodePublish } from '../src/wire/protocol.ts'

const sourceName = 'impressions'

/** Bytes of the msgpack of one event. */
const eventBytes = 91

export interface WorkloadOptions {
  /** Different keys, at most 10⁸: they have eight digits. */
  readonly keys: number
  /** Exponent of Zipf's law; 0 draws keys uniformly. */
  readonly zipf: number
  readonly frameEvents: number
  readonly seed: number
}

export interface Workload {
  readonly frameEvents: number
  /** Bytes of a message. */
  readonly messageBytes: number
  /**
   * Makes the message with the n-th frame of the run.
   *
   * @param target  Of `messageBytes` bytes.
   * @param sequence  Of its first event, on the connection that it is sent on.
   * @param timeMs  Event time of its events, which are `gapNs` apart.
   */
  write(target: Message, n: number, sequence: number, timeMs: number): void
  /** Number of the key of event `index` of frame `n`. */
  keyOf(n: number, index: number): number
  /** Time between two events of a frame, ns. */
  readonly gapNs: number
  /** Amount of event `index` of frame `n`: a multiple of 1/8, so that sums of them are exact. */
  amountOf(n: number, index: number): number
}

/** The bytes of a message, to be written over. */
export interface Message {
  readonly bytes: Uint8Array
  readonly view: DataView
}

export function createMessage(bytes: number): Message {
  const buffer = new ArrayBuffer(bytes)
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer) }
}

/** The entity key by its number. */
export function userId(key: number): string {
  return `user-${String(key).padStart(8, '0')}`
}

/** Events that are encoded, at least: enough that amounts differ. */
const encodedEventsMin = 16_384

/** Draws of keys, a power of two; the run walks them over and over. */
const drawsMin = 2 ** 18
const drawsMax = 2 ** 24

export function createWorkload({ keys, zipf, frameEvents, seed }: WorkloadOptions): Workload {
  const random = randomFrom(seed)
  const drawCount = 2 ** Math.ceil(Math.log2(Math.min(Math.max(4 * keys, drawsMin), drawsMax)))
  const draws =
    zipf === 0 ? drawUniform(drawCount, keys, random) : drawZipf(drawCount, keys, zipf, random)
  const templates = Math.ceil(encodedEventsMin / frameEvents)
  const amounts = Float64Array.from({ length: templates * frameEvents }, () => drawAmount(random))
  const { messages, sequenceAt, firstAt, keyAt, timeAt } = encodeTemplates(
    amounts,
    frameEvents,
    random,
  )
  const drawMask = drawCount - 1

  return {
    frameEvents,
    messageBytes: messages[0]!.length,
    gapNs: eventGapNs,
    write({ bytes, view }, n, sequence, timeMs) {
      bytes.set(messages[n % templates]!)
      view.setUint32(sequenceAt, Math.floor(sequence / 2 ** 32) ^ maskWord)
      view.setUint32(sequenceAt + 4, sequence ^ maskWord)
      const seconds = Math.floor(timeMs / 1000)
      let ns = (timeMs - seconds * 1000) * 1e6
      let draw = n * frameEvents
      let at = firstAt
      for (let index = 0; index < frameEvents; index++) {
        const key = draws[draw++ & drawMask]!
        const high = (key / 10_000) | 0
        view.setUint32(at + keyAt, digits[high]! ^ maskWord)
        view.setUint32(at + keyAt + 4, digits[key - high * 10_000]! ^ maskWord)
        // Timestamp 64: 30 bits of ns, then 34 bits of seconds.
        view.setUint32(at + timeAt, (ns << 2) ^ maskWord)
        view.setUint32(at + timeAt + 4, seconds ^ maskWord)
        ns += eventGapNs
        at += eventStride
      }
    },
    keyOf: (n, index) => draws[(n * frameEvents + index) & drawMask]!,
    amountOf: (n, index) => amounts[(n % templates) * frameEvents + index]!,
  }
}

/** Between two events of a frame; the 10,000 of the largest stay within a millisecond. */
const eventGapNs = 99

/** The byte that every byte is masked with: four of them are as good a mask as any. */
const maskByte = 0x5a
const maskWord = 0x5a5a5a5a

/** A bin's head and its event. */
const eventStride = 2 + eventBytes

/** By number below 10,000: its four digits. */
const digits = Uint32Array.from({ length: 10_000 }, (_, number) =>
  Buffer.from(String(number).padStart(4, '0')).readUInt32BE(),
)

/** Encodes one message after another, with a sequence, keys and times that are written over. */
function encodeTemplates(amounts: Float64Array, frameEvents: number, random: () => number) {
  const encoder = createEncoder()
  // With a fraction of a second, so that its timestamp has the form that is written over it.
  const timestamp = new Date(1)
  const events = Array.from(amounts, (amount) =>
    encoder.encode({
      user_id: userId(0),
      timestamp,
      amount,
      clicked: random() < 0.1 ? 1 : 0,
      campaign: 1000 + Math.floor(random() * 9000),
      country: countries[Math.floor(random() * countries.length)]!,
    }),
  )
  if (events.some(({ length }) => length !== eventBytes)) {
    throw new Error(`an event is not ${eventBytes} bytes`)
  }
  const messages: Uint8Array[] = []
  for (let at = 0; at < events.length; at += frameEvents) {
    // A sequence beyond 32 bits takes eight bytes.
    messages.push(masked(encodePublish(sourceName, 2 ** 40, events.slice(at, at + frameEvents))))
  }
  const event = Buffer.from(events[0]!)
  const headBytes = headOf(encodePublish(sourceName, 2 ** 40, events.slice(0, frameEvents))).length
  return {
    messages,
    /** Behind the head, the array, the type, the name and the first byte of the integer. */
    sequenceAt: headBytes + 1 + 1 + 1 + sourceName.length + 1,
    /** Where the first event starts in a message. */
    firstAt: messages[0]!.length - frameEvents * eventStride + 2,
    /** Where the digits of the key and the data of the timestamp stand in an event. */
    keyAt: event.indexOf('user-') + 'user-'.length,
    timeAt: event.indexOf(Buffer.of(0xd7, 0xff)) + 2,
  }
}

/** A frame as a whole binary message of a client. */
function masked(frame: Uint8Array): Uint8Array {
  return Buffer.concat([headOf(frame), frame.map((byte) => byte ^ maskByte)])
}

/** The head of a message: RFC 6455, section 5.2. */
function headOf({ length }: Uint8Array): Uint8Array {
  const [form, size] = length < 126 ? [length, 0] : length < 65_536 ? [126, 2] : [127, 8]
  const head = Buffer.alloc(2 + size + 4, maskByte)
  head[0] = 0x82
  head[1] = 0x80 | form
  if (size === 2) head.writeUInt16BE(length, 2)
  if (size === 8) head.writeBigUInt64BE(BigInt(length), 2)
  return head
}

const countries = ['de', 'fr', 'it', 'nl', 'pl', 'us']

/** An odd multiple of 1/8: never whole, so that it is encoded as a float. */
function drawAmount(random: () => number): number {
  return Math.floor(random() * 10_000) / 4 + 1 / 8
}

function drawUniform(count: number, keys: number, random: () => number): Uint32Array {
  return Uint32Array.from({ length: count }, () => Math.floor(random() * keys))
}

/** Key `k` comes with a probability proportional to `1 / (k + 1) ** exponent`. */
function drawZipf(
  count: number,
  keys: number,
  exponent: number,
  random: () => number,
): Uint32Array {
  const below = new Float64Array(keys)
  let sum = 0
  for (let key = 0; key < keys; key++) below[key] = sum += (key + 1) ** -exponent
  return Uint32Array.from({ length: count }, () => {
    const at = random() * sum
    let low = 0
    let high = keys - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (below[middle]! <= at) low = middle + 1
      else high = middle
    }
    return low
  })
}

/**
 * Numbers in [0, 1) that follow from a seed.
 *
 * @see mulberry32, Tommy Ettinger, public domain.
 */
function randomFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
