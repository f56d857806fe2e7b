/**
 * Who has sent what: per producer its epoch and the sequence it must send next.
 *
 * This table decides whether events are new or came before. It changes only together with the
 * journal: a new epoch and every batch are records there, so the table can be built again from
 * the last segment's snapshot and the records behind it. Pure: no clock, no I/O.
 *
 * Cost: about 250 bytes of memory a producer, and 26 bytes plus its name in every segment's
 * snapshot; every operation but `state` is O(1). Producers are never forgotten.
 */
import { assert } from '../base/assert.ts'

export interface Producer {
  /** Stands for the name in the journal; never given to another producer. */
  readonly id: number
  readonly name: string
  /** From 1, one more each time the producer starts afresh. */
  readonly epoch: number
  /** Sequence of the first event that has not been journalled. */
  readonly nextSequence: number
  /** Arrival time of the producer's newest record, ms. */
  readonly lastSeenMs: number
}

/** The table as plain data. */
export interface ProducersState {
  readonly nextId: number
  /** Ascending by id. */
  readonly producers: readonly Producer[]
}

/** What became of opening a producer. `fenced`: the epoch asked for is not the current one. */
export type ProducerOpening =
  | { readonly kind: 'new'; readonly producer: Producer }
  | { readonly kind: 'resume'; readonly producer: Producer }
  | { readonly kind: 'fenced' }

/**
 * What a batch is, by precedence. `fenced`: its epoch is over. `gap`: events before it are missing.
 * `duplicate`: no event of it is new. `partly`: the first `skip` events came before.
 */
export type SequenceVerdict =
  | { readonly kind: 'fenced' }
  | { readonly kind: 'gap'; readonly expected: number }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'partly'; readonly skip: number }
  | { readonly kind: 'new' }

const isFenced = { kind: 'fenced' } as const
const isDuplicate = { kind: 'duplicate' } as const
const isNew = { kind: 'new' } as const

type Row = { -readonly [K in keyof Producer]: Producer[K] }

export class ProducerTable {
  readonly #byName = new Map<string, Row>()
  readonly #byId = new Map<number, Row>()
  #nextId = 0

  constructor(state?: ProducersState) {
    if (state === undefined) return
    this.#nextId = state.nextId
    for (const producer of state.producers) this.#add({ ...producer })
  }

  get(id: number): Producer | undefined {
    return this.#byId.get(id)
  }

  /**
   * Opens a producer: with `epoch` null a new epoch whose sequences start at 0, else the epoch
   * that is current. A new epoch must be journalled before anyone hears of it.
   */
  open(name: string, epoch: number | null, nowMs: number): ProducerOpening {
    // Lone surrogates have no UTF-8: without this, two names could be one after a restart.
    const known = this.#byName.get(name.toWellFormed())
    if (epoch !== null) {
      return known?.epoch === epoch ? { kind: 'resume', producer: known } : isFenced
    }
    const id = known?.id ?? this.#nextId
    this.restore({
      id,
      name: name.toWellFormed(),
      epoch: (known?.epoch ?? 0) + 1,
      lastSeenMs: nowMs,
    })
    return { kind: 'new', producer: this.#byId.get(id)! }
  }

  /** Compares a batch with what has been journalled; changes nothing. */
  check(id: number, epoch: number, sequence: number, count: number): SequenceVerdict {
    const row = this.#byId.get(id)
    if (row === undefined || row.epoch !== epoch) return isFenced
    const expected = row.nextSequence
    if (sequence > expected) return { kind: 'gap', expected }
    if (sequence + count <= expected) return isDuplicate
    if (sequence < expected) return { kind: 'partly', skip: expected - sequence }
    return isNew
  }

  /** Takes note of a journalled batch, which must be the next of the producer's current epoch. */
  advance(id: number, epoch: number, sequence: number, count: number, arrivalMs: number): void {
    const row = this.#byId.get(id)
    assert(row !== undefined && row.epoch === epoch, 'a batch belongs to an open epoch')
    assert(row.nextSequence === sequence, 'the sequences of a producer have no gap')
    row.nextSequence = sequence + count
    row.lastSeenMs = arrivalMs
  }

  /** Sets a producer to the start of an epoch. */
  restore(opened: Omit<Producer, 'nextSequence'>): void {
    const { id, name, epoch, lastSeenMs } = opened
    const row = this.#byId.get(id)
    if (row === undefined) return this.#add({ id, name, epoch, nextSequence: 0, lastSeenMs })
    row.epoch = epoch
    row.nextSequence = 0
    row.lastSeenMs = lastSeenMs
  }

  /** The table as it stands; O(producers). The rows are the table's own: use them at once. */
  state(): ProducersState {
    return { nextId: this.#nextId, producers: [...this.#byId.values()] }
  }

  #add(row: Row): void {
    this.#byId.set(row.id, row)
    this.#byName.set(row.name, row)
    this.#nextId = Math.max(this.#nextId, row.id + 1)
  }
}
