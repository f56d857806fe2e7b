/**
 * Requests that are sent again under the key that they had: each counts once, and is answered as it
 * was, also after a crash.
 *
 * A request with a key is a producer of its own, with sequences from 0: what makes a batch count
 * once for a producer that lost its connection makes a request count once for a client that lost
 * its answer. The producer's name holds a hash of the key, one of what the request says, and when
 * it first came; it is on disk before any event is, and the journal knows how far its events came.
 * What was rejected of them is in the ledger. So nothing is stored for keys that was not stored
 * before.
 *
 * The newest keys are known, up to a number and an age; older ones are forgotten, and a request
 * under one of them is a new one.
 *
 * Thread: main.
 */
import { createHash } from 'node:crypto'
import { MillraceError } from '../base/errors.ts'
import { idempotencyForgetMs, idempotencyKeysMax, idempotencyMsMax } from '../base/http-limits.ts'
import type { IngestPort, PushOutcome, RequestIdentity, SourceEvents } from '../model/contracts.ts'
import { requestPrefix, type LedgerEntry } from '../model/ledger.ts'
import { missedCodes, type PushRejection } from '../model/rejection.ts'
import { PushProducer } from './push-producer.ts'

/** Share of the keys that goes at a time when there are too many. */
const forgottenShare = 1 / 16

export interface KeyedRequestsOptions {
  readonly ingest: IngestPort & {
    /** Forgets producers that have no session. */
    forgetProducers(names: ReadonlySet<string>): void
  }
  /** The producers that the journal knows. */
  readonly producers: () => readonly { readonly name: string; readonly epoch: number }[]
  /** What the ledger has of one producer, oldest first. */
  readonly recorded: (producer: string) => Promise<readonly LedgerEntry[]>
}

interface Keyed {
  readonly name: string
  readonly digest: string
  /** When the request first came, ms. */
  readonly arrivedMs: number
  /** Null until the producer has one. */
  epoch: number | null
  /** The last attempt; others wait for it. */
  running: Promise<unknown> | null
}

export class KeyedRequests {
  readonly #options: KeyedRequestsOptions
  /** By hash of the key, the oldest first. */
  readonly #requests = new Map<string, Keyed>()

  constructor(options: KeyedRequestsOptions) {
    this.#options = options
    const known = options.producers().flatMap(({ name, epoch }) => keyedOf(name, epoch) ?? [])
    known.sort(([, a], [, b]) => a.arrivedMs - b.arrivedMs)
    for (const [hash, request] of known) this.#requests.set(hash, request)
  }

  /**
   * When a request first came, ms; null for one that is new.
   *
   * @throws MillraceError `IDEMPOTENCY_KEY_REUSED`
   */
  arrivedMs(identity: RequestIdentity): number | null {
    return this.#find(identity)?.arrivedMs ?? null
  }

  /** Publishes what has not been published of a request, and tells what has become of all of it. */
  async push(
    identity: RequestIdentity,
    batches: readonly SourceEvents[],
    nowMs: number,
  ): Promise<readonly PushOutcome[]> {
    for (;;) {
      const running = this.#find(identity)?.running ?? null
      if (running === null) break
      await running
    }
    const request = this.#find(identity) ?? this.#create(identity, nowMs)
    const attempt = this.#attempt(request, batches)
    request.running = attempt.then(
      () => null,
      () => null,
    )
    try {
      return await attempt
    } finally {
      request.running = null
    }
  }

  #find({ key, digest }: RequestIdentity): Keyed | undefined {
    const request = this.#requests.get(hashOf(key))
    if (request === undefined || request.digest === digest) return request
    throw new MillraceError('IDEMPOTENCY_KEY_REUSED')
  }

  #create({ key, digest }: RequestIdentity, nowMs: number): Keyed {
    this.#forgetOld(nowMs)
    const hash = hashOf(key)
    const name = `${requestPrefix}${hash} ${digest} ${nowMs}`
    const request: Keyed = { name, digest, arrivedMs: nowMs, epoch: null, running: null }
    this.#requests.set(hash, request)
    return request
  }

  async #attempt(
    request: Keyed,
    batches: readonly SourceEvents[],
  ): Promise<readonly PushOutcome[]> {
    const producer = await this.#open(request)
    try {
      request.epoch = producer.epoch
      const isRepeat = producer.nextSequence > 0
      if (producer.isHeld) throw new MillraceError('OVERLOADED')
      producer.rewind()
      const outcomes = await Promise.all(batches.map((events) => producer.publish(events)))
      return isRepeat ? await this.#recorded(request.name, batches) : outcomes
    } finally {
      producer.close()
    }
  }

  /** Opens the producer of a request: anew, if it was not seen for so long that it is forgotten. */
  async #open({ name, epoch }: Keyed): Promise<PushProducer> {
    const { ingest } = this.#options
    try {
      return await PushProducer.open(ingest, name, epoch)
    } catch (thrown) {
      if (!isExpired(thrown)) throw thrown
      return PushProducer.open(ingest, name, null)
    }
  }

  /** What the ledger knows of a request that was acknowledged, some of it in an earlier life. */
  async #recorded(name: string, batches: readonly SourceEvents[]): Promise<readonly PushOutcome[]> {
    const entries = (await this.#options.recorded(name)).filter(isRejected)
    let end = 0
    return batches.map(({ count }) => {
      const first = end
      end += count
      const rejections = entries
        .filter(({ sequence }) => sequence >= first && sequence < end)
        .map((entry) => rejectionOf(entry, first))
      return { accepted: count - rejections.length, rejections }
    })
  }

  /** Makes room for one more. */
  #forgetOld(nowMs: number): void {
    const size = this.#requests.size
    const [oldest] = this.#requests.values()
    const dueMs = (oldest?.arrivedMs ?? Infinity) + idempotencyMsMax + idempotencyForgetMs
    if (size < idempotencyKeysMax && nowMs < dueMs) return
    const least = size < idempotencyKeysMax ? 0 : Math.ceil(size * forgottenShare)
    const forgotten = new Set<string>()
    for (const [hash, { name, arrivedMs, running }] of this.#requests) {
      if (forgotten.size >= least && arrivedMs + idempotencyMsMax >= nowMs) break
      if (running !== null) continue
      this.#requests.delete(hash)
      forgotten.add(name)
    }
    this.#options.ingest.forgetProducers(forgotten)
  }
}

/** A request by the name of its producer; null for any other producer. */
function keyedOf(name: string, epoch: number): [hash: string, request: Keyed][] | null {
  if (!name.startsWith(requestPrefix)) return null
  const [hash, digest, arrived] = name.slice(requestPrefix.length).split(' ')
  const arrivedMs = Number(arrived)
  return [[hash!, { name, digest: digest!, arrivedMs, epoch, running: null }]]
}

function isExpired(thrown: unknown): boolean {
  return (thrown as Partial<MillraceError>).code === 'PRODUCER_EXPIRED'
}

/** Not of one that some views have counted, which is accepted. */
function isRejected({ views, code }: LedgerEntry): boolean {
  return views.length === 0 || !missedCodes.some((each) => each === code)
}

function rejectionOf({ sequence, code, path, message }: LedgerEntry, first: number): PushRejection {
  return { index: sequence - first, code: code as PushRejection['code'], path, message }
}

/** 16 bytes are enough that no two keys are taken for one. */
function hashOf(key: string): string {
  return createHash('sha256').update(key).digest().toString('base64url', 0, 16)
}
