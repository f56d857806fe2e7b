/**
 * One connection's side of the protocol, without the socket.
 *
 * In: the messages of one WebSocket, in order. Out: frames to its peer, batches to the intake,
 * reads to the reader. A state machine: `greeting` until HELLO, `opening` while the producer is
 * opened, `open`, then `leaving` (BYE) or `draining` (GOAWAY) until what was taken is acknowledged,
 * and `closed`. Whatever goes wrong closes the connection with a code of the error table; nothing
 * is sent or handed on after that.
 *
 * Thread: main. @see docs/reference/protocol.md
 */
import { errorTable, MillraceError, type ErrorCode } from '../base/errors.ts'
import {
  readKeysMax,
  sendBufferBytesHardMax,
  sendBufferBytesMax,
  sequenceGapsMax,
  sessionFlushesMax,
  sessionReadKeysMax,
  sessionReadsMax,
  storageRetryMs,
} from '../base/limits.ts'
import type { ProducerSession } from '../model/contracts.ts'
import { everything, type Permission, type Target } from '../model/permission.ts'
import { AckBuffer } from './acks.ts'
import { InFlight } from './in-flight.ts'
import * as protocol from './protocol.ts'
import type { HelloFrame, PublishFrame, ReadFrame } from './protocol.ts'
import { readTable } from './read-options.ts'
import type { Connection, SessionOptions } from './session-options.ts'
import { ToldCredits } from './told-credits.ts'

type State = 'greeting' | 'opening' | 'open' | 'leaving' | 'draining' | 'closed'

export class Session {
  readonly #options: SessionOptions
  readonly #connection: Connection
  readonly #stopHelloTimer: () => void
  readonly #inFlight = new InFlight()
  readonly #acks = new AckBuffer()
  readonly #credits: ToldCredits
  #state: State = 'greeting'
  #producer: ProducerSession | null = null
  /** Messages that came while the producer was being opened. */
  #early: Uint8Array[] = []
  #gaps = 0
  /** A batch was refused for a time: those that were in flight behind it follow with gaps. */
  #isBehindRefusal = false
  /** Reads that are not answered, and their keys. */
  #reads = 0
  #readKeys = 0
  #flushes: { readonly token: number; readonly mark: number }[] = []
  #congested = false
  /** The intake wants no more of the producer for now. */
  #isHeldBack = false
  #isReading = true

  constructor(connection: Connection, options: SessionOptions) {
    this.#connection = connection
    this.#options = options
    this.#credits = new ToldCredits(options.credits)
    const timeoutMs = options.helloTimeoutMs
    this.#stopHelloTimer = options.scheduler.after(timeoutMs, () => {
      // Where this thread was busy, what came meanwhile is read in this turn, after the timers.
      options.scheduler.soon(() => {
        if (this.#state === 'greeting')
          this.#fail(new MillraceError('HELLO_TIMEOUT', { timeoutMs }))
      })
    })
  }

  get state(): State {
    return this.#state
  }

  /** True while the peer takes in less than it is sent; its socket is not read then. */
  get congested(): boolean {
    return this.#congested
  }

  /** Takes one binary message, whose bytes are kept only while the producer is being opened. */
  received(bytes: Uint8Array): void {
    if (this.#state === 'closed') return
    if (this.#state === 'opening') {
      this.#early.push(bytes)
      return
    }
    try {
      this.#handle(protocol.decodeClientFrame(bytes))
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  receivedText(): void {
    this.#fail(new MillraceError('FRAME_TEXT'))
  }

  /** What was sent has left: the peer may be read again. */
  writable(): void {
    if (!this.#congested || this.#connection.bufferedBytes > sendBufferBytesMax) return
    this.#congested = false
    this.#adjustReading()
  }

  /** Closes when whoever it is for is not known any more: a key was revoked, or has expired. */
  checkGrant(): void {
    const refusal = (this.#options.grant ?? everything).refusal('read-metadata')
    if (refusal?.code === 'UNAUTHORIZED') this.#fail(refusal)
  }

  /** The socket is gone. */
  disconnected(): void {
    this.#end()
  }

  /**
   * Asks the peer to leave: what was taken is acknowledged, nothing more is taken, then the
   * connection closes with `DRAINING`.
   *
   * @param deadlineMs  Time until the caller cuts the connection.
   */
  drain(deadlineMs: number): void {
    if (this.#state === 'closed' || this.#state === 'draining') return
    const reason = new MillraceError('DRAINING')
    if (this.#state === 'greeting' || this.#state === 'opening') {
      this.#fail(reason)
      return
    }
    this.#send(protocol.encodeGoaway(reason.message, deadlineMs))
    if (this.#state === 'open') this.#state = 'draining'
    this.#adjustReading()
    this.#settle()
  }

  /** Closes because of an error that is not the peer's. */
  fail(error: MillraceError): void {
    this.#fail(error)
  }

  #handle(frame: protocol.ClientFrame | null): void {
    if (frame === null) return
    if (this.#state === 'leaving') throw invalid('nothing follows BYE')
    if (this.#state === 'greeting') {
      if (frame.kind !== 'hello') throw invalid('HELLO comes first')
      this.#stopHelloTimer()
      void this.#open(frame)
      return
    }
    switch (frame.kind) {
      case 'hello':
        throw invalid('HELLO comes once')
      case 'publish':
        this.#publish(frame)
        return
      case 'flush':
        if (this.#flushes.length >= sessionFlushesMax) throw invalid('too many FLUSH unanswered')
        this.#flushes.push({ token: frame.token, mark: this.#inFlight.mark })
        this.#settle()
        return
      case 'bye':
        this.#state = 'leaving'
        this.#settle()
        return
      case 'read':
        void this.#read(frame)
        return
    }
  }

  async #open(hello: HelloFrame): Promise<void> {
    const { version, producer, epoch } = hello
    this.#state = 'opening'
    this.#adjustReading()
    let isExpired = false
    try {
      if (version !== protocol.protocolVersion) throw invalid(`version ${version} is not spoken`)
      if (producer !== null) this.#assertGranted('write-events')
      if (producer === null) {
        if (epoch !== null) throw invalid('an epoch without a producer')
      } else if (epoch === null || this.#isOurs(hello)) {
        const opened = await this.#options.ingest.openProducer(producer, epoch, {
          acknowledged: (acknowledgement) => {
            this.#inFlight.release(acknowledgement.upTo)
            if (!this.#acks.waiting) this.#options.scheduler.soon(() => this.#sendAcks())
            this.#acks.add(acknowledgement)
          },
          fenced: () => this.#fail(new MillraceError('PRODUCER_FENCED', { producer })),
          held: (isHeld) => {
            this.#isHeldBack = isHeld
            this.#adjustReading()
          },
        })
        if (this.#isClosed()) opened.close()
        else this.#producer = opened
      }
    } catch (thrown) {
      isExpired = thrown instanceof MillraceError && thrown.code === 'PRODUCER_EXPIRED'
      if (!isExpired) this.#fail(thrown)
    }
    if (!this.#isClosed()) this.#welcome(isExpired)
  }

  /** Whether an epoch can be one of this store's: in another history its number was another's. */
  #isOurs({ incarnation }: HelloFrame): boolean {
    return incarnation === undefined || incarnation === this.#options.incarnation
  }

  #welcome(isExpired: boolean): void {
    const { server, limits, heartbeatMs, sources, services } = this.#options
    const { incarnation } = this.#options
    const opened = this.#producer
    const producer = opened?.producer ?? null
    const epoch = opened?.epoch ?? null
    const lastSequence = opened?.lastSequence ?? null
    const credits = this.#credits.tell(opened)
    const named = incarnation === undefined ? {} : { incarnation }
    const about = { server, credits, limits, heartbeatMs, sources, services, ...named }
    this.#state = 'open'
    this.#send(protocol.encodeWelcome({ ...about, producer, epoch, isExpired, lastSequence }))
    this.#sendAcks()
    const early = this.#early
    this.#early = []
    for (const bytes of early) this.received(bytes)
    this.#adjustReading()
  }

  #publish(batch: PublishFrame): void {
    // After GOAWAY nothing is taken; the client sends it again to the next server it finds.
    if (this.#state === 'draining') return
    if (this.#producer === null) throw invalid('PUBLISH on a connection that only reads')
    if (this.#inFlight.exceeds(this.#options.credits)) throw new MillraceError('CREDIT_EXCEEDED')
    const { source, sequence, count, payload } = batch
    this.#assertGranted('write-events', { source })
    // Added first: a batch taken before may be acknowledged within the call.
    this.#inFlight.add(sequence + count - 1, count, payload.length)
    const answer = this.#producer.publish(batch)
    if ('taken' in answer) {
      this.#gaps = 0
      this.#isBehindRefusal = false
      return
    }
    this.#inFlight.undo()
    const { expected, reason } = answer
    const retryAfterMs = reason === undefined ? null : storageRetryMs
    const { code, message } =
      reason ?? new MillraceError('SEQUENCE_GAP', { got: sequence, expected })
    this.#send(protocol.encodeNack({ sequence, code, message, expected, retryAfterMs }))
    if (reason !== undefined) this.#isBehindRefusal = true
    if (this.#isBehindRefusal) return
    this.#gaps += 1
    if (this.#gaps >= sequenceGapsMax) {
      throw new MillraceError('SEQUENCE_GAP_PERSISTS', { times: this.#gaps })
    }
  }

  async #read(frame: ReadFrame): Promise<void> {
    const { id, count, keys } = frame
    this.#reads += 1
    this.#readKeys += keys.length
    this.#adjustReading()
    let answer: Uint8Array
    try {
      this.#assertGranted('read-features', { service: frame.name })
      if (this.#state === 'draining') throw new MillraceError('DRAINING')
      if (this.#reads > sessionReadsMax) throw new MillraceError('OVERLOADED')
      if (count > readKeysMax) throw new MillraceError('TOO_MANY_KEYS', { count, max: readKeysMax })
      answer = protocol.encodeFeatures(id, await readTable(this.#options.read, frame))
    } catch (thrown) {
      const { code, message } = this.#errorOf(thrown)
      answer = protocol.encodeError(id, code, message)
    }
    this.#reads -= 1
    this.#readKeys -= keys.length
    this.#send(answer)
    this.#adjustReading()
    this.#settle()
  }

  /** A key may have been revoked since it was let in. */
  #assertGranted(permission: Permission, target?: Target): void {
    const refusal = (this.#options.grant ?? everything).refusal(permission, target)
    if (refusal !== null) throw refusal
  }

  #sendAcks(): void {
    if (!this.#acks.waiting || this.#state === 'opening') return
    const credits = this.#credits.change(this.#producer)
    for (const frame of this.#acks.take(credits)) this.#send(frame)
    this.#settle()
  }

  /** Does what waits for acknowledgements, as far as they have come and been sent. */
  #settle(): void {
    if (this.#state === 'closed' || this.#acks.waiting) return
    const flushes = this.#flushes
    while (flushes.length > 0 && this.#inFlight.reached(flushes[0]!.mark)) {
      this.#send(protocol.encodeFlushed(flushes.shift()!.token))
    }
    if (this.#reads > 0 || !this.#inFlight.reached(this.#inFlight.mark)) return
    if (this.#state === 'leaving') this.#close(1000, 'BYE', 'BYE')
    if (this.#state === 'draining') this.#fail(new MillraceError('DRAINING'))
  }

  #send(bytes: Uint8Array): void {
    if (this.#isClosed()) return
    if (this.#connection.bufferedBytes > sendBufferBytesHardMax) {
      this.#fail(new MillraceError('OVERLOADED'))
      return
    }
    this.#connection.send(bytes)
    if (this.#connection.bufferedBytes <= sendBufferBytesMax) return
    this.#congested = true
    this.#adjustReading()
  }

  /** Stops or restarts reading the socket, by all that speaks against it. */
  #adjustReading(): void {
    const isReading = this.#state === 'closed' || !this.#isFull
    if (isReading === this.#isReading) return
    this.#isReading = isReading
    if (isReading) this.#connection.resume()
    else this.#connection.pause()
  }

  /** Whether what the peer says next would only wait; PUBLISH is not taken any more in a drain. */
  get #isFull(): boolean {
    const isHeldBack = this.#isHeldBack && this.#state !== 'draining'
    const isAsking = this.#readKeys > sessionReadKeysMax
    return this.#state === 'opening' || this.#congested || isHeldBack || isAsking
  }

  /** What the peer is told: of what goes wrong inside the server, only that it did. */
  #errorOf(thrown: unknown): MillraceError {
    const raised = thrown instanceof MillraceError ? thrown : null
    if (raised !== null && errorTable[raised.code].domain !== 'internal') return raised
    this.#options.log.error({ err: thrown }, 'a session failed')
    return new MillraceError('INTERNAL')
  }

  #fail(thrown: unknown): void {
    if (this.#isClosed()) return
    const { code, message } = this.#errorOf(thrown)
    const producer = this.#producer?.producer ?? null
    this.#options.log.info({ code, reason: message, producer }, 'session closed')
    this.#close(errorTable[code].close ?? 1011, code, `${code}: ${message}`)
  }

  #close(code: number, reason: ErrorCode | 'BYE', text: string): void {
    this.#end()
    this.#options.onClose(reason)
    this.#connection.close(code, closeReason(text))
    // The peer's half of the closing handshake has to be read.
    this.#adjustReading()
  }

  #end(): void {
    if (this.#isClosed()) return
    this.#state = 'closed'
    this.#stopHelloTimer()
    this.#early = []
    this.#flushes = []
    this.#producer?.close()
  }

  /** A method, as the state changes during calls in ways the compiler does not follow. */
  #isClosed(): boolean {
    return this.#state === 'closed'
  }
}

/** Cuts a close reason to the 123 bytes that a WebSocket close frame holds. */
export function closeReason(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(123))
  return text.slice(0, read)
}

function invalid(reason: string): MillraceError {
  return new MillraceError('FRAME_INVALID', { reason })
}
