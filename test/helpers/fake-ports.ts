/**
 * An intake and a reader without journal and shards, which keep what they were handed and answer
 * as a test tells them.
 */
import type { ReaderOptions } from '../../src/serve/reader.ts'
import { MillraceError } from '../../src/base/errors.ts'
import type { Catalog, Source, View } from '../../src/model/catalog.ts'
import type {
  TypedFeatureTable,
  IncomingBatch,
  IngestPort,
  ProducerListener,
  ProducerSession,
  ReadPort,
  RefusedBatch,
  SequencedRejection,
} from '../../src/model/contracts.ts'
import { featureOf } from './engine.ts'

/** A promise that a test resolves. */
export function createGate(): { readonly promise: Promise<void>; open: () => void } {
  let open = (): void => {}
  const promise = new Promise<void>((resolve) => {
    open = resolve
  })
  return { promise, open: () => open() }
}

/** One open producer, seen from the intake. */
export interface FakeProducer extends ProducerSession {
  readonly listener: ProducerListener
  next: number
  closed: boolean
}

export class FakeIngest implements IngestPort {
  readonly batches: IncomingBatch[] = []
  readonly opened: FakeProducer[] = []
  /** Acknowledges every batch within the call. */
  acknowledgesAtOnce = false
  /** What every producer should have in flight at most. */
  creditEvents = Infinity
  /** Resolves the next opening; at once when null. */
  gate: Promise<void> | null = null
  failure: unknown = null
  /** Why no batch is taken now. */
  refusal: MillraceError | null = null
  /** Sequences that are rejected when they are acknowledged at once. */
  readonly rejected = new Map<number, SequencedRejection>()
  readonly #epochs = new Map<string, { epoch: number; next: number }>()

  async openProducer(
    producer: string,
    epoch: number | null,
    listener: ProducerListener,
  ): Promise<FakeProducer> {
    if (this.gate !== null) await this.gate
    if (this.failure !== null) throw this.failure
    const known = this.#epochs.get(producer)
    if (epoch !== null && epoch !== known?.epoch) {
      throw new MillraceError('PRODUCER_FENCED', { producer })
    }
    for (const other of this.opened) {
      if (other.producer === producer && !other.closed) other.listener.fenced()
    }
    const credit = (): number => this.creditEvents
    const state = epoch === null ? { epoch: (known?.epoch ?? 0) + 1, next: 0 } : known!
    this.#epochs.set(producer, state)
    const opened: FakeProducer = {
      producer,
      epoch: state.epoch,
      lastSequence: state.next - 1,
      get creditEvents() {
        return credit()
      },
      listener,
      next: state.next,
      closed: false,
      publish: (batch) => this.#publish(opened, state, batch),
      close: () => {
        opened.closed = true
      },
    }
    this.opened.push(opened)
    return opened
  }

  get last(): FakeProducer {
    return this.opened.at(-1)!
  }

  #publish(
    opened: FakeProducer,
    state: { next: number },
    batch: IncomingBatch,
  ): { readonly taken: true } | RefusedBatch {
    if (batch.sequence > state.next) return { expected: state.next }
    if (this.refusal !== null) return { expected: state.next, reason: this.refusal }
    const duplicates = Math.min(state.next - batch.sequence, batch.count)
    const end = batch.sequence + batch.count
    state.next = opened.next = Math.max(state.next, end)
    this.batches.push(batch)
    if (this.acknowledgesAtOnce) {
      const rejections = [...this.rejected.values()].filter(
        ({ sequence }) => sequence >= batch.sequence && sequence < end,
      )
      opened.listener.acknowledged({ upTo: state.next - 1, duplicates, rejections })
    }
    return { taken: true }
  }
}

/** Answers every read with `table`, once `gate` resolves. */
export class FakeReader implements ReadPort {
  readonly reads: { readonly name: string; readonly keys: readonly unknown[] }[] = []
  table: TypedFeatureTable = { names: [], types: [], rows: [] }
  gate: Promise<void> | null = null
  failure: unknown = null
  /** Why no batch is taken now. */
  refusal: MillraceError | null = null

  async read(name: string, keys: readonly object[]): Promise<TypedFeatureTable> {
    this.reads.push({ name, keys })
    if (this.gate !== null) await this.gate
    if (this.failure !== null) throw this.failure
    return this.table
  }

  readonly query = noQuery.query
}

/** Of a reader without queries and realtime views. */
export const onlyReads: Pick<ReaderOptions, 'findKeys' | 'runRealtime'> = {
  findKeys: () => Promise.reject(new Error('nothing is searched')),
  runRealtime: () => Promise.reject(new Error('nothing is run')),
}

/** Of a port that is asked no queries. */
export const noQuery: Pick<ReadPort, 'query'> = {
  query: (name) => Promise.reject(new MillraceError('KEY_NOT_INDEXED', { name })),
}

const source: Source = {
  name: 'impressions',
  index: 0,
  fields: [],
  timestampField: 'timestamp',
  dedupe: { by: 'sequence' },
  offline: false,
  schema: {},
  identity: '',
  routes: [],
}

const view: View = {
  name: 'user_clicks',
  index: 0,
  source: 0,
  route: 0,
  entities: ['user'],
  joinKeys: [{ name: 'user_id', type: { kind: 'String', nullable: false } }],
  columns: [],
  features: [
    {
      name: 'clicked_sum_1h',
      ...featureOf({ column: 'clicked', fn: 'sum', windowMs: 3_600_000 }),
      type: { kind: 'Int64', nullable: true },
    },
    {
      name: 'timestamp_max_1h',
      ...featureOf({ column: 'timestamp', fn: 'max', windowMs: 3_600_000 }),
      type: { kind: 'Timestamp', nullable: true },
    },
  ],
  secondaryKey: null,
  lastWriteWins: false,
  mode: 'sawtooth',
  intervalMs: 0,
  ttlMs: Infinity,
  leadingEdge: 'wall-clock',
  servingIndex: null,
  newKeysPerDay: Infinity,
  online: true,
  transform: null,
  rowSchema: null,
  identity: '',
}

/** One source, one view with an Int64 and a Timestamp feature. */
export const smallCatalog: Catalog = {
  entities: [],
  sources: [source],
  routes: [],
  views: [view],
  realtimeViews: [],
  services: [],
}
