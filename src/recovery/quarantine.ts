/**
 * The events that shards skip: which they are, by today's catalog, and one more when a thread has
 * died of it.
 *
 * Thread: main.
 */
import { MillraceError } from '../base/errors.ts'
import { quarantinedMax } from '../base/limits.ts'
import type { Catalog } from '../model/catalog.ts'
import type { EventInHand } from '../model/pulse.ts'
import { readQuarantine, writeQuarantine, type StoredPoison } from '../persist/quarantine.ts'

export class Quarantine {
  readonly #path: string
  readonly #catalog: Catalog
  #stored: readonly StoredPoison[]
  /** One file, written by one at a time. */
  #writing = Promise.resolve()

  /** @throws MillraceError `STORE_FORMAT`, `STORE_CORRUPT`. */
  static async open(path: string, catalog: Catalog): Promise<Quarantine> {
    return new Quarantine(path, catalog, await readQuarantine(path))
  }

  private constructor(path: string, catalog: Catalog, stored: readonly StoredPoison[]) {
    this.#path = path
    this.#catalog = catalog
    this.#stored = stored
  }

  /** The events, on their ways of today; a way whose every view is gone is none of them. */
  get events(): readonly EventInHand[] {
    const { views } = this.#catalog
    return this.#stored.flatMap(({ position, index, views: names }) => {
      const view = views.find(({ name }) => names.includes(name))
      return view === undefined ? [] : [{ position, index, route: view.route }]
    })
  }

  /**
   * Adds an event; on disk when it resolves.
   *
   * @param keptFrom  Where the journal begins: no event before it will ever be met again.
   * @throws MillraceError `SHARD_FAILED` when there are too many.
   */
  add(event: EventInHand, lane: number, keptFrom: number): Promise<void> {
    this.#writing = this.#writing.then(() => this.#add(event, lane, keptFrom))
    return this.#writing
  }

  async #add(
    { position, index, route }: EventInHand,
    lane: number,
    keptFrom: number,
  ): Promise<void> {
    const { views, routes } = this.#catalog
    const names = routes[route]!.views.map((view) => views[view]!.name)
    const kept = this.#stored.filter((stored) => stored.position > keptFrom)
    if (kept.length >= quarantinedMax) {
      const reason = `there are ${quarantinedMax} events in quarantine already`
      throw new MillraceError('SHARD_FAILED', { lane, reason })
    }
    const next = [...kept, { position, index, views: names }]
    await writeQuarantine(this.#path, next)
    this.#stored = next
  }
}
