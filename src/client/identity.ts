/**
 * Who a client is to a server: the producer, its epoch, and the history of the store that gave it.
 *
 * A client that only reads has no name on the server until it publishes. What WELCOME says decides
 * whether events may go on their way, must begin anew, or may not be sent at all.
 */
import { MillraceError } from '../base/errors.ts'
import type { WelcomeFrame } from '../wire/protocol.ts'
import type { Hello } from './connection.ts'
import type { Producer } from './producer.ts'

/** The epoch that a producer's sequences are of. */
export interface KnownEpoch {
  readonly epoch: number | null
  /** Which history of the server's store it belongs to, where that is known. */
  readonly incarnation: string | null
}

export class Identity {
  readonly #name: string
  #isProducing: boolean
  /** What the present connection said HELLO as. */
  #isProducingHere = false
  #known: KnownEpoch = { epoch: null, incarnation: null }

  /** @param isProducing  Whether it publishes from the beginning. */
  constructor(name: string, isProducing: boolean) {
    this.#name = name
    this.#isProducing = isProducing
  }

  /** Goes on with the epoch of an earlier process. */
  recover({ epoch, incarnation }: KnownEpoch): void {
    this.#known = { epoch, incarnation }
  }

  /** From here on it publishes; true when it did not, and must greet again. */
  produce(): boolean {
    const isNew = !this.#isProducing
    this.#isProducing = true
    return isNew
  }

  hello(): Hello {
    this.#isProducingHere = this.#isProducing
    if (!this.#isProducing) return { producer: null, epoch: null }
    const { epoch, incarnation } = this.#known
    const own = { producer: this.#name, epoch }
    return incarnation === null ? own : { ...own, incarnation }
  }

  /**
   * Takes the answer to HELLO: whether the connection is for publishing, for reading only, or must
   * greet `again`, for a new epoch.
   *
   * @throws {@link MillraceError} `CLIENT_DATA_LOSS`, `PRODUCER_EXPIRED`: events have an outcome
   *   that cannot be found out; `FRAME_INVALID`.
   */
  welcomed(welcome: WelcomeFrame, producer: Producer): 'publish' | 'read' | 'again' {
    if (!this.#isProducingHere) return 'read'
    const before = this.#known
    const incarnation = welcome.incarnation ?? before.incarnation
    const hasGoneBack = before.incarnation !== null && incarnation !== before.incarnation
    if (hasGoneBack) assertNothingPublished(producer)
    if (welcome.isExpired && !producer.restart()) {
      throw new MillraceError('PRODUCER_EXPIRED', { producer: this.#name })
    }
    if (hasGoneBack || welcome.isExpired) {
      this.#known = { epoch: null, incarnation }
      return 'again'
    }
    if (welcome.epoch === null) {
      throw new MillraceError('FRAME_INVALID', { reason: 'WELCOME has no epoch' })
    }
    this.#known = { epoch: welcome.epoch, incarnation }
    return 'publish'
  }
}

/**
 * Nothing is sent again to a store that has gone back: it may hold what it never acknowledged, and
 * miss what it did. Only who has published can tell what to do about either.
 */
function assertNothingPublished({ settledEvents: acknowledged, events: pending }: Producer): void {
  if (acknowledged + pending === 0) return
  throw new MillraceError('CLIENT_DATA_LOSS', { acknowledged, pending })
}
