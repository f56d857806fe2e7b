/**
 * One checkpoint of one shard: the state of every key that changed, as it was at one position.
 *
 * Keys are captured a few at a time between other work; a key that is about to change is captured
 * first (`aggregate/slot-marks.ts`). Then everything goes to the store in one transaction, once the
 * journal is on disk up to that position: a checkpoint never covers what a crash could take back.
 * Each checkpoint also looks at some stored keys and drops those whose every tile has expired.
 */
import { ByteWriter } from '../aggregate/byte-writer.ts'
import { encodeSlot, newestMsOf } from '../aggregate/slot-codec.ts'
import type { ViewState } from '../aggregate/view-state.ts'
import { expiredKeptMs } from '../base/limits.ts'
import type { ShardStore, StateWrite, StoredState } from '../persist/shard-store.ts'
import { encodeHeader } from './header.ts'

/** Keys captured between two turns of the event loop. */
const capturedPerTurn = 512

/** A checkpoint looks at this share of the stored keys for expired ones, within these bounds. */
const sweptShare = 1 / 64
const sweptMin = 1024
const sweptMax = 8192

export class Checkpoint {
  readonly #store: ShardStore
  readonly #views: readonly (ViewState | null)[]
  readonly #viewIds: readonly number[]
  #writer = new ByteWriter(0)
  #writes: StateWrite[] = []
  #sweepCursor: StoredState | null = null
  #running = false

  constructor(options: {
    readonly store: ShardStore
    readonly views: readonly (ViewState | null)[]
    readonly viewIds: readonly number[]
  }) {
    this.#store = options.store
    this.#views = options.views
    this.#viewIds = options.viewIds
  }

  /** Whether captured keys may not be in the store yet; none may be evicted. */
  get running(): boolean {
    return this.#running
  }

  /** Adds a slot of view `index` as it is now. */
  capture(index: number, slot: number): void {
    const state = this.#views[index]!
    const edgeMs = edgeOf(state, state.newestMs[slot]!)
    for (const level of state.levels) level.runs.dropBefore(slot, state.horizonOf(level, edgeMs))
    const start = this.#writer.byteLength
    encodeSlot(
      this.#writer,
      slot,
      state.newestMs[slot]!,
      state.newestNs[slot]!,
      state.levels,
      state.pool,
    )
    this.#writes.push({
      view: this.#viewIds[index]!,
      keyHash: state.keys.hashOf(slot),
      key: state.keys.keyOf(slot).slice(),
      value: this.#writer.since(start),
    })
  }

  /**
   * Writes the state at `position`, which is what has been applied when this is called.
   *
   * @param flushed  Resolves when the journal is on disk up to the position.
   * @returns the number of keys written.
   */
  async run(position: number, arrivalMs: number, flushed: Promise<void>): Promise<number> {
    this.#running = true
    this.#writer = new ByteWriter(64 * 1024)
    this.#writes = []
    const header = encodeHeader(position, this.#views, this.#viewIds)
    const states = this.#views.filter((state) => state !== null)
    for (const state of states) state.marks.beginCapture()
    for (const state of states) {
      while (!state.marks.captureSome(capturedPerTurn)) await nextTurn()
    }
    const removed = this.#sweep(arrivalMs)
    const writes = this.#writes
    const keys = writes.length
    await flushed
    await this.#store.commit({ header, writes: [...writes, ...removed] })
    this.#writes = []
    this.#running = false
    return keys
  }

  /** Finds stored keys of which nothing is left to serve, and forgets them. */
  #sweep(arrivalMs: number): readonly StateWrite[] {
    const share = Math.ceil(this.#store.count * sweptShare)
    const limit = Math.min(Math.max(sweptMin, share), sweptMax)
    const stored = this.#store.scan(this.#sweepCursor, limit)
    this.#sweepCursor = stored.length < limit ? null : stored.at(-1)!
    const removed: StateWrite[] = []
    for (const { view, keyHash, key, value } of stored) {
      const state = this.#views[this.#viewIds.indexOf(view)]
      if (state === null || state === undefined) continue
      const slot = state.keys.find(keyHash, key, 0, key.length)
      const newestMs = slot === 0 ? newestMsOf(value) : state.newestMs[slot]!
      if (newestMs >= edgeOf(state, arrivalMs) - state.reachMs - expiredKeptMs) continue
      if (slot !== 0) {
        if (!state.marks.isClean(slot)) continue
        state.remove(slot)
      }
      removed.push({ view, keyHash, key, value: null })
    }
    return removed
  }
}

function edgeOf(state: ViewState, otherwiseMs: number): number {
  return state.view.leadingEdge === 'latest-event' ? state.watermarkMs : otherwiseMs
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
