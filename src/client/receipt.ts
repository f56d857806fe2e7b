/**
 * What a producer is told about the events of one call.
 *
 * The events of a call travel in one batch or more, and a batch holds events of one call or more.
 * A `Segment` is the part of a call that is in one batch; a call is settled with its last segment.
 * A call of `publish` has a receipt. Those of `send` have none, and are one call that never ends.
 */
import type { MillraceError } from '../base/errors.ts'
import type { Rejection } from '../model/rejection.ts'

/** The outcome of one call of `publish`: every event of it is durable and applied, or rejected. */
export interface Receipt {
  /**
   * Events that were accepted, now or by an earlier transmission of the same batch; duplicates by
   * the rule of their source are among them.
   */
  readonly accepted: number
  /** Events that were not counted, by their place in the call; ascending. */
  readonly rejected: readonly Rejection[]
  /**
   * False when the acknowledgement was lost with its connection and the server confirmed the events
   * on resume: `accepted` may then count events whose rejection was in the lost answer.
   */
  readonly rejectionsKnown: boolean
  /** Sequences of the call's first and last event; -1 when it had none. */
  readonly firstSequence: number
  readonly lastSequence: number
}

/** An event that was sent without a receipt, and was not counted. */
export interface SentRejection extends Omit<Rejection, 'index'> {
  /** Name of the source. */
  readonly source: string
  /** Sequence of the event. */
  readonly sequence: number
}

/** Events that were sent without a receipt, and that have no outcome when the client ends. */
export interface OpenEvents {
  /** Name of the source. */
  readonly source: string
  readonly count: number
  /** Sequence of the first one, the others follow it; -1 when they have none yet. */
  readonly firstSequence: number
  /** Whether they have left the client: then they may have been counted, otherwise not. */
  readonly wasSent: boolean
}

/** Where the events of a batch came from, and who is told of their outcome. */
export interface EventCall {
  /** Some events of the call are in one more batch. */
  opened(): void
  /** A batch has given its events of the call away. */
  withdrawn(): void
  /** The batch that holds `count` events of the call has its sequences. */
  sequenced(firstSequence: number, count: number): void
  reject(rejection: Rejection, source: string, sequence: number): void
  /** One batch of the call is acknowledged, after every `reject` for it. */
  acknowledged(rejectionsKnown: boolean): void
  /** There will be no outcome: these events of the call are left. */
  fail(error: MillraceError, left: OpenEvents): void
}

/** One call of `publish` that waits for its answer. */
export class PublishCall implements EventCall {
  readonly receipt: Promise<Receipt>
  #resolve!: (receipt: Receipt) => void
  #reject!: (error: MillraceError) => void
  readonly #count: number
  #open = 0
  /** Null as long as it is empty, which is nearly always. */
  #rejected: Rejection[] | null = null
  #rejectionsKnown = true
  #firstSequence = -1
  #lastSequence = -1

  constructor(count: number) {
    this.#count = count
    this.receipt = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  opened(): void {
    this.#open += 1
  }

  withdrawn(): void {
    this.#open -= 1
  }

  sequenced(firstSequence: number, count: number): void {
    if (this.#firstSequence === -1) this.#firstSequence = firstSequence
    this.#lastSequence = firstSequence + count - 1
  }

  reject(rejection: Rejection): void {
    this.#rejected ??= []
    this.#rejected.push(rejection)
  }

  acknowledged(rejectionsKnown: boolean): void {
    if (!rejectionsKnown) this.#rejectionsKnown = false
    this.#open -= 1
    if (this.#open === 0) this.settle()
  }

  /** Every event of the call has its answer. */
  settle(): void {
    const rejected = this.#rejected ?? []
    const places = rejected.length === 0 ? 0 : new Set(rejected.map(({ index }) => index)).size
    this.#resolve({
      accepted: this.#count - places,
      rejected,
      rejectionsKnown: this.#rejectionsKnown,
      firstSequence: this.#firstSequence,
      lastSequence: this.#lastSequence,
    })
  }

  fail(error: MillraceError): void {
    this.#reject(error)
  }
}

/** Who is told of events that were sent without a receipt. */
export interface SendListener {
  readonly onRejected: (rejection: SentRejection) => void
  readonly onUnknown: (left: OpenEvents) => void
}

/** All events that were sent without a receipt: what is told of them is what they are not. */
export class SendCall implements EventCall {
  readonly #listener: SendListener

  constructor(listener: SendListener) {
    this.#listener = listener
  }

  opened(): void {}

  withdrawn(): void {}

  sequenced(): void {}

  reject({ code, path, message }: Rejection, source: string, sequence: number): void {
    this.#listener.onRejected({ source, sequence, code, path, message })
  }

  acknowledged(): void {}

  fail(_error: MillraceError, left: OpenEvents): void {
    this.#listener.onUnknown(left)
  }
}

/** The events of a call that are in one batch: `count`, the first at `index` in the call. */
export interface Segment {
  readonly call: EventCall
  readonly index: number
  count: number
}
