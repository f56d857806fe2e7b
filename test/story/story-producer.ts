/**
 * A producer of a story: what it has sent, what it knows, and the session at the other end.
 */
import assert from 'node:assert/strict'
import { errorTable } from '../../src/base/errors.ts'
import { createEncoder } from '../../src/model/msgpack.ts'
import * as protocol from '../../src/wire/protocol.ts'
import type { Connection, SessionOptions } from '../../src/wire/session-options.ts'
import { Session } from '../../src/wire/session.ts'
import { codeOf } from './recount.ts'
import type { StoryEvent, StorySource } from './steps.ts'

const encoder = createEncoder()

/** A batch with its sequence and its bytes for good. */
export interface SentBatch {
  readonly sequence: number
  readonly source: StorySource
  readonly events: readonly StoryEvent[]
  readonly frame: Uint8Array
}

/** A connection whose messages wait to be heard. */
class Line implements Connection {
  readonly bufferedBytes = 0
  unheard: Uint8Array[] = []
  closedWith: number | null = null
  readonly #onSend: (bytes: Uint8Array) => void

  constructor(onSend: (bytes: Uint8Array) => void) {
    this.#onSend = onSend
  }

  send(bytes: Uint8Array): void {
    this.#onSend(bytes)
    this.unheard.push(bytes)
  }

  close(code: number): void {
    this.closedWith = code
  }

  pause(): void {}

  resume(): void {}
}

export class StoryProducer {
  readonly name: string
  /** As the last WELCOME that it heard told it; null before. */
  epoch: number | null = null
  /** Highest sequence of the epoch that it knows to be acknowledged. */
  acknowledged = -1
  line: Line | null = null
  session: Session | null = null
  /** Whether it has heard WELCOME on this connection. */
  isWelcome = false
  /** Every batch of the epoch, acknowledged or not. */
  sent: SentBatch[] = []
  #nextSequence = 0
  readonly #atMs: number

  constructor(name: string, atMs: number) {
    this.name = name
    this.#atMs = atMs
  }

  /** Says HELLO on a new connection, whatever becomes of the one before. */
  connect(
    options: SessionOptions,
    epoch: number | null,
    onSend: (bytes: Uint8Array) => void,
  ): Line {
    this.line = new Line(onSend)
    this.session = new Session(this.line, options)
    this.isWelcome = false
    this.session.received(protocol.encodeHello({ producer: this.name, epoch }))
    return this.line
  }

  /** Whether it may publish now. */
  get isOpen(): boolean {
    return this.isWelcome && this.session?.state === 'open'
  }

  /** The next batch of these events. */
  batch(source: StorySource, events: readonly StoryEvent[]): SentBatch {
    const sequence = this.#nextSequence
    this.#nextSequence += events.length
    const batch = { sequence, source, events, frame: this.#frame(sequence, source, events) }
    this.sent.push(batch)
    return batch
  }

  /** A frame for a place behind one that was never sent. */
  frameBehindGap(): Uint8Array {
    const event = { till: 'a', user: 0, amount: 1, receipt: 0, isWrong: false }
    return this.#frame(this.#nextSequence + 1, 'sales', [event])
  }

  get unacknowledged(): readonly SentBatch[] {
    return this.sent.filter(
      ({ sequence, events }) => sequence + events.length - 1 > this.acknowledged,
    )
  }

  /** Hears everything; calls `resend` with what a WELCOME leaves to be sent again. */
  hear(resend: (batch: SentBatch) => void): void {
    const { line } = this
    if (line === null) return
    const { unheard } = line
    line.unheard = []
    for (const bytes of unheard) {
      const frame = protocol.decodeServerFrame(bytes)!
      if (frame.kind === 'ack') this.#acknowledged(frame)
      if (frame.kind === 'welcome') this.#welcome(frame, resend)
    }
    if (line.closedWith !== null) this.cut()
  }

  /** Its connection is no more. */
  cut(): void {
    this.session?.disconnected()
    this.session = null
    this.line = null
    this.isWelcome = false
  }

  #welcome(frame: protocol.WelcomeFrame, resend: (batch: SentBatch) => void): void {
    this.isWelcome = true
    const lastSequence = frame.lastSequence!
    if (frame.epoch !== this.epoch) {
      assert.ok(this.epoch === null || frame.epoch! > this.epoch, 'epochs go up')
      assert.equal(lastSequence, -1, 'an epoch begins with nothing')
      this.epoch = frame.epoch
      this.acknowledged = -1
      this.sent = []
      this.#nextSequence = 0
      return
    }
    assert.ok(lastSequence >= this.acknowledged, 'what was acknowledged is not taken back')
    assert.ok(lastSequence < this.#nextSequence, 'only what was sent is acknowledged')
    this.acknowledged = lastSequence
    for (const batch of this.unacknowledged) resend(batch)
  }

  #acknowledged({ upTo, rejections }: protocol.AckFrame): void {
    assert.ok(upTo < this.#nextSequence, 'only what was sent is acknowledged')
    this.acknowledged = Math.max(this.acknowledged, upTo)
    for (const { sequence, code } of rejections) {
      const batch = this.sent.findLast((one) => one.sequence <= sequence)!
      const event = batch.events[sequence - batch.sequence]!
      assert.equal(code, codeOf(batch.source, event), `rejection of ${sequence}`)
    }
  }

  #frame(sequence: number, source: StorySource, events: readonly StoryEvent[]): Uint8Array {
    const at = BigInt(this.#atMs)
    const encoded = events.map(({ till, user, amount, receipt, isWrong }, n) => {
      const number = isWrong ? 'wrong' : BigInt(sequence + n)
      return encoder.encode(
        source === 'receipts'
          ? { till, receipt: `r${receipt}`, number, at }
          : { till, user_id: BigInt(user), number, at, amount: BigInt(amount) },
      )
    })
    return protocol.encodePublish(source, sequence, encoded)
  }
}

/** What a session that was taken over is closed with. */
export const fencedCode = errorTable.PRODUCER_FENCED.close
/** What a session is closed with after too many gaps, and at the end of a drain. */
export const gapsCode = errorTable.SEQUENCE_GAP_PERSISTS.close
export const drainedCode = errorTable.DRAINING.close
