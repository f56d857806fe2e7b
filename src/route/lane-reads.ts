/**
 * The reads of one lane: which of them travel together, and whose answer is whose.
 *
 * All reads of a turn go in one message. While one is on its way, later ones wait for it to come
 * back and then go together: the busier the threads are, the more reads share what a message costs.
 * Only when there are many questions does a second message go before the first is answered, so that
 * both threads have work. A read alone is never held back.
 *
 * Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import { answerBytesMax, readMessagesMax } from '../base/limits.ts'
import type {
  PackedAnswers,
  PackedQueries,
  ReadFailure,
  ReadQuery,
  ReadResult,
  ToShard,
} from '../model/message.ts'
import { packQueries, unpackAnswers } from '../model/read-packing.ts'

/** Questions that are worth a message of their own. */
const messageQueries = 64

/** Questions beyond which no other read joins a message, so that none waits for all of them. */
const messageQueriesMax = 1024

interface WaitingRead {
  readonly queries: readonly ReadQuery[]
  readonly resolve: (results: readonly ReadResult[]) => void
  readonly reject: (error: MillraceError) => void
}

/** The reads of one message, and what it said. */
interface AskedReads {
  readonly reads: readonly WaitingRead[]
  readonly queries: PackedQueries
}

export class LaneReads {
  readonly #lane: number
  readonly #post: (message: ToShard) => void
  #waiting: WaitingRead[] = []
  #waitingQueries = 0
  #isAskDue = false
  readonly #asked = new Map<number, AskedReads>()
  #nextId = 0

  constructor(lane: number, post: (message: ToShard) => void) {
    this.#lane = lane
    this.#post = post
  }

  /** As `Lane.read`. */
  read(queries: readonly ReadQuery[]): Promise<readonly ReadResult[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ queries, resolve, reject })
      this.#waitingQueries += queries.length
      if (this.#isAskDue || !this.#mayAsk) return
      this.#isAskDue = true
      setImmediate(() => {
        this.#isAskDue = false
        if (this.#waiting.length > 0) this.#ask()
      })
    })
  }

  /** Asks all that waits. */
  askAll(): void {
    while (this.#waiting.length > 0) this.#ask()
  }

  /** Asks what goes into one message, of what waits. */
  #ask(): void {
    let count = 0
    let questions = 0
    while (count < this.#waiting.length && questions < messageQueriesMax) {
      questions += this.#waiting[count]!.queries.length
      count += 1
    }
    const reads = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    this.#waitingQueries -= questions
    const id = this.#nextId++
    const queries = packQueries(reads.map(({ queries }) => queries))
    this.#asked.set(id, { reads, queries })
    this.#post({ kind: 'read', id, queries })
  }

  answered(id: number, packed: PackedAnswers): void {
    const asked = this.#asked.get(id)
    if (asked === undefined) return
    this.#asked.delete(id)
    // First of all, so that the lane has work while these answers are written.
    if (this.#waiting.length > 0 && this.#mayAsk) this.#ask()
    const { reads } = asked
    const all = unpackAnswers(asked.queries, packed)
    let at = 0
    for (const { queries, resolve, reject } of reads) {
      const answers = reads.length === 1 ? all : all.slice(at, at + queries.length)
      const failed = packed.failures.length === 0 ? undefined : answers.find(isFailure)
      if (failed === undefined) resolve(answers as readonly ReadResult[])
      else reject(this.#errorOf(failed))
      at += queries.length
    }
  }

  fail(failure: MillraceError): void {
    for (const read of this.#waiting) read.reject(failure)
    for (const { reads } of this.#asked.values()) for (const read of reads) read.reject(failure)
    this.#waiting = []
    this.#waitingQueries = 0
    this.#asked.clear()
  }

  #errorOf({ failure }: ReadFailure): MillraceError {
    return failure === null
      ? new MillraceError('ANSWER_TOO_LARGE', { max: answerBytesMax })
      : new MillraceError('INTERNAL', { lane: this.#lane }, { cause: failure })
  }

  get #mayAsk(): boolean {
    const { size } = this.#asked
    return size === 0 || (size < readMessagesMax && this.#waitingQueries >= messageQueries)
  }
}

function isFailure(answer: ReadResult | ReadFailure): answer is ReadFailure {
  return 'failure' in answer
}
