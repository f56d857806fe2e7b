/**
 * In the place of a shard's store: the events of the key at hand that its windows still need.
 */
import type { Chunk } from '../aggregate/event-log.ts'
import type { ViewState } from '../aggregate/view-state.ts'

export class StoredEvents {
  #chunks: Chunk[] = []

  /** Takes over the events that the view holds, and gives up those before every window. */
  take(state: ViewState, slot: number): void {
    const log = state.log!
    this.#begin(state)
    this.#chunks.push(...log.chunksOf(slot))
    log.endStoring()
    const first = Math.floor((state.earliestEdgeMs - log.reachMs) / log.tileMs)
    this.#chunks = this.#chunks.filter(({ tile }) => tile >= first)
  }

  /** Events from one tile to another, by arrival in each. */
  chunks(first: number, last: number): readonly Uint8Array[] {
    if (this.#chunks.length === 0) return []
    return this.#chunks
      .filter(({ tile }) => tile >= first && tile <= last)
      .map(({ bytes }) => bytes)
  }

  /** Gives up everything, with what the view holds. */
  clear(state: ViewState): void {
    this.#chunks = []
    this.#begin(state)
    state.log?.endStoring()
  }

  /** What a checkpoint does, that stores nothing. */
  #begin(state: ViewState): void {
    state.marks.beginCapture((slot) => state.keys.hashOf(slot))
    state.log?.beginStoring()
    state.marks.captureSome(Infinity)
  }
}
