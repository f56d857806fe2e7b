/**
 * How far the events of each view have come, over all shards, as the lanes report it.
 */
import type { FromShard, ShardOpened } from '../model/message.ts'

export class Watermarks {
  /** Per view: whole ms and nanoseconds within, in turn. */
  readonly #values: Float64Array

  constructor(views: number, shards: readonly ShardOpened[]) {
    this.#values = new Float64Array(2 * views)
    for (let view = 0; view < views; view++) this.#values[2 * view] = -Infinity
    for (const { watermarks } of shards) this.#advance(watermarks)
  }

  receive(message: FromShard): void {
    if (message.kind === 'applied') this.#advance(message.watermarks)
  }

  of(view: number): { readonly ms: number; readonly ns: number } {
    return { ms: this.#values[2 * view]!, ns: this.#values[2 * view + 1]! }
  }

  #advance(other: Float64Array): void {
    const values = this.#values
    for (let i = 0; i < values.length; i += 2) {
      const isAhead =
        other[i]! > values[i]! || (other[i] === values[i] && other[i + 1]! > values[i + 1]!)
      if (!isAhead) continue
      values[i] = other[i]!
      values[i + 1] = other[i + 1]!
    }
  }
}
