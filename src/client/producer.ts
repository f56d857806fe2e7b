/**
 * The publishing half of a client: from calls of `publish` to frames, and from ACKs to receipts.
 *
 * Events are collected, sealed into batches when they can be sent, kept in the outbox until they
 * are acknowledged, and sent again on every new connection until then. While there is no credit or
 * no connection, small calls go on sharing batches. Nothing here knows sockets: a connection is a
 * function that sends a frame.
 */
import { MillraceError } from '../base/errors.ts'
import type { AckFrame, Credits, NackFrame, WelcomeFrame } from '../wire/protocol.ts'
import { Collector } from './collector.ts'
import type { Environment } from './environment.ts'
import { FramePool } from './frame-pool.ts'
import type { EventLayout } from './layout.ts'
import type { StoredBatch } from './outbox-record.ts'
import type { OutboxStore } from './outbox-store.ts'
import { Outbox } from './outbox.ts'
import {
  PublishCall,
  SendCall,
  type EventCall,
  type Receipt,
  type SendListener,
} from './receipt.ts'

/** Events that have no outcome yet. */
export interface Unfinished {
  /** They were not sent: if they never are, they do not count. */
  readonly unsent: number
  /** They were sent, and whether they count is not known: they are sent again until it is. */
  readonly unknown: number
}

/** What is on this machine's disk. */
export interface Stored {
  /** Sequence that the next event will have, within the producer's epoch. */
  readonly nextSequence: number
}

export interface ProducerOptions extends SendListener {
  readonly outboxEventsMax: number
  readonly outboxBytesMax: number
  readonly batchEventsMax: number
  readonly batchBytesMax: number
  /** Bytes of a frame that holds a single event, until the server has told its own bound. */
  readonly frameBytesMax: number
  readonly lingerMs: number
  /** Batches wait for {@link Producer.keep} and are stored before they are sent. */
  readonly isKept: boolean
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: MillraceError) => void
}

/** The outbox refuses events beyond this many times its size. */
const outboxOverfillMax = 2

export class Producer {
  readonly #options: ProducerOptions
  readonly #environment: Environment
  readonly #collector: Collector
  readonly #outbox: Outbox
  readonly #sent: SendCall
  /** Where batches are kept on disk; null where they are not, and before it is open. */
  #store: OutboxStore | null = null
  /** Begins to send on the present connection, once its epoch is stored. */
  #begin: (() => void) | null = null
  #send: ((frame: Uint8Array) => void) | null = null
  #credits: Credits = { events: 0, bytes: 0 }
  /** What has been collected may go, even if batches are not full. */
  #due = false
  #scheduled = false
  #stopPause: (() => void) | null = null
  #failure: MillraceError | null = null
  /** What had no outcome at the end. */
  #left: Unfinished | null = null
  #duplicates = 0
  #readyWaiters: Waiter[] = []
  /** Ascending by sequence. */
  #flushWaiters: (Waiter & { readonly sequence: number })[] = []

  /** @param pool  Keeps buffers of frames, if whoever they are sent to does not. */
  constructor(options: ProducerOptions, environment: Environment, pool = new FramePool(0)) {
    this.#options = options
    this.#environment = environment
    const { batchEventsMax: events, batchBytesMax: bytes, frameBytesMax } = options
    this.#collector = new Collector({ events, bytes, frameBytesMax }, pool)
    this.#outbox = new Outbox(pool)
    this.#sent = new SendCall({
      onRejected: options.onRejected,
      // What is on disk is sent by whoever opens the outbox next.
      onUnknown: (left) => {
        if (this.#store === null || this.#failure?.code === 'OUTBOX_WRITE') options.onUnknown(left)
      },
    })
  }

  /** Events whose outcome is not known. */
  get events(): number {
    return this.#collector.events + this.#outbox.events
  }

  /** What of them was sent, and what was not; after the end, what had no outcome then. */
  get unfinished(): Unfinished {
    if (this.#left !== null) return this.#left
    const unknown = this.#outbox.sentEvents
    return { unsent: this.events - unknown, unknown }
  }

  /** Events whose outcome the server has told, in this epoch. */
  get settledEvents(): number {
    return this.#outbox.acknowledged + 1
  }

  /** Events of which the server has said that it did not count them again. */
  get duplicates(): number {
    return this.#duplicates
  }

  /**
   * Encodes the events of a call; the receipt comes when all of them have their outcome.
   *
   * @param layout  Of the source's events, where it is known.
   */
  publish(
    source: string,
    events: readonly unknown[],
    layout: EventLayout | null = null,
  ): Promise<Receipt> {
    const call = new PublishCall(events.length)
    try {
      this.#collect(source, events, call, layout)
    } catch (thrown) {
      return Promise.reject(thrown as Error)
    }
    if (events.length === 0) call.settle()
    return call.receipt
  }

  /** Encodes events without a receipt; of a rejection tells `onRejected`. */
  send(source: string, events: readonly unknown[], layout: EventLayout | null = null): void {
    this.#collect(source, events, this.#sent, layout)
  }

  /** Resolves when there is room for more events. */
  ready(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    if (!this.#isFilled(1)) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#readyWaiters.push({ resolve, reject })
    })
  }

  /** Resolves when everything published so far has its outcome. */
  flush(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    if (this.events === 0) return Promise.resolve()
    // Closed, so that what is collected now takes the next sequences.
    this.#collector.close()
    const sequence = this.#outbox.nextSequence + this.#collector.events - 1
    return new Promise((resolve, reject) => {
      this.#flushWaiters.push({ sequence, resolve, reject })
      this.#pump()
    })
  }

  /** Goes on with what an earlier process has left in a store; from here on, batches go there. */
  keep(store: OutboxStore, batches: readonly StoredBatch[]): void {
    if (this.#failure !== null) return
    this.#store = store
    const { acknowledged, nextSequence } = store.state
    const sealed = batches.map((batch) => ({
      ...batch,
      segments: [{ call: this.#sent, index: 0, count: batch.count }],
      buffer: batch.frame.buffer as ArrayBuffer,
    }))
    this.#outbox.recover(sealed, acknowledged, nextSequence)
    store.onStored((sequence) => {
      this.#outbox.stored(sequence)
      this.#pump()
    })
    this.#pump()
  }

  /** Resolves when everything published so far is on this machine's disk. */
  async stored(): Promise<Stored> {
    if (this.#failure !== null) throw this.#failure
    this.#storeAll()
    const { nextSequence } = this.#outbox
    await this.#store?.whenStored()
    return { nextSequence }
  }

  /** A connection is open: `send` hands it a frame. */
  connected(welcome: WelcomeFrame, send: (frame: Uint8Array) => void): void {
    const { batchEventsMax, batchBytesMax } = this.#options
    const { batchEvents, frameBytes } = welcome.limits
    this.#collector.limit({
      events: Math.min(batchEventsMax, batchEvents),
      bytes: Math.min(batchBytesMax, frameBytes),
      frameBytesMax: frameBytes,
    })
    this.#outbox.resume(welcome.lastSequence ?? -1)
    this.#credits = welcome.credits
    const begin = (): void => {
      this.#send = send
      this.#settled()
      this.#pump()
    }
    if (this.#store === null || welcome.epoch === null) {
      begin()
      return
    }
    this.#store.acknowledged(this.#outbox.acknowledged)
    this.#begin = begin
    this.#store.begin(welcome.epoch, welcome.incarnation ?? null).then(
      () => {
        if (this.#begin === begin) begin()
      },
      // Whoever opened the store is told.
      () => {},
    )
  }

  /** Begins a new epoch; false, and nothing has changed, while a batch has no outcome. */
  restart(): boolean {
    const { nextSequence } = this.#outbox
    if (!this.#outbox.restart()) return false
    this.#store?.restart()
    this.#flushWaiters = this.#flushWaiters.map((waiter) => ({
      ...waiter,
      sequence: waiter.sequence - nextSequence,
    }))
    return true
  }

  /** Nothing can be sent until the next connection. */
  disconnected(): void {
    this.#begin = null
    this.#send = null
    this.#stopPause?.()
    this.#stopPause = null
  }

  acknowledged(ack: AckFrame): void {
    if (ack.credits !== null) this.#credits = ack.credits
    this.#outbox.acknowledge(ack.upTo, ack.rejections)
    this.#store?.acknowledged(ack.upTo)
    this.#duplicates += ack.duplicates
    this.#settled()
    this.#pump()
  }

  refused(nack: NackFrame): void {
    this.#outbox.refused(nack.sequence, nack.expected ?? nack.sequence)
    if (nack.retryAfterMs !== null && nack.retryAfterMs > 0) {
      this.#stopPause?.()
      this.#stopPause = this.#environment.after(nack.retryAfterMs, () => {
        this.#stopPause = null
        this.#pump()
      })
    }
    this.#pump()
  }

  /** Ends it: every promise that is still open, and every later call, gets the error. */
  fail(error: MillraceError): void {
    if (this.#failure !== null) return
    if (error.code !== 'OUTBOX_WRITE') this.#storeAll()
    this.#failure = error
    this.#left = this.unfinished
    this.disconnected()
    this.#collector.fail(error)
    this.#outbox.fail(error)
    const waiters = [...this.#readyWaiters, ...this.#flushWaiters]
    this.#readyWaiters = []
    this.#flushWaiters = []
    for (const waiter of waiters) waiter.reject(error)
  }

  #collect(
    source: string,
    events: readonly unknown[],
    call: EventCall,
    layout: EventLayout | null,
  ): void {
    if (this.#failure !== null) throw this.#failure
    if (this.#isFilled(outboxOverfillMax)) {
      throw new MillraceError('OUTBOX_FULL', { count: this.events })
    }
    if (events.length === 0) return
    this.#collector.add(source, events, call, layout)
    this.#schedule()
    if (this.#collector.hasFull) this.#pump()
  }

  #schedule(): void {
    if (this.#due || this.#scheduled) return
    this.#scheduled = true
    const run = (): void => {
      this.#scheduled = false
      this.#due = true
      this.#pump()
    }
    const { lingerMs } = this.#options
    if (lingerMs > 0) this.#environment.after(lingerMs, run)
    else this.#environment.afterTurn(run)
  }

  /** Sends what may be sent: first what the outbox holds, then what has been collected. */
  #pump(): void {
    // What is kept is kept at once, whatever may be sent.
    if (this.#store !== null) while (this.#sealStored(this.#store));
    const send = this.#send
    if (send !== null && this.#stopPause === null) {
      for (;;) {
        const batch = this.#outbox.take(this.#credits)
        if (batch !== null) send(batch.frame)
        else if (this.#options.isKept || this.#outbox.hasUnsent || !this.#seal()) break
      }
    } else if (this.#store === null) return
    if (this.#collector.events === 0) this.#due = false
  }

  /** Stores all that has been collected. */
  #storeAll(): void {
    if (this.#store === null) return
    this.#collector.close()
    this.#pump()
  }

  /** Moves a collected batch into the outbox and into the store. */
  #sealStored(store: OutboxStore): boolean {
    const open = this.#collector.next(this.#due)
    if (open === undefined) return false
    this.#collector.take(open)
    const batch = open.seal(this.#outbox.nextSequence)
    this.#outbox.add(batch)
    store.append(batch)
    return true
  }

  /** Moves a collected batch into the outbox, if there is credit to send it. */
  #seal(): boolean {
    const open = this.#collector.next(this.#due)
    if (open === undefined) return false
    if (!this.#outbox.allows(this.#credits, open.count, open.byteLength)) return false
    this.#collector.take(open)
    this.#outbox.add(open.seal(this.#outbox.nextSequence))
    return true
  }

  /** Tells those who wait for room or for a flush. */
  #settled(): void {
    const { acknowledged } = this.#outbox
    while (this.#flushWaiters.length > 0 && this.#flushWaiters[0]!.sequence <= acknowledged) {
      this.#flushWaiters.shift()!.resolve()
    }
    if (this.#readyWaiters.length === 0 || this.#isFilled(1)) return
    const waiters = this.#readyWaiters
    this.#readyWaiters = []
    for (const waiter of waiters) waiter.resolve()
  }

  #isFilled(times: number): boolean {
    const { outboxEventsMax, outboxBytesMax } = this.#options
    if (this.events >= outboxEventsMax * times) return true
    return this.#collector.bytes + this.#outbox.bytes >= outboxBytesMax * times
  }
}
