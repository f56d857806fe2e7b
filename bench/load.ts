/**
 * Producers in a closed loop: raw WebSocket connections that keep a number of events in flight.
 *
 * In: messages that are ready to be written. `ws` opens the connections and reads from them; what
 * is sent goes to the socket as it is, because masking it byte by byte would cost more than the
 * rest of the generator. Each connection is a producer of its own; it sends as long as its share of
 * the events in flight, and the server's credit, allow, and again when an ACK has come. Out: how
 * many events were acknowledged in the measured time, and how long each of their frames took from
 * its sending to its ACK. Every event that was sent is acknowledged at the end, and none is
 * rejected, or the run fails.
 */
import { createHistogram, performance, type RecordableHistogram } from 'node:perf_hooks'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { decodeServerFrame, encodeHello, streamPath, subprotocol } from '../src/wire/protocol.ts'
import { createMessage, type Message, type Workload } from './workload.ts'

export interface LoadOptions {
  /** Of the daemon: `http://host:port`. */
  readonly url: string
  readonly workload: Workload
  readonly connections: number
  /** Events sent and not acknowledged, all connections together; at least a frame for each. */
  readonly inFlight: number
  /** Not measured at the start, ms. */
  readonly warmupMs: number
  /** Measured, ms. */
  readonly measuredMs: number
  /**
   * When not 0: events that are sent, in whole frames, however long it takes; the first quarter of
   * them is not measured.
   */
  readonly events: number
  /** Called when the measured time begins, and when it ends. */
  readonly onMeasure: (mark: 'begin' | 'end') => void
}

export interface LoadOutcome {
  /** Acknowledged in the measured time. */
  readonly events: number
  readonly measuredMs: number
  /** Microseconds from sending a frame to its ACK. */
  readonly ackUs: RecordableHistogram
  /** By frame: the event time that it was sent with, ms. */
  readonly frameTimesMs: readonly number[]
}

/** An ACK that does not come for so long is not to come, ms. */
const stalledMs = 30_000

export function runLoad(options: LoadOptions): Promise<LoadOutcome> {
  return new Promise((resolve, reject) => {
    const load = new Load(options, (failure) => {
      clearInterval(watch)
      if (failure === null) resolve(load.outcome)
      else reject(failure)
    })
    const watch = setInterval(() => load.assertMoving(), 1000)
  })
}

class Load {
  readonly #options: LoadOptions
  readonly #producers: readonly Producer[]
  readonly #end: (failure: Error | null) => void
  readonly #frameTimesMs: number[] = []
  readonly #ackUs = createHistogram()
  readonly #framesMax: number
  readonly #warmupEvents: number
  readonly #startedAt = performance.now()
  #phase: 'warmup' | 'measured' | 'over' | 'ended' = 'warmup'
  #acked = 0
  #ackedBefore = 0
  #beganAt = 0
  #measuredMs = 0
  #measuredEvents = 0
  #movedAt = performance.now()

  constructor(options: LoadOptions, end: (failure: Error | null) => void) {
    const { url, workload, connections, inFlight, events } = options
    this.#options = options
    this.#end = end
    this.#framesMax = events === 0 ? Infinity : Math.ceil(events / workload.frameEvents)
    this.#warmupEvents = events / 4
    const share = Math.floor(inFlight / connections / workload.frameEvents)
    const framesInFlight = Math.max(1, share)
    this.#producers = Array.from(
      { length: connections },
      (_, n) => new Producer({ url, name: `bench-${n}`, framesInFlight, load: this }),
    )
  }

  get outcome(): LoadOutcome {
    return {
      events: this.#measuredEvents,
      measuredMs: this.#measuredMs,
      ackUs: this.#ackUs,
      frameTimesMs: this.#frameTimesMs,
    }
  }

  get frameEvents(): number {
    return this.#options.workload.frameEvents
  }

  get messageBytes(): number {
    return this.#options.workload.messageBytes
  }

  /** Makes a message of the next frame of the run; false when nothing more is to be sent. */
  next(message: Message, sequence: number): boolean {
    const n = this.#frameTimesMs.length
    const isOpen = this.#phase === 'warmup' || this.#phase === 'measured'
    if (!isOpen || n >= this.#framesMax) return false
    // Events happen before they are told; within this millisecond they could lie in the future.
    const timeMs = Date.now() - 1
    this.#frameTimesMs.push(timeMs)
    this.#options.workload.write(message, n, sequence, timeMs)
    return true
  }

  /** A frame was acknowledged. */
  acknowledged(sentAt: number, now: number): void {
    this.#movedAt = now
    this.#acked += this.frameEvents
    if (this.#phase === 'measured')
      this.#ackUs.record(Math.max(1, Math.round((now - sentAt) * 1e3)))
  }

  /** Every frame of an ACK was counted: moves on to the next phase when it is time. */
  settled(now: number): void {
    const { events, warmupMs, measuredMs, onMeasure } = this.#options
    if (this.#phase === 'warmup') {
      if (events === 0 ? now - this.#startedAt < warmupMs : this.#acked < this.#warmupEvents) return
      this.#phase = 'measured'
      this.#beganAt = now
      this.#ackedBefore = this.#acked
      onMeasure('begin')
    } else if (this.#phase === 'measured') {
      const isDone = this.#acked >= this.#framesMax * this.frameEvents
      if (events === 0 ? now - this.#beganAt < measuredMs : !isDone) return
      this.#phase = 'over'
      this.#measuredMs = now - this.#beganAt
      this.#measuredEvents = this.#acked - this.#ackedBefore
      onMeasure('end')
    }
    if (this.#phase === 'over' && this.#acked === this.#frameTimesMs.length * this.frameEvents) {
      this.#finish(null)
    }
  }

  fail(reason: string): void {
    this.#finish(new Error(reason))
  }

  assertMoving(): void {
    if (performance.now() - this.#movedAt > stalledMs) this.fail('no ACK has come for 30 seconds')
  }

  #finish(failure: Error | null): void {
    if (this.#phase === 'ended') return
    this.#phase = 'ended'
    for (const producer of this.#producers) producer.close()
    this.#end(failure)
  }
}

/** One connection. */
class Producer {
  readonly #load: Load
  readonly #socket: WebSocket
  readonly #framesInFlight: number
  /** By a frame's number modulo those in flight: when it was sent, and its bytes until its ACK. */
  readonly #sentAt: Float64Array
  readonly #messages: readonly Message[]
  /** Below the WebSocket. */
  #stream: Socket | null = null
  #window = 0
  #sent = 0
  #acked = 0

  constructor(options: {
    readonly url: string
    readonly name: string
    readonly framesInFlight: number
    readonly load: Load
  }) {
    const { url, name, framesInFlight, load } = options
    this.#load = load
    this.#framesInFlight = framesInFlight
    this.#sentAt = new Float64Array(framesInFlight)
    this.#messages = Array.from({ length: framesInFlight }, () => createMessage(load.messageBytes))
    const target = `${url.replace(/^http/, 'ws')}${streamPath}`
    this.#socket = new WebSocket(target, subprotocol, { perMessageDeflate: false })
    this.#socket.on('upgrade', ({ socket }: IncomingMessage) => {
      this.#stream = socket
    })
    this.#socket.on('open', () => {
      this.#socket.send(encodeHello({ producer: name, epoch: null }))
    })
    this.#socket.on('message', (message: Buffer) => this.#received(message))
    this.#socket.on('error', ({ message }) => load.fail(message))
    this.#socket.on('close', (code, reason) => load.fail(`closed: ${code} ${String(reason)}`))
  }

  close(): void {
    this.#socket.close()
  }

  #received(message: Buffer): void {
    const frame = decodeServerFrame(message)
    if (frame?.kind === 'welcome') {
      const { events, bytes } = frame.credits
      const frameBytesMax = 128 * this.#load.frameEvents
      const credit = Math.min(events / this.#load.frameEvents, bytes / frameBytesMax)
      this.#window = Math.max(1, Math.min(this.#framesInFlight, Math.floor(credit)))
    } else if (frame?.kind === 'ack') {
      const { upTo, rejections, duplicates } = frame
      if (rejections.length > 0) this.#load.fail(`an event was rejected: ${rejections[0]!.message}`)
      if (duplicates > 0) this.#load.fail(`${duplicates} events were taken for duplicates`)
      this.#acknowledged((upTo + 1) / this.#load.frameEvents)
    } else this.#load.fail(`unexpected: ${frame?.kind}`)
    this.#fill()
  }

  /** @param frames  Acknowledged since the start; a batch is acknowledged whole. */
  #acknowledged(frames: number): void {
    const now = performance.now()
    for (; this.#acked < frames; this.#acked++) {
      this.#load.acknowledged(this.#sentAt[this.#acked % this.#framesInFlight]!, now)
    }
    this.#load.settled(now)
  }

  #fill(): void {
    const { frameEvents } = this.#load
    const stream = this.#stream!
    stream.cork()
    while (this.#sent - this.#acked < this.#window) {
      const place = this.#sent % this.#framesInFlight
      const message = this.#messages[place]!
      if (!this.#load.next(message, this.#sent * frameEvents)) break
      this.#sentAt[place] = performance.now()
      this.#sent += 1
      stream.write(message.bytes)
    }
    stream.uncork()
  }
}
