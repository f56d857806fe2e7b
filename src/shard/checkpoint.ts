/**
 * One checkpoint of one shard: the state of every key that changed, as it was at one position.
 *
 * Keys are captured a few at a time between other work and go to the store as they are captured, so
 * that no more than those few are held twice; a key that is about to change is captured first
 * (`aggregate/slot-marks.ts`). All of it counts at once, when the journal is on disk up to the
 * position: a checkpoint never covers what a crash could take back. For the same reason nothing in
 * it may depend on events behind the position, of which the view's watermark knows.
 * Now and then it also looks at some stored keys and drops those whose every tile has expired, and
 * likewise the ids of events (`shard-ids.ts`).
 */
import { ByteWriter } from '../aggregate/byte-writer.ts'
import type { EventLog } from '../aggregate/event-log.ts'
import { encodeSlot, newestMsOf } from '../aggregate/slot-codec.ts'
import type { ViewState } from '../aggregate/view-state.ts'
import type { ShardStore, StoredState } from '../persist/shard-store.ts'
import { indexKey, type ChunkPlace, type KeyPlace } from '../persist/store-keys.ts'
import type { IndexWrite, StateWrite, StoreWrite } from '../persist/store-writes.ts'
import { encodeHeader } from './header.ts'
import type { ShardIds } from './shard-ids.ts'
import type { StoredUnrecorded } from './unrecorded.ts'

/** Keys captured, and stored keys looked at, between two turns of the event loop. */
const keysPerTurn = 256

/** Keys captured between two looks at how much it is, and when it is enough for a turn, bytes. */
const keysPerStep = 16
const capturedBytesMax = 256 * 1024

/** A look for expired keys is at this share of those stored, within these bounds. */
const sweptShare = 1 / 64
const sweptMin = 1024
const sweptMax = 8192

/** Before and behind every chunk there can be. */
const firstChunk = { tile: -(2 ** 46), part: 0 }
const lastTile = 2 ** 46

/** Chunks of events that are removed in one go. */
const expiredMax = 1024

/** Time between two looks, by the arrival of events, ms. */
const sweepMs = 5000

/** What was captured and has not been handed to the store. */
interface Captured {
  readonly writer: ByteWriter
  writes: StoreWrite[]
}

export class Checkpoint {
  readonly #store: ShardStore
  readonly #views: readonly (ViewState | null)[]
  readonly #viewIds: readonly number[]
  readonly #ids: ShardIds
  /** The first is being filled, the second is with the store. */
  #captured: [Captured, Captured] = [createCaptured(), createCaptured()]
  /** Where windows may end at the position, by place in the catalog. */
  #edgesMs: readonly number[] = []
  #keys = 0
  #sweepCursor: StoredState | null = null
  #sweptMs = -Infinity
  #running = false
  /** Chunks of later commits are held by the views' logs, too. */
  #chunksPart: number

  constructor(options: {
    readonly store: ShardStore
    readonly views: readonly (ViewState | null)[]
    readonly viewIds: readonly number[]
    readonly ids: ShardIds
  }) {
    this.#store = options.store
    this.#views = options.views
    this.#viewIds = options.viewIds
    this.#ids = options.ids
    this.#chunksPart = options.store.generation
  }

  /** Whether captured keys may not be in the store yet; none may be evicted. */
  get running(): boolean {
    return this.#running
  }

  /** The stored events of a key, by tile and then by arrival; those that no log holds. */
  storedChunks(place: KeyPlace, first: number, last: number): readonly Uint8Array[] {
    return this.#store
      .chunks(place, first, last)
      .filter(({ part }) => part <= this.#chunksPart)
      .map(({ value }) => value)
  }

  /** Adds a slot of view `index` as it is now. */
  capture(index: number, slot: number): void {
    const state = this.#views[index]!
    const { keys, levels, pool } = state
    const newestMs = state.records.newestMs(slot)
    const edgeMs = this.#edgeMs(index, newestMs)
    state.dropExpired(slot, edgeMs)
    const { writer, writes } = this.#captured[0]
    const start = writer.byteLength
    encodeSlot(writer, slot, newestMs, state.records.newestNs(slot), levels, pool)
    const value = writer.since(start)
    const keyStart = writer.byteLength
    writer.bytes(keys.keyOf(slot))
    const key = writer.since(keyStart)
    this.#keys += 1
    // Field by field: there is one for every key.
    const write = { view: this.#viewIds[index]!, keyHash: keys.hashOf(slot), key, value }
    writes.push(write)
    if (state.log !== null) this.#captureEvents(state.log, slot, write, edgeMs)
  }

  /** Adds the events of a slot that are not stored; removes those that no window needs. */
  #captureEvents(log: EventLog, slot: number, place: KeyPlace, edgeMs: number): void {
    const { writes } = this.#captured[0]
    const { view, keyHash, key } = place
    const horizon = Math.floor((edgeMs - log.reachMs) / log.tileMs)
    for (const { tile, bytes } of log.chunksOf(slot)) {
      if (tile < horizon) continue
      writes.push({ view, keyHash, key, tile, part: this.#store.generation + 1, value: bytes })
    }
    if (horizon === -Infinity) return
    // When there are more, the next checkpoint of the key goes on.
    const first = { view, keyHash, key, ...firstChunk }
    const expired = this.#store.chunkPlaces(first, horizon - 1, expiredMax)
    for (const chunk of expired) writes.push({ ...chunk, value: null })
  }

  /**
   * Writes the state at `position`, which is what has been applied when this is called.
   *
   * @param unrecorded  What was not counted up to the position and may not be in the ledger.
   * @param flushed  Resolves when the journal is on disk up to the position; to false when that is
   *   not waited for any more.
   * @returns the number of keys written; null when the checkpoint was given up.
   */
  async run(
    position: number,
    arrivalMs: number,
    unrecorded: StoredUnrecorded,
    flushed: Promise<boolean>,
  ): Promise<number | null> {
    this.#running = true
    this.#keys = 0
    this.#edgesMs = this.#views.map((state) => state?.earliestEdgeMs ?? -Infinity)
    const header = encodeHeader(position, this.#views, this.#viewIds, unrecorded)
    for (const state of this.#views) {
      state?.marks.beginCapture((slot) => state.keys.hashOf(slot))
      state?.log?.beginStoring()
      state?.index?.beginStoring()
    }
    this.#ids.beginStoring()
    const removed: StateWrite[] = []
    const batches = this.#batches(arrivalMs, removed)
    if (!(await this.#store.commit({ header, batches, ready: flushed }))) return null
    for (const state of this.#views) {
      state?.log?.endStoring()
      state?.index?.endStoring()
    }
    this.#ids.endStoring()
    this.#chunksPart = this.#store.generation
    this.#forget(removed)
    this.#running = false
    return this.#keys
  }

  /** What is to be written; adds what is removed to `removed`, too. */
  async *#batches(
    arrivalMs: number,
    removed: StateWrite[],
  ): AsyncGenerator<readonly StoreWrite[], void> {
    for (const state of this.#views) {
      for (let done = state === null; !done;) {
        for (let left = keysPerTurn; left > 0 && !done && !this.#isFull; left -= keysPerStep) {
          done = state!.marks.captureSome(keysPerStep)
        }
        yield this.#takeCaptured()
        await nextTurn()
      }
    }
    yield* inTurns(this.#indexed())
    yield* inTurns(this.#ids.unstored())
    if (arrivalMs < this.#sweptMs + sweepMs) return
    this.#sweptMs = arrivalMs
    yield* inTurns(this.#ids.expired())
    const share = Math.ceil(this.#store.count * sweptShare)
    for (let left = Math.min(Math.max(sweptMin, share), sweptMax); left > 0; left -= keysPerTurn) {
      const expired = this.#sweep(arrivalMs)
      removed.push(...expired)
      yield expired
      yield expired.flatMap((state) => this.#indexedAs(state))
      for (const state of expired) yield* this.#chunksOf(state)
      if (this.#sweepCursor === null) return
      await nextTurn()
    }
  }

  /** The entries of new keys in the indexes of their views, some at a time. */
  *#indexed(): Generator<readonly IndexWrite[]> {
    let writes: IndexWrite[] = []
    for (const [n, state] of this.#views.entries()) {
      if (state === null || state.index === null) continue
      for (const reordered of state.index.storing()) {
        writes.push({ indexKey: indexKey(this.#viewIds[n]!, reordered), isThere: true })
        if (writes.length < keysPerTurn) continue
        yield writes
        writes = []
      }
    }
    yield writes
  }

  /** The removal of a key from the index of its view. */
  #indexedAs({ view, key }: KeyPlace): readonly IndexWrite[] {
    const order = this.#views[this.#viewIds.indexOf(view)]?.index?.order
    if (order === undefined) return []
    return [{ indexKey: indexKey(view, order.reorder(key)), isThere: false }]
  }

  /** The removal of all chunks of a key, some at a time. */
  *#chunksOf(place: KeyPlace): Generator<readonly StoreWrite[]> {
    if (this.#views[this.#viewIds.indexOf(place.view)]?.log == null) return
    for (let from: ChunkPlace = { ...place, ...firstChunk }; ;) {
      const chunks = this.#store.chunkPlaces(from, lastTile, expiredMax)
      yield chunks.map((chunk) => ({ ...chunk, value: null }))
      if (chunks.length < expiredMax) return
      const { tile, part } = chunks.at(-1)!
      from = { ...place, tile, part: part + 1 }
    }
  }

  get #isFull(): boolean {
    return this.#captured[0].writer.byteLength > capturedBytesMax
  }

  #takeCaptured(): readonly StoreWrite[] {
    const [filled, spent] = this.#captured
    spent.writer.clear()
    spent.writes = []
    this.#captured = [spent, filled]
    return filled.writes
  }

  /** Drops from memory what the store has dropped, unless it has changed since it was looked at. */
  #forget(removed: readonly StateWrite[]): void {
    for (const { view, keyHash, key } of removed) {
      const state = this.#views[this.#viewIds.indexOf(view)]!
      const slot = state.keys.find(keyHash, key, 0, key.length)
      if (slot === 0) continue
      if (state.marks.isClean(slot)) state.remove(slot)
      // It will be stored again, and its entry with it.
      else state.index?.add(key)
    }
  }

  /** Finds, among the next stored keys, those of which nothing is left to serve. */
  #sweep(arrivalMs: number): readonly StateWrite[] {
    const stored = this.#store.scan(this.#sweepCursor, keysPerTurn)
    this.#sweepCursor = stored.length < keysPerTurn ? null : stored.at(-1)!
    const removed: StateWrite[] = []
    for (const { view, keyHash, key, value } of stored) {
      const index = this.#viewIds.indexOf(view)
      const state = this.#views[index]
      if (state === null || state === undefined) continue
      const slot = state.keys.find(keyHash, key, 0, key.length)
      const newestMs = slot === 0 ? newestMsOf(value) : state.records.newestMs(slot)
      if (newestMs >= this.#edgeMs(index, arrivalMs) - state.keptMs) continue
      if (slot !== 0 && !state.marks.isClean(slot)) continue
      removed.push({ view, keyHash, key, value: null })
    }
    return removed
  }

  /** Where the windows of a view end at the position, for a wall-clock view `otherwiseMs`. */
  #edgeMs(index: number, otherwiseMs: number): number {
    const isLatestEvent = this.#views[index]!.view.leadingEdge === 'latest-event'
    return isLatestEvent ? this.#edgesMs[index]! : otherwiseMs
  }
}

function createCaptured(): Captured {
  return { writer: new ByteWriter(capturedBytesMax / 4), writes: [] }
}

async function* inTurns<T>(parts: Iterable<T>): AsyncGenerator<T, void> {
  for (const part of parts) {
    yield part
    await nextTurn()
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
