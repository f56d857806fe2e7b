/**
 * The ids of counted events of one shard: those of every route whose source has such a rule, and
 * what a checkpoint does with them.
 *
 * A backfill has ids of its own: an event that the stream has brought may be in the batch source,
 * too, where it is no duplicate for a view that has not counted it.
 *
 * New ids are stored with the state that they belong to, in one commit, so that after a crash the
 * replay finds exactly the ids of the events that the state has counted. Ids beyond their horizon
 * are removed by a sweep over those that are stored: it looks at a few for each one that was
 * written, so it keeps pace with whatever comes in, and rests while nothing can have expired. An id
 * is judged by the arrival of the newest section that the checkpoint covers: what a replay brings
 * is no earlier, so it finds no removed id within its horizon.
 */
import type { Catalog } from '../model/catalog.ts'
import type { Section } from '../model/section.ts'
import type { ShardStore, StoredId } from '../persist/shard-store.ts'
import { readIdKey, storedRoute } from '../persist/store-keys.ts'
import type { IdWrite } from '../persist/store-writes.ts'
import { RouteIds } from './route-ids.ts'

/** Stored ids looked at for each one written; at least and at most by the share of all. */
const sweptPerWrite = 2
const sweptMin = 1024
const sweptShare = 1 / 64
const sweptShareMax = 8192

/** Stored ids looked at between two turns of the event loop. */
const sweptPerTurn = 512

/** What of a section decides about ids. */
type Arrived = Pick<Section, 'route' | 'arrivalMs' | 'backfill'>

/** The ids that are stored. */
export type StoredIds = Pick<ShardStore, 'arrivalOf' | 'idCount' | 'scanIds'>

export class ShardIds {
  readonly #store: StoredIds
  readonly #catalog: Catalog
  /** By backfill, 0 for the stream, then by route; null for those whose events have no ids. */
  readonly #routes = new Map<number, readonly (RouteIds | null)[]>()
  readonly #byStoredRoute = new Map<string, RouteIds>()
  /** Arrival of the newest section, and of the newest that the checkpoint in progress covers. */
  #arrivalMs = -Infinity
  #coveredMs = -Infinity
  /** Ids written since the last sweep. */
  #written = 0
  #cursor: StoredId | null = null
  /** Until then no id expires, as far as the round of the sweep at hand has found. */
  #nextExpiryMs = Infinity
  #restsUntilMs = -Infinity

  constructor(catalog: Catalog, store: StoredIds) {
    this.#catalog = catalog
    this.#store = store
    this.open(0)
  }

  /** Makes room for the ids of a backfill, unless there is. */
  open(backfill: number): void {
    if (this.#routes.has(backfill)) return
    const routes = this.#catalog.routes.map(({ source, joinKeys }) => {
      const { name, dedupe } = this.#catalog.sources[source]!
      if (dedupe.by !== 'event-id') return null
      const route = storedRoute(
        // No name has a space.
        backfill === 0 ? name : `${name} ${backfill}`,
        joinKeys.map((key) => key.name),
      )
      const ids = new RouteIds(route, dedupe.horizonMs, this.#store)
      this.#byStoredRoute.set(nameOf(route), ids)
      return ids
    })
    this.#routes.set(backfill, routes)
  }

  /** Bytes of the ids in memory. */
  get bytes(): number {
    return this.#sum((ids) => ids.bytes)
  }

  /** Ids that no checkpoint has taken, and their bytes. */
  get unstoredCount(): number {
    return this.#sum((ids) => ids.unstoredCount)
  }

  get unstoredBytes(): number {
    return this.#sum((ids) => ids.unstoredBytes)
  }

  /** A section begins; null if its events have no ids. */
  begin({ route, arrivalMs, backfill }: Arrived): RouteIds | null {
    this.#arrivalMs = arrivalMs
    const ids = this.#routes.get(backfill)?.[route] ?? null
    ids?.begin(arrivalMs)
    return ids
  }

  /** A checkpoint begins: it covers every section until now. */
  beginStoring(): void {
    this.#coveredMs = this.#arrivalMs
    this.#written += this.unstoredCount
    for (const ids of this.#all) ids.beginStoring()
  }

  endStoring(): void {
    for (const ids of this.#all) ids.endStoring()
  }

  /** What the checkpoint has to store, some at a time. */
  *unstored(): Generator<readonly IdWrite[]> {
    for (const ids of this.#all) yield* ids.unstored()
  }

  /** The removal of ids beyond their horizon, and of routes that are gone, some at a time. */
  *expired(): Generator<readonly IdWrite[]> {
    const nowMs = this.#coveredMs
    if (nowMs === -Infinity || nowMs <= this.#restsUntilMs) return
    const share = Math.min(Math.ceil(this.#store.idCount * sweptShare), sweptShareMax)
    const looks = Math.max(sweptMin, share, this.#written * sweptPerWrite)
    this.#written = 0
    for (let left = looks; left > 0; left -= sweptPerTurn) {
      if (this.#cursor === null) this.#nextExpiryMs = nowMs + this.#horizonMsMin
      const stored = this.#store.scanIds(this.#cursor, sweptPerTurn)
      const isLast = stored.length < sweptPerTurn
      this.#cursor = isLast ? null : stored.at(-1)!
      yield stored.filter((id) => this.#isExpired(id, nowMs)).map(removal)
      if (!isLast) continue
      this.#restsUntilMs = this.#nextExpiryMs
      return
    }
  }

  #isExpired({ idKey, arrivalMs }: StoredId, nowMs: number): boolean {
    const ids = this.#byStoredRoute.get(nameOf(readIdKey(idKey).route))
    if (ids === undefined) return true
    const isExpired = nowMs - arrivalMs > ids.horizonMs
    if (isExpired) return !ids.isBeingStored(idKey)
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, arrivalMs + ids.horizonMs)
    return false
  }

  get #horizonMsMin(): number {
    return Math.min(...[...this.#all].map(({ horizonMs }) => horizonMs))
  }

  #sum(of: (ids: RouteIds) => number): number {
    let sum = 0
    for (const ids of this.#all) sum += of(ids)
    return sum
  }

  get #all(): Iterable<RouteIds> {
    return this.#byStoredRoute.values()
  }
}

function nameOf(route: Uint8Array): string {
  return Buffer.from(route).toString('hex')
}

function removal({ idKey }: StoredId): IdWrite {
  return { idKey, arrivalMs: null }
}
