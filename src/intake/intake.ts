/**
 * The intake: where batches from connections meet the journal and the shards.
 *
 * In: batches of producers. A batch that is new is appended to the journal and, while that is
 * being flushed, routed to the shards. Out: an acknowledgement when it is on disk and applied. What
 * came before is acknowledged again and not counted again; a gap is refused. The memory that
 * batches hold until they are settled is bounded: beyond, producers are held back (`shares.ts`).
 *
 * Thread: main.
 */
import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import type { Journal } from '../journal/journal.ts'
import type { Meters } from '../metrics/meters.ts'
import type { SourceTallies } from '../metrics/source-tallies.ts'
import type { Catalog } from '../model/catalog.ts'
import type {
  BackfillBatch,
  IncomingBatch,
  IngestPort,
  ProducerListener,
  ProducerSession,
} from '../model/contracts.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import type { BatchRejections } from '../model/message.ts'
import type { Router } from '../route/router.ts'
import { Batch, type BatchOwner } from './batch.ts'
import { Credit } from './credit.ts'
import { skipEvents } from '../model/payload.ts'
import type { DiskGuard } from './disk-guard.ts'
import type { ProducerState } from './producer.ts'
import { Producers } from './producers.ts'
import type { Place, Recording } from './recording.ts'
import { Shares } from './shares.ts'
import { noWays, waysOf, waysOfBackfill, type Ways } from './verdict.ts'

/** Whoever counts batches, once each. */
export interface BatchCounting {
  readonly tallies: Pick<SourceTallies, 'decided' | 'repeated'>
  readonly meters: Pick<Meters, 'batchSettled'>
  readonly clock: Pick<Clock, 'monotonicMs'>
}

export interface IntakeOptions {
  readonly catalog: Catalog
  readonly journal: Journal
  readonly router: Router
  /** Writes down what is not counted. */
  readonly recording: Recording
  /** Why nothing new may be written now; null while it may. */
  readonly storage: Pick<DiskGuard, 'refusalAt'>
  /** How long a producer without session is kept, and how many there may be. */
  readonly producerMsMax: number
  readonly producersMax: number
  /** What has become of events, and how long it took; nobody counts without. */
  readonly counting?: BatchCounting
  /** Hears of a batch that is in the journal and could not be sent on: only a restart helps. */
  readonly onFailure: (thrown: unknown) => void
}

/** A batch as it goes through the shards; `producer` is null when nobody waits for it. */
export interface Passage {
  /** Place in the catalog's sources; -1 for one that it does not have. */
  readonly source: number
  readonly sourceName: string
  readonly sequence: number
  readonly count: number
  readonly payload: Uint8Array
  /** Bytes that arrived, which may be more than the payload that is left of them. */
  readonly bytes: number
  readonly position: number
  readonly arrivalMs: number
  readonly producerId: number
  readonly epoch: number
  readonly producer: ProducerState | null
  /** What shards did not count of it in an earlier life, and will not say again. */
  readonly unrecorded?: readonly BatchRejections[]
  /** Null, or absent, for events of the stream. */
  readonly backfill?: BackfillBatch | null | undefined
}

/** Why a producer was not opened. */
const refusals = {
  fenced: 'PRODUCER_FENCED',
  expired: 'PRODUCER_EXPIRED',
  unknown: 'EPOCH_UNKNOWN',
  full: 'PRODUCER_QUOTA',
} as const

const noneUnrecorded: readonly BatchRejections[] = []

export class Intake implements IngestPort {
  readonly #options: IntakeOptions
  readonly #sources: ReadonlyMap<string, number>
  /** By source. */
  readonly #ways: readonly Ways[]
  /** By id. */
  readonly #backfills = new Map<number, Ways>()
  readonly #producers: Producers
  /** In journal order. */
  #unflushed: Batch[] = []
  readonly #shares = new Shares()
  /** Null where nobody measures. */
  readonly #credit: Credit | null
  #waiters: { readonly bytesMax: number; readonly resolve: () => void }[] = []

  constructor(options: IntakeOptions) {
    const { catalog, journal, producerMsMax, counting } = options
    this.#options = options
    this.#credit = counting === undefined ? null : new Credit(counting.clock)
    this.#producers = new Producers(journal, this.#shares, producerMsMax)
    this.#sources = new Map(catalog.sources.map((source) => [source.name, source.index]))
    this.#ways = catalog.sources.map(({ index }) => waysOf(catalog, index))
    journal.onFlushed((flushed) => this.#flushed(flushed))
  }

  /** From now on, a backfill is for these views, by their places in the catalog. */
  setBackfill(id: number, views: readonly number[]): void {
    this.#backfills.set(id, waysOfBackfill(this.#options.catalog, views))
  }

  /** Memory of the batches that are not settled, as `Batch` counts it. */
  get bytes(): number {
    return this.#shares.bytes
  }

  /** Resolves when {@link bytes} are at most so many. */
  whenAtMost(bytesMax: number): Promise<void> {
    if (this.bytes <= bytesMax) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push({ bytesMax, resolve }))
  }

  async openProducer(
    name: string,
    epoch: number | null,
    listener: ProducerListener,
  ): Promise<ProducerSession> {
    const { journal, producersMax, storage } = this.#options
    const refusal = epoch === null ? storage.refusalAt(journal.end) : null
    if (refusal !== null) throw refusal
    if (epoch === null) this.#producers.forgetIdle()
    const opening = journal.openProducer(name, epoch)
    if (!('producer' in opening)) {
      const details = { producer: name, epoch: String(epoch), max: producersMax }
      throw new MillraceError(refusals[opening.kind], details)
    }
    const { id, epoch: current } = opening.producer
    const state = this.#producers.of(id)
    state.attach(listener)
    if (opening.kind === 'new') {
      state.begin(current, -1)
      await journal.whenFlushed(opening.position)
    }
    if (!state.isAttached(listener)) {
      throw new MillraceError('PRODUCER_FENCED', { producer: name })
    }
    const credit = this.#credit
    return {
      producer: name,
      epoch: current,
      lastSequence: state.lastSequence,
      get creditEvents() {
        return credit?.events ?? Infinity
      },
      publish: (batch) => this.#publish(id, current, state, batch),
      close: () => {
        journal.seen(id)
        state.detach(listener)
      },
    }
  }

  /** Forgets producers that have no session and nothing on its way. */
  forgetProducers(names: ReadonlySet<string>): void {
    this.#producers.forget(names)
  }

  /**
   * Sends a batch through the shards; also the way of a replay, whose batches are on disk and were
   * counted in an earlier life.
   */
  pass(passage: Passage, counting: BatchCounting | null = null): Batch {
    const {
      source,
      count,
      payload,
      position,
      arrivalMs,
      producer,
      unrecorded = noneUnrecorded,
      backfill = null,
    } = passage
    const { recording, router } = this.#options
    const { sequence, bytes, sourceName, producerId, epoch } = passage
    const ways =
      (backfill === null ? this.#ways[source] : this.#backfills.get(backfill.id)) ?? noWays
    const isRecorded = position <= recording.before
    const batch = new Batch(
      {
        position,
        sequence,
        count,
        bytes,
        sourceName,
        arrivalMs,
        producerId,
        epoch,
        ways,
        origins: backfill?.origins ?? null,
        isRecorded,
      },
      new Owner(this.#hold, recording, recording.add(position), producer, counting, this.#credit),
    )
    producer?.add(batch)
    // Of a backfill, nobody misses what no view is there for any more.
    const isUnknown = source === -1 && backfill === null
    if (unrecorded.length > 0 || isUnknown) batch.keep(payload)
    for (const { route, rejections, partly = [], duplicates = [] } of unrecorded) {
      batch.reject(route, rejections)
      batch.late(route, partly)
      batch.duplicate(duplicates)
    }
    let copiedBytes = 0
    if (isUnknown) batch.reject(-1, unknownSource(count, sourceName))
    if (source === -1 || (backfill !== null && ways.stateful.length === 0)) {
      // Checkpoints come this far, too, or its journal would never go.
      router.passOver(position)
    } else {
      const routable = { source, count, payload, arrivalMs, inFlight: batch }
      copiedBytes = router.route(
        backfill === null
          ? routable
          : { ...routable, audience: { backfill: backfill.id, routes: ways.stateful } },
      )
    }
    batch.routed(copiedBytes)
    return batch
  }

  /** Whose rejections a replayed batch's are; null when that epoch is over. */
  replayedProducer(id: number, epoch: number): ProducerState | null {
    const state = this.#producers.of(id)
    return state.epoch === epoch ? state : null
  }

  #publish(
    id: number,
    epoch: number,
    state: ProducerState,
    batch: IncomingBatch,
  ): ReturnType<ProducerSession['publish']> {
    const { journal, storage, counting } = this.#options
    const verdict = journal.producers.check(id, epoch, batch.sequence, batch.count)
    if (verdict.kind === 'new' || verdict.kind === 'partly') {
      const reason = storage.refusalAt(journal.end)
      const skip = verdict.kind === 'new' ? 0 : verdict.skip
      if (reason !== null) return { expected: batch.sequence + skip, reason }
    }
    switch (verdict.kind) {
      case 'gap':
        return { expected: verdict.expected }
      case 'fenced':
        throw new MillraceError('PRODUCER_FENCED', { producer: journal.producers.get(id)!.name })
      case 'duplicate':
        this.#assertSame(id, batch, batch.count)
        state.repeat(batch.sequence, batch.count)
        counting?.tallies.repeated(batch.source, batch.count)
        return { taken: true }
      case 'partly':
        this.#assertSame(id, batch, verdict.skip)
        state.repeat(batch.sequence, verdict.skip)
        counting?.tallies.repeated(batch.source, verdict.skip)
        this.#append(id, epoch, state, {
          ...batch,
          sequence: batch.sequence + verdict.skip,
          count: batch.count - verdict.skip,
          payload: skipEvents(batch.payload, batch.count, verdict.skip),
        })
        return { taken: true }
      case 'new':
        this.#append(id, epoch, state, batch)
        return { taken: true }
    }
  }

  /** The first `count` events of a batch were taken before: they must be those that were. */
  #assertSame(id: number, { source, sequence, payload }: IncomingBatch, count: number): void {
    const repeat = { source, sequence, count, payload }
    const differing = this.#options.journal.differs(id, repeat)
    if (differing !== null) throw new MillraceError('SEQUENCE_REUSED', { sequence: differing })
  }

  #append(id: number, epoch: number, state: ProducerState, batch: IncomingBatch): void {
    const { source: sourceName, sequence, count, payload, backfill } = batch
    const source = this.#sources.get(sourceName) ?? -1
    const record = { source, sourceName, producer: id, epoch, sequence, count, payload, backfill }
    const { position, arrivalMs } = this.#options.journal.append(record)
    this.#credit?.taken(state.flow, count, position)
    // Field by field: spread objects cost more than all the rest that is done for a small batch.
    const passage = {
      source,
      sourceName,
      sequence,
      count,
      payload,
      bytes: payload.length,
      position,
      arrivalMs,
      producerId: id,
      epoch,
      producer: state,
      backfill,
    }
    try {
      this.#unflushed.push(this.pass(passage, this.#options.counting))
    } catch (thrown) {
      this.#options.onFailure(thrown)
      throw thrown
    }
  }

  #flushed(flushed: number): void {
    this.#options.router.setFlushed(flushed)
    this.#credit?.flushed(flushed)
    let done = 0
    while (done < this.#unflushed.length && this.#unflushed[done]!.position <= flushed) done += 1
    const batches = this.#unflushed.slice(0, done)
    this.#unflushed = this.#unflushed.slice(done)
    for (const batch of batches) batch.flushed()
  }

  #wake(): void {
    for (const { bytesMax, resolve } of this.#waiters) if (this.bytes <= bytesMax) resolve()
    this.#waiters = this.#waiters.filter(({ bytesMax }) => this.bytes > bytesMax)
  }

  readonly #hold = (bytes: number, producer: ProducerState | null): void => {
    this.#shares.add(bytes, producer === null ? null : producer.share)
    if (this.#waiters.length > 0) this.#wake()
  }
}

/** Hears of one batch: one object for all, because there may be many small ones. */
class Owner implements BatchOwner {
  readonly #hold: (bytes: number, producer: ProducerState | null) => void
  readonly #recording: Recording
  readonly #place: Place
  readonly #producer: ProducerState | null
  readonly #counting: BatchCounting | null
  readonly #credit: Credit | null
  readonly #beganMs: number

  constructor(
    hold: (bytes: number, producer: ProducerState | null) => void,
    recording: Recording,
    place: Place,
    producer: ProducerState | null,
    counting: BatchCounting | null,
    credit: Credit | null,
  ) {
    this.#hold = hold
    this.#credit = credit
    this.#counting = counting
    this.#beganMs = counting === null ? 0 : counting.clock.monotonicMs()
    this.#recording = recording
    this.#place = place
    this.#producer = producer
  }

  held(bytes: number): void {
    this.#hold(bytes, this.#producer)
  }

  refused(batch: Batch): void {
    this.#recording.refused(batch.position)
  }

  decided(batch: Batch): void {
    this.#counting?.tallies.decided(batch)
    this.#recording.decided(this.#place, batch)
  }

  settled(batch: Batch): void {
    if (this.#counting !== null) {
      const { meters, clock } = this.#counting
      meters.batchSettled(clock.monotonicMs() - this.#beganMs)
      // What a replay brings was taken in another life.
      if (this.#producer !== null) this.#credit?.settled(this.#producer.flow, batch.count)
    }
    this.#producer?.settled()
    this.#hold(-batch.bytes, this.#producer)
  }
}

function unknownSource(count: number, source: string): readonly Rejection[] {
  return Array.from({ length: count }, (_, index) =>
    rejection(index, 'SOURCE_UNKNOWN', '', { source }),
  )
}
