/**
 * Who has sent what: per producer its epoch and the sequence it must send next.
 *
 * This table decides whether events are new or came before. It changes only together with the
 * journal: a new epoch and every batch are records there, so the table can be built again from
 * the last segment's snapshot and the records behind it. Pure: no clock, no I/O.
 *
 * A producer that was not seen for long may be forgotten; that is no record, so a restart may know
 * it again, which does no harm. What must not happen is that a client resumes an epoch of a
 * producer that was forgotten and meets a stranger's: so a name that is new begins above every
 * epoch of those that were forgotten, the epoch floor, which is a part of the snapshot.
 *
 * Cost: about 250 bytes of memory a producer, and 26 bytes plus its name in every segment's
 * snapshot; every operation but `state` and `forget` is O(1).
 */
import { assert } from '../base/assert.ts'

export interface Producer {
  /** Stands for the name in the journal; never given to another producer. */
  readonly id: number
  readonly name: string
  /** Above the epoch floor at first, one more each time the producer starts afresh. */
  readonly epoch: number
  /** Sequence of the first event that has not been journalled. */
  readonly nextSequence: number
  /** When the producer was last heard of, ms; after a restart, when its newest record came. */
  readonly lastSeenMs: number
}

/** The table as plain data. */
export interface ProducersState {
  readonly nextId: number
  /** Highest epoch of all producers that were forgotten; 0 before the first. */
  readonly epochFloor: number
  /** Ascending by id. */
  readonly producers: readonly Producer[]
}

/**
 * What became of opening a producer. `fenced`: the epoch asked for is over. `expired`: it was a
 * producer's that is forgotten. `unknown`: nobody was ever given it. `full`: one more producer than
 * there may be.
 */
export type ProducerOpening =
  | { readonly kind: 'new'; readonly producer: Producer }
  | { readonly kind: 'resume'; readonly producer: Producer }
  | { readonly kind: 'fenced' | 'expired' | 'unknown' | 'full' }

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
  #epochFloor = 0

  constructor(state?: ProducersState) {
    if (state === undefined) return
    this.#nextId = state.nextId
    this.#epochFloor = state.epochFloor
    for (const producer of state.producers) this.#add({ ...producer })
  }

  get(id: number): Producer | undefined {
    return this.#byId.get(id)
  }

  /**
   * Opens a producer: with `epoch` null a new epoch whose sequences start at 0, else the epoch
   * that is current. A new epoch must be journalled before anyone hears of it.
   *
   * @param producersMax  Producers beyond which no name is new.
   */
  open(
    name: string,
    epoch: number | null,
    { nowMs, producersMax }: { readonly nowMs: number; readonly producersMax: number },
  ): ProducerOpening {
    // Lone surrogates have no UTF-8: without this, two names could be one after a restart.
    const known = this.#byName.get(name.toWellFormed())
    if (epoch !== null) return this.#resume(known, epoch, nowMs)
    if (known === undefined && this.#byId.size >= producersMax) return { kind: 'full' }
    const id = known?.id ?? this.#nextId
    this.restore({
      id,
      name: name.toWellFormed(),
      epoch: (known?.epoch ?? this.#epochFloor) + 1,
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

  /** Takes note that a producer is there. */
  seen(id: number, nowMs: number): void {
    const row = this.#byId.get(id)
    if (row !== undefined) row.lastSeenMs = Math.max(row.lastSeenMs, nowMs)
  }

  /** Forgets producers that were last seen before a time, unless they are held; their ids. */
  forget(beforeMs: number, isHeld: (id: number) => boolean): number[] {
    const forgotten = [...this.#byId.values()].filter(
      ({ id, lastSeenMs }) => lastSeenMs < beforeMs && !isHeld(id),
    )
    for (const row of forgotten) this.#remove(row)
    return forgotten.map(({ id }) => id)
  }

  /** Sets a producer to the start of an epoch. */
  restore(opened: Omit<Producer, 'nextSequence'>): void {
    const { id, name, epoch, lastSeenMs } = opened
    const former = this.#byName.get(name)
    // It was forgotten when the name became new again, but a snapshot still had it.
    if (former !== undefined && former.id !== id) this.#remove(former)
    const row = this.#byId.get(id)
    if (row === undefined) return this.#add({ id, name, epoch, nextSequence: 0, lastSeenMs })
    row.epoch = epoch
    row.nextSequence = 0
    row.lastSeenMs = lastSeenMs
  }

  /** The table as it stands; O(producers). The rows are the table's own: use them at once. */
  state(): ProducersState {
    const producers = [...this.#byId.values()]
    return { nextId: this.#nextId, epochFloor: this.#epochFloor, producers }
  }

  #resume(known: Row | undefined, epoch: number, nowMs: number): ProducerOpening {
    if (epoch < 1 || epoch > (known?.epoch ?? this.#epochFloor)) return { kind: 'unknown' }
    if (known === undefined) return { kind: 'expired' }
    if (epoch < known.epoch) return { kind: 'fenced' }
    this.seen(known.id, nowMs)
    return { kind: 'resume', producer: known }
  }

  #remove({ id, name, epoch }: Row): void {
    this.#byId.delete(id)
    this.#byName.delete(name)
    this.#epochFloor = Math.max(this.#epochFloor, epoch)
  }

  #add(row: Row): void {
    this.#byId.set(row.id, row)
    this.#byName.set(row.name, row)
    this.#nextId = Math.max(this.#nextId, row.id + 1)
  }
}
