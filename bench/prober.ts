/**
 * Marked events that are sent at due times, and read until they are seen.
 *
 * A probe is an event of one of a few keys that nobody else sends to; its amount is its number
 * among those of its key. As long as one is not seen, its key is asked for over and over, the next
 * question when the answer has come. Its time counts from when it was due to the answer that shows
 * it. One connection sends and another reads, as they would in two programs.
 */
import { createHistogram, performance, type RecordableHistogram } from 'node:perf_hooks'
import { systemClock } from '../src/base/clock.ts'
import { connectTo, type Link } from '../src/load/link.ts'
import { maskedMessage } from '../src/load/message.ts'
import { createEncoder, MsgpackTimestamp } from '../src/model/msgpack.ts'
import {
  decodeServerFrame,
  encodePublish,
  encodeRead,
  type ServerFrame,
} from '../src/wire/protocol.ts'
import { startMetronome } from './metronome.ts'
import { openStream, type StreamLink } from './stream-link.ts'

export interface ProberOptions {
  /** `http://host:port` */
  readonly url: string
  /** Probes a second. */
  readonly rate: number
  /** Names the keys and the producer: other ones for each prober of a daemon. */
  readonly name: string
}

/** Keys that are probed in turn, so that different shards are. */
const keyCount = 16

/** What is read: the facts about a key's probes that must agree. */
const service = 'spending'

const encoder = createEncoder()

/** What is known of one key. */
interface Probed {
  /** When its probes were due, by their number less one. */
  readonly dueMs: number[]
  seen: number
  isAsked: boolean
}

export class Prober {
  /** Microseconds from when a probe was due to the answer that showed it. */
  readonly freshnessUs: RecordableHistogram = createHistogram()
  /** Questions that were answered. */
  reads = 0
  readonly #options: ProberOptions
  readonly #keys: readonly Probed[]
  readonly #questions: readonly Uint8Array[]
  #link: Link | null = null
  #stream: StreamLink | null = null
  #metronome: ReturnType<typeof startMetronome> | null = null
  #startMs = Infinity
  #measuredFromMs = Infinity
  #endMs = Infinity
  #sent = 0
  #unseen = 0
  #onSeen: () => void = () => {}
  #fail!: (error: Error) => void
  /** Rejects with what went wrong. */
  readonly #failed: Promise<never>

  constructor(options: ProberOptions) {
    this.#options = options
    this.#keys = Array.from({ length: keyCount }, () => ({ dueMs: [], seen: 0, isAsked: false }))
    this.#questions = this.#keys.map((_, key) =>
      maskedMessage(encodeRead(key, service, [{ user_id: this.#keyText(key) }])),
    )
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.#failed.catch(() => undefined)
  }

  /** Connects, and begins to send. */
  async start(): Promise<void> {
    const { url, name } = this.#options
    const failed = (error: Error): void => this.#fail(error)
    const stream = openStream(url, {
      features: (_, frame) => this.#answered(frame),
      failed,
    })
    this.#stream = await Promise.race([stream, this.#failed])
    const welcome = new Promise<void>((resolve) => {
      this.#link = connectTo(url)(name, {
        received: (frame) => this.#received(frame, resolve),
        failed,
      })
    })
    await Promise.race([welcome, this.#failed])
    this.#startMs = performance.now()
    const beats = { startMs: this.#startMs, periodMs: 1000 / this.#options.rate }
    this.#metronome = startMetronome(beats, () => this.#sendDue())
  }

  /** Probes that are due from now on are measured. */
  measure(): void {
    this.#measuredFromMs = performance.now()
  }

  /** Sends no more, and waits until all that was sent is seen; returns how many that is. */
  async stop(): Promise<number> {
    this.#endMs = performance.now()
    await this.#metronome?.stop()
    this.#sendDue()
    const seen = new Promise<void>((resolve) => {
      this.#onSeen = resolve
    })
    if (this.#unseen > 0) await Promise.race([seen, this.#failed])
    return this.#sent
  }

  /** Ends it, whatever has become of it. */
  async close(): Promise<void> {
    await this.#metronome?.stop()
    this.#link?.close()
    this.#stream?.close()
  }

  #received(frame: ServerFrame, onWelcome: () => void): void {
    if (frame.kind === 'welcome') onWelcome()
    else if (frame.kind !== 'ack') this.#fail(new Error(`unexpected ${frame.kind}`))
    else if (frame.rejections.length > 0) {
      this.#fail(new Error(`a probe was rejected: ${frame.rejections[0]!.code}`))
    }
  }

  #sendDue(): void {
    for (;;) {
      const dueMs = this.#startMs + (this.#sent * 1000) / this.#options.rate
      if (dueMs > performance.now() || dueMs >= this.#endMs) return
      this.#send(this.#sent % keyCount, dueMs)
    }
  }

  #send(place: number, dueMs: number): void {
    const key = this.#keys[place]!
    key.dueMs.push(dueMs)
    const event = encoder.encode({
      user_id: this.#keyText(place),
      // Events happen before they are told; within this millisecond it could lie in the future.
      timestamp: new MsgpackTimestamp(BigInt(systemClock.nowMs() - 1) * 1_000_000n),
      amount: key.dueMs.length,
      clicked: 0n,
      campaign: 0,
      country: 'CH',
    })
    this.#link!.write(maskedMessage(encodePublish('impressions', this.#sent, [event])))
    this.#sent += 1
    this.#unseen += 1
    this.#ask(place)
  }

  /** Asks for a key, unless an answer about it is on its way. */
  #ask(place: number): void {
    const key = this.#keys[place]!
    if (key.isAsked || key.seen === key.dueMs.length) return
    key.isAsked = true
    this.#stream!.send(this.#questions[place]!)
  }

  #answered(bytes: Buffer): void {
    const nowMs = performance.now()
    const frame = decodeServerFrame(bytes)
    if (frame?.kind !== 'features') return
    this.reads += 1
    const key = this.#keys[frame.id]!
    key.isAsked = false
    const { names, rows } = frame.table
    const count = seenOf(names, rows[0]!.values)
    if (count < key.seen || count > key.dueMs.length) {
      this.#fail(new Error(`${count} probes are seen, of ${key.dueMs.length}`))
      return
    }
    for (; key.seen < count; key.seen++) {
      const dueMs = key.dueMs[key.seen]!
      this.#unseen -= 1
      if (dueMs < this.#measuredFromMs) continue
      this.freshnessUs.record(Math.max(1, Math.round((nowMs - dueMs) * 1000)))
    }
    this.#ask(frame.id)
    if (this.#unseen === 0 && this.#endMs < nowMs) this.#onSeen()
  }

  #keyText(key: number): string {
    return `${this.#options.name}-${key}`
  }
}

/** How many probes of a key an answer shows: the first ones, whole, and nothing else. */
function seenOf(names: readonly string[], values: readonly unknown[]): number {
  const valueOf = (fn: string) => values[names.indexOf(`user_spend.amount_${fn}_1h`)]
  const count = Number(valueOf('count') ?? 0)
  if (count === 0) return 0
  const facts = { sum: (count * (count + 1)) / 2, min: 1, max: count, mean: (count + 1) / 2 }
  for (const [fn, fact] of Object.entries(facts)) {
    if (valueOf(fn) !== fact) throw new Error(`${fn} of ${count} probes is ${String(valueOf(fn))}`)
  }
  return count
}
