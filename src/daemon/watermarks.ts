/**
 * How far the events of each view have come, over all shards, as the lanes report it.
 */
import type { FromShard, ShardOpened } from '../model/message.ts'
import { advanceWatermarks, createWatermarks } from '../model/watermarks.ts'

export class Watermarks {
  /** Per view: whole ms and nanoseconds within, in turn. */
  readonly #values: Float64Array

  constructor(views: number, shards: readonly ShardOpened[]) {
    this.#values = createWatermarks(views)
    for (const { watermarks } of shards) advanceWatermarks(this.#values, watermarks)
  }

  receive(message: FromShard): void {
    if (message.kind === 'applied') advanceWatermarks(this.#values, message.watermarks)
  }

  of(view: number): { readonly ms: number; readonly ns: number } {
    return { ms: this.#values[2 * view]!, ns: this.#values[2 * view + 1]! }
  }
}
