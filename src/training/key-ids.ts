/**
 * The ids of the counted events of one entity key, where a source's rule is that events with one id
 * are one. Files do not know when an event arrived: its own time stands for it.
 */
import type { EventIds, IdentifiedEvent, IdVerdict } from '../model/contracts.ts'
import type { Rejection } from '../model/rejection.ts'

/** Ids that are there before those beyond the horizon are looked for. */
const idsMin = 1024

export class KeyIds implements EventIds {
  readonly #horizonMs: number
  /** When the event that counted was; NaN while it is not known whether it counts. */
  readonly #times = new Map<string, number>()
  #now = 0
  #sweptAt = idsMin
  #claims: { readonly id: string; readonly index: number }[] = []

  constructor(horizonMs: number) {
    this.#horizonMs = horizonMs
  }

  /** The next events are of this time, ms, never before that of the last. */
  begin(timeMs: number): void {
    this.#now = timeMs
    if (this.#times.size < this.#sweptAt) return
    for (const [id, time] of this.#times) {
      if (timeMs - time > this.#horizonMs) this.#times.delete(id)
    }
    this.#sweptAt = Math.max(idsMin, 2 * this.#times.size)
  }

  claim({ id, idBytes, eventIndex }: IdentifiedEvent): IdVerdict {
    const key = Buffer.from(id.buffer, id.byteOffset, idBytes).toString('latin1')
    const before = this.#times.get(key) ?? -Infinity
    if (Number.isNaN(before)) return 'unsettled'
    if (this.#now - before <= this.#horizonMs) return 'duplicate'
    this.#times.set(key, NaN)
    this.#claims.push({ id: key, index: eventIndex })
    return 'first'
  }

  /** It is known which events do not count: they have claimed nothing. */
  settle(rejections: readonly Rejection[]): void {
    const rejected = new Set(rejections.map(({ index }) => index))
    for (const { id, index } of this.#claims) {
      if (rejected.has(index)) this.#times.delete(id)
      else this.#times.set(id, this.#now)
    }
    this.#claims = []
  }

  clear(): void {
    this.#times.clear()
    this.#claims = []
    this.#sweptAt = idsMin
  }
}
