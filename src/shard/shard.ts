/**
 * A shard: the actor that owns a part of the keys, their state and the store of that state.
 *
 * The whole life of an event here: a section of the router's buffer is validated and transformed
 * into rows, the rows change the tiles of the views, what was not counted is answered, and a
 * checkpoint later brings the changed keys to disk. Sections at or before the position of the last
 * checkpoint have been applied in an earlier life and are skipped.
 */
import { join } from 'node:path'
import { ClockHand } from '../aggregate/clock-hand.ts'
import { evaluate } from '../aggregate/evaluate.ts'
import { ViewState } from '../aggregate/view-state.ts'
import type { Catalog } from '../model/catalog.ts'
import type {
  BatchRejections,
  ReadQuery,
  Recorded,
  ReadResult,
  ShardOpened,
} from '../model/message.ts'
import type { PartlyLate, Rejection } from '../model/rejection.ts'
import type { Column } from '../model/rows.ts'
import { readSection, type Section } from '../model/section.ts'
import { openShardStore, type ShardStore } from '../persist/shard-store.ts'
import type { KeyPlace } from '../persist/store-keys.ts'
import type { RouteValidator } from '../validate/route-validator.ts'
import { Checkpoint } from './checkpoint.ts'
import { restoreHeader } from './header.ts'
import { Lateness } from './lateness.ts'
import { Unrecorded } from './unrecorded.ts'

/** Address space of one environment; not memory. The file grows to what is stored. */
const mapBytes = 2 ** 36

const noneLate: readonly PartlyLate[] = []

/** A view's state with what applying to it needs at hand. */
interface OwnedView {
  readonly state: ViewState
  /** The columns of the rows that come in, in the order of the view's. */
  readonly columns: readonly Column[]
  readonly hand: ClockHand
  /** Batches up to this journal position are from before the view. */
  readonly since: number
}

export interface ShardOptions {
  readonly index: number
  readonly catalog: Catalog
  /** By place in the catalog's routes; the shards of a lane share them. */
  readonly validators: readonly RouteValidator[]
  readonly viewIds: readonly number[]
  /** Journal position from which each view counts; 0 when left out. */
  readonly viewsSince?: readonly number[]
  /** Folder of the shards' environments. */
  readonly storePath: string
}

export class Shard {
  readonly index: number
  /** Journal position up to which the lane has handed on all that is this shard's. */
  applied = 0
  readonly #catalog: Catalog
  readonly #validators: readonly RouteValidator[]
  readonly #store: ShardStore
  /** By place in the catalog; null for views that keep no state. */
  readonly #views: readonly (OwnedView | null)[]
  readonly #checkpoint: Checkpoint
  readonly #unrecorded: Unrecorded
  readonly #openedAt: number
  /** Arrival time of the newest section. */
  #arrivalMs = -Infinity
  /** Keys of the store that are not in memory, or more; while 0, a miss needs no look. */
  #cold: number
  #loaded = 0
  #evicted = 0

  /** Opens the shard's store, and finishes the commit that a crash has interrupted. */
  static async open(options: ShardOptions): Promise<Shard> {
    const path = join(options.storePath, String(options.index).padStart(3, '0'))
    return new Shard(options, await openShardStore(path, { mapBytes }))
  }

  private constructor(options: ShardOptions, store: ShardStore) {
    const { index, catalog, validators, viewIds, viewsSince } = options
    this.index = index
    this.#catalog = catalog
    this.#validators = validators
    this.#store = store
    this.#cold = this.#store.count
    this.#views = catalog.views.map((view) => {
      if (!view.online) return null
      const state = new ViewState(view, {
        load: (keyHash, key) => this.#load({ view: viewIds[view.index]!, keyHash, key }),
        loadChunks: (keyHash, key, first, last) =>
          this.#checkpoint.storedChunks({ view: viewIds[view.index]!, keyHash, key }, first, last),
        capture: (slot) => this.#checkpoint.capture(view.index, slot),
      })
      const rows = validators[view.route]!.rowsOf(view.index)
      const columns = view.columns.map((field) =>
        rows.columns.find((column) => column.name === field.name)!,
      )
      return { state, columns, hand: new ClockHand(state), since: viewsSince?.[view.index] ?? 0 }
    })
    const states = this.#views.map((owned) => owned?.state ?? null)
    this.#checkpoint = new Checkpoint({ store: this.#store, views: states, viewIds })
    const header = this.#store.header()
    this.#unrecorded = new Unrecorded(catalog)
    const restored = header === null ? null : restoreHeader(header, states, viewIds)
    if (restored !== null) this.#unrecorded.restore(restored.unrecorded)
    this.#openedAt = restored?.position ?? 0
  }

  get opened(): ShardOpened {
    const { upTo: recorded, rejected: unrecorded } = this.#unrecorded
    const position = this.#openedAt
    const from = this.#unrecorded.from(position)
    const watermarks = this.watermarks()
    return { shard: this.index, position, watermarks, from, recorded, unrecorded }
  }

  /** Bytes of state in memory. */
  get bytes(): number {
    return this.#sum(({ state }) => state.bytes)
  }

  get keys(): number {
    return this.#sum(({ state }) => state.keys.count)
  }

  /** Keys that have changed since they were last captured. */
  get dirtyKeys(): number {
    return this.#sum(({ state }) => state.marks.dirtyCount)
  }

  /** Whether a good part of the keys in memory could be evicted. */
  get isEvictable(): boolean {
    if (this.#checkpoint.running) return false
    const unstored = this.#sum(({ state }) => state.marks.unstoredCount)
    return this.keys - unstored > this.keys / 8
  }

  get loaded(): number {
    return this.#loaded
  }

  get evicted(): number {
    return this.#evicted
  }

  /** Each view's watermark, ms and ns in turn. */
  watermarks(): Float64Array {
    return Float64Array.from(
      this.#views.flatMap((owned) => [
        owned?.state.watermarkMs ?? -Infinity,
        owned?.state.watermarkNs ?? 0,
      ]),
    )
  }

  /**
   * Applies sections of one buffer, in order, and adds what was not counted: all of them, or those
   * of some whole batches.
   *
   * @param from  Where to begin.
   * @returns where to go on: behind the last section, or where {@link applied} has been told.
   */
  apply(
    buffer: ArrayBuffer,
    byteLength: number,
    rejected: BatchRejections[],
    { from = 0, eventsMax = Infinity } = {},
  ): number {
    const bytes = new Uint8Array(buffer, 0, byteLength)
    const view = new DataView(buffer, 0, byteLength)
    let events = 0
    let position = -1
    let at = from
    while (at < byteLength) {
      const section = readSection(view, at)
      if (events >= eventsMax && section.position > position) {
        this.applied = position
        return at
      }
      at = section.end
      position = section.position
      events += section.events
      if (position <= this.#openedAt) continue
      const { rejections, partly } = this.#applySection(section, bytes)
      if (rejections.length + partly.length === 0) continue
      const uncounted = { position, route: section.route, rejections }
      const both = partly.length === 0 ? uncounted : { ...uncounted, partly }
      rejected.push(both)
      this.#unrecorded.add(both)
    }
    return at
  }

  read(query: ReadQuery): ReadResult {
    const { state } = this.#views[query.view]!
    if (state.view.leadingEdge === 'wall-clock') state.admit(query.edgeMs)
    if (query.leadingEdge === 'wall-clock') return evaluate(state, { ...query, edgeNs: 0 })
    // This shard may have seen later events than those the main thread has heard of.
    const ahead =
      state.watermarkMs > query.watermarkMs ||
      (state.watermarkMs === query.watermarkMs && state.watermarkNs > query.watermarkNs)
    const edgeMs = ahead ? state.watermarkMs : query.watermarkMs
    const edgeNs = ahead ? state.watermarkNs : query.watermarkNs
    return evaluate(state, { ...query, edgeMs, edgeNs })
  }

  /**
   * Brings every key that changed to disk.
   *
   * @returns the position that the store covers, where a replay must begin, and the number of keys
   *   written; null when the checkpoint was given up.
   */
  async checkpoint(
    arrivalMs: number,
    flushed: Promise<boolean>,
  ): Promise<{ position: number; from: number; keys: number } | null> {
    // A replay may not have got to where the last checkpoint was: the state is from there.
    const position = Math.max(this.applied, this.#openedAt)
    const unrecorded = this.#unrecorded.toStored()
    const from = this.#unrecorded.from(position)
    const sweptMs = Math.max(arrivalMs, this.#arrivalMs)
    const keys = await this.#checkpoint.run(position, sweptMs, unrecorded, flushed)
    return keys === null ? null : { position, from, keys }
  }

  /** The ledger has come so far. */
  recordedTo(recorded: Recorded): void {
    this.#unrecorded.recordedTo(recorded)
  }

  /** Evicts keys until the shard holds at most its part of `bytesMax`; not during a checkpoint. */
  evict(bytesMax: number): void {
    if (this.#checkpoint.running) return
    const { bytes } = this
    if (bytes <= bytesMax) return
    for (const owned of this.#views) {
      if (owned === null) continue
      // Every view gives up the same share.
      const evicted = owned.hand.evict((owned.state.bytes / bytes) * bytesMax)
      this.#evicted += evicted
      this.#cold += evicted
    }
  }

  async close(): Promise<void> {
    await this.#store.close()
  }

  #applySection(
    section: Section,
    bytes: Uint8Array,
  ): Omit<Required<BatchRejections>, 'position' | 'route'> {
    this.#arrivalMs = section.arrivalMs
    const rejections: Rejection[] = []
    const validator = this.#validators[section.route]!
    validator.readSection(section, bytes, rejections)
    const route = this.#catalog.routes[section.route]!
    let lateness: Lateness | null = null
    for (const index of route.views) {
      const owned = this.#views[index]
      if (owned === null || owned === undefined || section.position <= owned.since) continue
      const rows = validator.rowsOf(index)
      const late = owned.state.apply(rows, owned.columns, section.arrivalMs)
      if (late.length === 0) continue
      lateness ??= new Lateness()
      lateness.add(index, rows, late)
    }
    if (lateness === null) return { rejections, partly: noneLate }
    const judged = lateness.judge(this.#catalog, route, (index) => {
      const owned = this.#views[index]
      const takesPart = owned !== null && owned !== undefined && section.position > owned.since
      return takesPart ? validator.rowsOf(index) : null
    })
    return { rejections: [...rejections, ...judged.rejections], partly: judged.partly }
  }

  #load(place: KeyPlace): Uint8Array | null {
    if (this.#cold === 0) return null
    const stored = this.#store.get(place)
    if (stored === null) return null
    this.#cold -= 1
    this.#loaded += 1
    return stored
  }

  #sum(of: (owned: OwnedView) => number): number {
    return this.#views.reduce((sum, owned) => sum + (owned === null ? 0 : of(owned)), 0)
  }
}
