/**
 * The intake: where batches from connections meet the journal and the shards.
 *
 * In: batches of producers. A batch that is new is appended to the journal and, while that is
 * being flushed, routed to the shards. Out: an acknowledgement when it is on disk and applied. What
 * came before is acknowledged again and not counted again; a gap is refused. The bytes that are in
 * and not acknowledged are bounded: beyond, `onFull` stops the sockets until half is done.
 *
 * Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import { intakeBytesMax } from '../base/limits.ts'
import type { Journal } from '../journal/journal.ts'
import type { Catalog } from '../model/catalog.ts'
import type {
  IncomingBatch,
  IngestPort,
  ProducerListener,
  ProducerSession,
} from '../model/contracts.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import type { Router } from '../route/router.ts'
import { Batch } from './batch.ts'
import { skipEvents } from './payload.ts'
import { ProducerState } from './producer.ts'

export interface IntakeOptions {
  readonly catalog: Catalog
  readonly journal: Journal
  readonly router: Router
  /** Stops and restarts reading the sockets. */
  readonly onFull: (isFull: boolean) => void
  /** Hears of a batch that is in the journal and could not be sent on: only a restart helps. */
  readonly onFailure: (thrown: unknown) => void
}

/** The payload that is journalled for a batch nobody can read: an empty array. */
const noEvents = Uint8Array.of(0x90)

/** A batch as it goes through the shards; `producer` is null when nobody waits for it. */
export interface Passage {
  /** Place in the catalog's sources; -1 for one that it does not have. */
  readonly source: number
  readonly sourceName: string
  readonly sequence: number
  readonly count: number
  readonly payload: Uint8Array
  readonly position: number
  readonly arrivalMs: number
  readonly producer: ProducerState | null
}

export class Intake implements IngestPort {
  readonly #options: IntakeOptions
  readonly #sources: ReadonlyMap<string, number>
  /** By source: routes on which an event can come too late. */
  readonly #statefulRoutes: readonly number[]
  readonly #producers = new Map<number, ProducerState>()
  /** In journal order. */
  #unflushed: Batch[] = []
  #bytes = 0
  #isFull = false

  constructor(options: IntakeOptions) {
    const { catalog, journal } = options
    this.#options = options
    this.#sources = new Map(catalog.sources.map((source) => [source.name, source.index]))
    this.#statefulRoutes = catalog.sources.map(
      ({ routes }) =>
        routes.filter((route) => catalog.routes[route]!.views.some((i) => catalog.views[i]!.online))
          .length,
    )
    journal.onFlushed((flushed) => this.#flushed(flushed))
  }

  /** Bytes taken and not acknowledged. */
  get bytes(): number {
    return this.#bytes
  }

  async openProducer(
    name: string,
    epoch: number | null,
    listener: ProducerListener,
  ): Promise<ProducerSession> {
    const { journal } = this.#options
    const opening = journal.openProducer(name, epoch)
    if (opening.kind === 'fenced') throw new MillraceError('PRODUCER_FENCED', { producer: name })
    const { id, epoch: current } = opening.producer
    const state = this.#producerOf(id)
    state.attach(listener)
    if (opening.kind === 'new') {
      state.begin(current, -1)
      await journal.whenFlushed(opening.position)
    }
    if (!state.isAttached(listener)) {
      throw new MillraceError('PRODUCER_FENCED', { producer: name })
    }
    return {
      producer: name,
      epoch: current,
      lastSequence: state.lastSequence,
      publish: (batch) => this.#publish(id, current, state, batch),
      close: () => state.detach(listener),
    }
  }

  /** Sends a batch through the shards; also the way of a replay, whose batches are on disk. */
  pass(passage: Passage): Batch {
    const { source, sequence, count, payload, position, arrivalMs, producer } = passage
    const routes = this.#statefulRoutes[source] ?? 0
    const facts = { position, sequence, count, bytes: payload.length, routes }
    const batch = new Batch(facts, () => this.#settled(batch, producer))
    this.#take(batch.bytes)
    producer?.add(batch)
    if (source === -1) batch.reject(-1, unknownSource(count, passage.sourceName))
    else this.#options.router.route({ source, count, payload, arrivalMs, inFlight: batch })
    batch.routed()
    return batch
  }

  /** Whose rejections a replayed batch's are; null when that epoch is over. */
  replayedProducer(id: number, epoch: number): ProducerState | null {
    const state = this.#producerOf(id)
    return state.epoch === epoch ? state : null
  }

  #publish(
    id: number,
    epoch: number,
    state: ProducerState,
    batch: IncomingBatch,
  ): ReturnType<ProducerSession['publish']> {
    const { journal } = this.#options
    const verdict = journal.producers.check(id, epoch, batch.sequence, batch.count)
    switch (verdict.kind) {
      case 'gap':
        return { expected: verdict.expected }
      case 'fenced':
        throw new MillraceError('PRODUCER_FENCED', { producer: journal.producers.get(id)!.name })
      case 'duplicate':
        state.repeat(batch.sequence, batch.count)
        return { taken: true }
      case 'partly':
        state.repeat(batch.sequence, verdict.skip)
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

  #append(id: number, epoch: number, state: ProducerState, batch: IncomingBatch): void {
    const { sequence, count } = batch
    const source = this.#sources.get(batch.source) ?? -1
    const payload = source === -1 ? noEvents : batch.payload
    const record = { source, producer: id, epoch, sequence, count, payload }
    const { position, arrivalMs } = this.#options.journal.append(record)
    const placed = { source, sourceName: batch.source, position, arrivalMs, producer: state }
    try {
      this.#unflushed.push(this.pass({ ...placed, sequence, count, payload }))
    } catch (thrown) {
      this.#options.onFailure(thrown)
      throw thrown
    }
  }

  #producerOf(id: number): ProducerState {
    let state = this.#producers.get(id)
    if (state === undefined) {
      state = new ProducerState()
      const known = this.#options.journal.producers.get(id)
      if (known !== undefined) state.begin(known.epoch, known.nextSequence - 1)
      this.#producers.set(id, state)
    }
    return state
  }

  #flushed(flushed: number): void {
    this.#options.router.setFlushed(flushed)
    let done = 0
    while (done < this.#unflushed.length && this.#unflushed[done]!.position <= flushed) done += 1
    const batches = this.#unflushed.slice(0, done)
    this.#unflushed = this.#unflushed.slice(done)
    for (const batch of batches) batch.flushed()
  }

  #settled(batch: Batch, producer: ProducerState | null): void {
    producer?.settled()
    this.#take(-batch.bytes)
  }

  #take(bytes: number): void {
    this.#bytes += bytes
    const isFull = this.#bytes > (this.#isFull ? intakeBytesMax / 2 : intakeBytesMax)
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    this.#options.onFull(isFull)
  }
}

function unknownSource(count: number, source: string): readonly Rejection[] {
  return Array.from({ length: count }, (_, index) =>
    rejection(index, 'SOURCE_UNKNOWN', '', { source }),
  )
}
