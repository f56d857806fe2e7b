/**
 * The searches of one lane that it has not answered.
 *
 * Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import type { FromShard, KeySearch, ToShard } from '../model/message.ts'

interface Asked {
  readonly resolve: (keys: readonly Uint8Array[]) => void
  readonly reject: (error: MillraceError) => void
}

export class LaneSearches {
  readonly #lane: number
  readonly #post: (message: ToShard) => void
  readonly #asked = new Map<number, Asked>()
  #nextId = 0

  constructor(lane: number, post: (message: ToShard) => void) {
    this.#lane = lane
    this.#post = post
  }

  /** As `Lane.find`. */
  find(search: KeySearch): Promise<readonly Uint8Array[]> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++
      this.#asked.set(id, { resolve, reject })
      this.#post({ kind: 'find', id, search })
    })
  }

  answered({ id, keys, failure }: Extract<FromShard, { kind: 'found' }>): void {
    const asked = this.#asked.get(id)
    if (asked === undefined) return
    this.#asked.delete(id)
    if (failure === null) asked.resolve(keys)
    else asked.reject(new MillraceError('INTERNAL', { lane: this.#lane }, { cause: failure }))
  }

  fail(failure: MillraceError): void {
    for (const { reject } of this.#asked.values()) reject(failure)
    this.#asked.clear()
  }
}
