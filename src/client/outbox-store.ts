/**
 * An outbox on disk: what a producer has published and not heard the outcome of outlives it.
 *
 * A log of batches as they are sent, under their sequences. A batch is on disk before it is sent:
 * otherwise a producer that came back could give its sequences to other events. So is the epoch,
 * before anything is sent in it. What is acknowledged is noted with the next record only, as the
 * server knows it too; segments go when all of them is acknowledged.
 *
 * One process at a time: the caller holds the lock.
 */
import { assert } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import { outboxSegmentBytesMax } from '../base/limits.ts'
import { nodeFiles, type LogFiles } from '../log/files.ts'
import { corrupt } from '../log/format.ts'
import { openLog, type Log } from '../log/log.ts'
import { scanRecords } from '../log/scan.ts'
import {
  decodeRecord,
  encodeBatch,
  encodeMark,
  encodeSnapshot,
  outboxFormat,
  type OutboxRecord,
  type OutboxState,
  type StoredBatch,
} from './outbox-record.ts'

export interface OutboxStoreOptions {
  readonly dir: string
  readonly producer: string
  readonly clock: Clock
  /** Called once when a write fails: there will be no further one. */
  readonly onFailure: (error: MillraceError) => void
  /** @defaultValue the machine's file system */
  readonly files?: LogFiles
  /** @defaultValue `outboxSegmentBytesMax` */
  readonly segmentBytes?: number
}

/** Where a batch stands in the log. */
interface Place {
  /** Last sequence of the batch. */
  readonly last: number
  readonly start: number
  readonly end: number
}

/**
 * Opens the outbox of a directory, a new one when there is none.
 *
 * @throws {@link MillraceError} `OUTBOX_CORRUPT`; `STORE_FORMAT`; `CONFIG_INVALID` when it is
 *   another producer's; errors of the file system as they are.
 * @remarks Cost: reads all that is kept.
 */
export async function openOutboxStore(options: OutboxStoreOptions): Promise<{
  readonly store: OutboxStore
  /** The batches whose outcome is open, in the order of their sequences. */
  readonly batches: readonly StoredBatch[]
}> {
  const { dir, producer, segmentBytes = outboxSegmentBytesMax, files = nodeFiles } = options
  let state = stateOfRun(producer, 0)
  let store: OutboxStore | null = null
  const log = await openLog({
    ...options,
    files,
    format: outboxFormat,
    segmentBytes,
    take: (body) => {
      const record = decodeRecord(body)
      const after = record === null ? null : stateBehind(state, record)
      if (after === null) return 'a record that cannot stand there'
      state = after
      return null
    },
    snapshot: (seed) => encodeSnapshot(store?.state ?? state, seed),
  })
  if (state.producer !== producer) {
    await log.close()
    const reason = `the outbox in ${dir} is of the producer ${state.producer}`
    throw new MillraceError('CONFIG_INVALID', { path: 'producer', reason })
  }
  const { batches, places } = await readOpen(log, state)
  const acknowledged = Math.max(
    state.acknowledged,
    (batches[0]?.sequence ?? state.nextSequence) - 1,
  )
  store = new OutboxStore(log, { ...state, acknowledged }, places)
  return { store, batches }
}

export class OutboxStore {
  readonly #log: Log
  /** Batches that are not acknowledged. */
  #places: Place[]
  #state: OutboxState
  #isMarked = true
  #isRetiring = false

  /** @internal Use {@link openOutboxStore}. */
  constructor(log: Log, state: OutboxState, places: Place[]) {
    this.#log = log
    this.#state = state
    this.#places = places
  }

  get state(): OutboxState {
    return this.#state
  }

  /** Calls `listener` with the last sequence that is on disk each time there are more. */
  onStored(listener: (sequence: number) => void): void {
    let told = -1
    this.#log.onFlushed((flushed) => {
      const { end, last } = this.#places.findLast((place) => place.end <= flushed) ?? none
      if (end <= told) return
      told = end
      listener(last)
    })
  }

  /** Resolves when all that was appended is on disk. */
  whenStored(): Promise<void> {
    return this.#log.whenFlushed(this.#log.end)
  }

  /** Appends the batch with the next sequence; to be sent when it is stored. */
  append(batch: StoredBatch): void {
    assert(batch.sequence === this.#state.nextSequence, 'the sequences of an outbox have no gap')
    this.#mark()
    const nextSequence = batch.sequence + batch.count
    const [start, end] = this.#write((grouped, seed) =>
      encodeBatch(grouped, this.#state.run, batch, seed),
    )
    this.#state = { ...this.#state, nextSequence }
    this.#places.push({ last: nextSequence - 1, start, end })
  }

  /** Sets the epoch of this run, and whose it is; it is on disk when this resolves. */
  async begin(epoch: number, incarnation: string | null): Promise<void> {
    if (epoch !== this.#state.epoch || incarnation !== this.#state.incarnation) {
      this.#state = { ...this.#state, epoch, incarnation }
      this.#isMarked = false
      this.#mark()
    }
    await this.whenStored()
  }

  /** Sequences begin at 0 again, without an epoch; nothing is open. */
  restart(): void {
    const { producer, run } = this.#state
    this.#state = stateOfRun(producer, run + 1)
    this.#places = []
    this.#isMarked = false
    this.#mark()
  }

  /** The outcome of all up to this sequence is known. */
  acknowledged(upTo: number): void {
    if (upTo <= this.#state.acknowledged) return
    this.#state = { ...this.#state, acknowledged: upTo }
    this.#isMarked = false
    const open = this.#places.findIndex(({ last }) => last > upTo)
    this.#places = open === -1 ? [] : this.#places.slice(open)
    void this.#retire()
  }

  /** Closes it; what was appended is on disk, unless a write has failed. */
  async close(): Promise<void> {
    await this.whenStored().then(
      () => this.#mark(),
      // `onFailure` has been told.
      () => {},
    )
    await this.#log.close()
  }

  #mark(): void {
    if (this.#isMarked) return
    this.#isMarked = true
    this.#write((grouped, seed) => encodeMark(grouped, this.#state, seed))
  }

  #write(
    encode: (grouped: { groupStart: number; arrivalMs: number }, seed: number) => Uint8Array,
  ): [start: number, end: number] {
    const log = this.#log
    const arrivalMs = log.arrive()
    log.roll()
    const groupStart = log.queue.open()
    const start = log.end
    const end = log.queue.appendBytes(encode({ groupStart, arrivalMs }, log.seed))
    log.wake()
    return [start, end]
  }

  /** Deletes segments of which all is acknowledged; one that cannot be is tried again later. */
  async #retire(): Promise<void> {
    const keepFrom = this.#places[0]?.start ?? this.#log.end
    const [oldest, next] = this.#log.segments
    if (this.#isRetiring || next === undefined || oldest!.end > keepFrom) return
    this.#isRetiring = true
    const always = { bytesMax: 0, ageMsMax: Infinity, nowMs: 0 }
    await this.#log.retire({ keepFrom, ...always }).catch(() => {})
    this.#isRetiring = false
  }
}

const none: Place = { last: -1, start: 0, end: -1 }

/** What an outbox is at the beginning of a run. */
function stateOfRun(producer: string, run: number): OutboxState {
  const none = { epoch: null, incarnation: null }
  return { producer, run, ...none, acknowledged: -1, nextSequence: 0 }
}

/** What the outbox has come to behind a record; null when it cannot stand there. */
function stateBehind(state: OutboxState, record: OutboxRecord): OutboxState | null {
  switch (record.kind) {
    case 'snapshot':
      return record.state
    case 'mark': {
      const { run, epoch, incarnation, acknowledged } = record
      const before = run === state.run ? state : stateOfRun(state.producer, run)
      return { ...before, epoch, incarnation, acknowledged }
    }
    case 'batch': {
      const { sequence, count } = record.batch
      if (record.run !== state.run || sequence !== state.nextSequence) return null
      return { ...state, nextSequence: sequence + count }
    }
  }
}

/** Reads the batches whose outcome is open. */
async function readOpen(
  log: Log,
  { run, acknowledged, nextSequence }: OutboxState,
): Promise<{ readonly batches: StoredBatch[]; readonly places: Place[] }> {
  const batches: StoredBatch[] = []
  const places: Place[] = []
  for (const { path, start: origin, end } of log.segments) {
    const file = await log.files.open(path, 'read')
    try {
      let at = 0
      for await (const scanned of scanRecords(file, end - origin, log.seed)) {
        const record = decodeRecord(scanned.body)
        const start = origin + at
        at = scanned.end
        if (record?.kind !== 'batch' || record.run !== run) continue
        const { batch } = record
        const last = batch.sequence + batch.count - 1
        if (last <= acknowledged) continue
        batches.push({ ...batch, frame: Uint8Array.from(batch.frame) })
        places.push({ last, start, end: origin + at })
      }
      if (at !== end - origin) throw corrupt(outboxFormat, path, at, 'damaged record')
    } finally {
      await file.close()
    }
  }
  let expected = batches[0]?.sequence ?? nextSequence
  for (const { sequence, count } of batches) {
    if (sequence !== expected) break
    expected = sequence + count
  }
  if (expected === nextSequence) return { batches, places }
  throw corrupt(outboxFormat, log.segments[0]!.path, 0, `sequence ${expected} is missing`)
}
