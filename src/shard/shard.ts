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
import type { View } from '../model/catalog.ts'
import type {
  BatchRejections,
  KeyAt,
  KeySearch,
  ReadAbout,
  Recorded,
  ReadResult,
  ShardOpened,
  ViewStats,
} from '../model/message.ts'
import type { ViewHistory } from '../model/history.ts'
import type { LanePart } from '../model/lane-sections.ts'
import type { EventInHand } from '../model/pulse.ts'
import type { Column } from '../model/rows.ts'
import { readSection, type Section, type SectionBuffers } from '../model/section.ts'
import { advanceWatermark, createWatermarks } from '../model/watermarks.ts'
import { openShardStore, type ShardStore } from '../persist/shard-store.ts'
import type { KeyPlace } from '../persist/store-keys.ts'
import type { RouteValidator } from '../validate/route-validator.ts'
import { AddedViews } from './added-views.ts'
import { Applier, type AppliedView, type Uncounted } from './apply.ts'
import { Checkpoint } from './checkpoint.ts'
import { restoreHeader } from './header.ts'
import { Quarantined } from './quarantined.ts'
import { ShardIds } from './shard-ids.ts'
import type { ShardOptions } from './shard-options.ts'
import { sumOf } from './sum.ts'
import { Unrecorded } from './unrecorded.ts'

/** Address space of one environment; not memory. The file grows to what is stored. */
export const mapBytes = 2 ** 36

/** A view's state with what is done to it. */
interface OwnedView extends AppliedView {
  /** What its keys are stored under. */
  readonly id: number
  readonly hand: ClockHand
  history: ViewHistory | null
}

/** How sections are applied, beyond the order in which they stand. */
export interface ApplyOptions {
  /** Events after which to stop, between two batches. */
  readonly eventsMax?: number
  /** Called with each event before it is applied, one by one; null for all at once. */
  readonly onEvent?: ((event: EventInHand) => void) | null
}

export class Shard {
  readonly index: number
  /** Journal position up to which the lane has handed on all that is this shard's. */
  applied = 0
  readonly #store: ShardStore
  /** By place in the catalog; null for views that keep no state. */
  readonly #views: readonly (OwnedView | null)[]
  /** Of the views that keep some. */
  readonly #states: readonly ViewState[]
  readonly #ids: ShardIds
  readonly #applier: Applier
  readonly #added: AddedViews
  /** By source: whether duplicates are recorded, too. */
  readonly #isOffline: readonly boolean[]
  readonly #checkpoint: Checkpoint
  readonly #unrecorded: Unrecorded
  readonly #quarantined: Quarantined
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
    const { index, catalog, validators, historyValidators, viewIds, viewsSince, seed } = options
    this.index = index
    this.#store = store
    this.#cold = this.#store.count
    this.#views = catalog.views.map((view) => {
      if (!view.online) return null
      const state = new ViewState(view, {
        seed,
        load: (keyHash, key) => this.#load({ view: viewIds[view.index]!, keyHash, key }),
        loadChunks: (keyHash, key, first, last) =>
          this.#checkpoint.storedChunks({ view: viewIds[view.index]!, keyHash, key }, first, last),
        capture: (slot) => this.#checkpoint.capture(view.index, slot),
      })
      return {
        state,
        columns: columnsOf(view, validators),
        historyColumns: columnsOf(view, historyValidators),
        hand: new ClockHand(state),
        since: viewsSince?.[view.index] ?? 0,
        id: viewIds[view.index]!,
        history: null,
        keyLimits: options.keyLimits?.[view.index] ?? [],
      }
    })
    const states = this.#views.map((owned) => owned?.state ?? null)
    this.#states = states.filter((state) => state !== null)
    this.#isOffline = catalog.sources.map(({ offline }) => offline)
    this.#ids = new ShardIds(catalog, this.#store)
    const applied = { catalog, validators, historyValidators, views: this.#views }
    this.#applier = new Applier({ ...applied, ids: this.#ids })
    const common = { store: this.#store, ids: this.#ids }
    this.#checkpoint = new Checkpoint({ ...common, views: states, viewIds })
    const header = this.#store.header()
    this.#unrecorded = new Unrecorded(catalog)
    this.#quarantined = new Quarantined(options.quarantined ?? [])
    this.#added = new AddedViews(applied, options.added ?? [], this.#quarantined)
    const restored = header === null ? null : restoreHeader(header, states, viewIds)
    if (restored !== null) this.#unrecorded.restore(restored.unrecorded)
    this.#openedAt = restored?.position ?? 0
    this.setHistories(options.histories ?? [])
  }

  /** From now on, the histories of views are these, by place in the catalog. */
  setHistories(histories: readonly (ViewHistory | null)[]): void {
    for (const [view, owned] of this.#views.entries()) {
      const history = histories[view] ?? null
      if (owned !== null) owned.history = history
      if (history !== null) this.#ids.open(history.backfill)
    }
  }

  get opened(): ShardOpened {
    const { upTo: recorded, rejected: unrecorded } = this.#unrecorded
    const position = this.#openedAt
    const from = this.#unrecorded.from(position)
    const watermarks = createWatermarks(this.#views.length)
    this.advance(watermarks)
    return { shard: this.index, position, watermarks, from, recorded, unrecorded }
  }

  /** Bytes of state in memory, ids of events included. */
  get bytes(): number {
    return this.#stateBytes + this.#ids.bytes
  }

  get keys(): number {
    return sumOf(this.#states, ({ keys }) => keys.count)
  }

  /** By place in the catalog. */
  get views(): readonly ViewStats[] {
    return this.#views.map((owned) => {
      if (owned === null) return { keys: 0, tiles: 0, tileBytes: 0 }
      const { keys, levels } = owned.state
      const sum = (of: 'tiles' | 'bytes'): number =>
        levels.reduce((total, { runs }) => total + runs[of], 0)
      return { keys: keys.count, tiles: sum('tiles'), tileBytes: sum('bytes') }
    })
  }

  /** Keys that have changed since they were last captured, and ids that were not. */
  get dirtyCount(): number {
    return this.#dirtyKeys + this.#ids.unstoredCount
  }

  /** What a checkpoint would have to store, roughly, bytes. */
  get dirtyBytes(): number {
    const { keys } = this
    const share = keys === 0 ? 0 : this.#dirtyKeys / keys
    return this.#stateBytes * share + this.#ids.unstoredBytes
  }

  /** Whether a good part of the keys in memory could be evicted. */
  get isEvictable(): boolean {
    if (this.#checkpoint.running) return false
    const unstored = sumOf(this.#states, ({ marks }) => marks.unstoredCount)
    return this.keys - unstored > this.keys / 8
  }

  get loaded(): number {
    return this.#loaded
  }

  get evicted(): number {
    return this.#evicted
  }

  /** Brings each view's watermark to this shard's, unless it is there. */
  advance(watermarks: Float64Array): void {
    for (const state of this.#states) {
      const { watermarkMs, watermarkNs } = state
      advanceWatermark(watermarks, state.view.index, watermarkMs, watermarkNs)
    }
  }

  /**
   * Applies sections of one buffer, in order, and adds what was not counted: all of them, or those
   * of some whole batches.
   *
   * @param part  Where they stand in the buffer, bytes.
   * @returns where to go on; it has {@link applied} all that stands before.
   */
  apply(
    buffers: SectionBuffers,
    { start, end }: LanePart,
    rejected: BatchRejections[],
    { eventsMax = Infinity, onEvent = null }: ApplyOptions = {},
  ): number {
    const sections: Section[] = []
    let events = 0
    let position = this.applied
    let at = start
    while (at < end) {
      const section = readSection(buffers.view, at)
      if (events >= eventsMax && section.position > position) break
      at = section.end
      position = section.position
      events += section.events
      if (position > this.#openedAt) sections.push(section)
      else this.#added.take(section)
    }
    this.#added.apply(buffers)
    if (sections.length > 0) {
      this.#arrivalMs = sections.at(-1)!.arrivalMs
      const isEach = onEvent !== null || this.#quarantined.isIn(sections)
      const uncounted = isEach
        ? sections.map((section) => this.#applyEach(section, buffers, onEvent))
        : this.#applier.apply(sections, buffers)
      for (let n = 0; n < sections.length; n++) this.#report(sections[n]!, uncounted[n]!, rejected)
    }
    this.applied = position
    return at
  }

  #applyEach(
    section: Section,
    buffers: SectionBuffers,
    onEvent: ApplyOptions['onEvent'],
  ): Uncounted {
    const { position, route } = section
    return this.#applier.applyEach(section, buffers, (index) => {
      const event = { position, route, index }
      if (this.#quarantined.has(event)) return false
      onEvent?.(event)
      return true
    })
  }

  /** Lets rows whose time has come at a read's moment wait no longer. */
  admit({ view, edgeMs }: Pick<ReadAbout, 'view' | 'edgeMs'>): void {
    const { state } = this.#views[view]!
    if (state.view.leadingEdge === 'wall-clock') state.admit(edgeMs)
  }

  /** Answers a question, whose rows have been admitted. What it throws has changed nothing. */
  read(about: ReadAbout, key: KeyAt): ReadResult {
    const { state } = this.#views[about.view]!
    const { features, edgeMs, watermarkMs: ms, watermarkNs: ns } = about
    // This shard may have seen later events than those the main thread has heard of.
    const { watermarkMs, watermarkNs } = state
    const isAhead = watermarkMs > ms || (watermarkMs === ms && watermarkNs > ns)
    let edge = { edgeMs, edgeNs: 0 }
    if (about.leadingEdge === 'latest-event') {
      edge = isAhead ? { edgeMs: watermarkMs, edgeNs: watermarkNs } : { edgeMs: ms, edgeNs: ns }
    }
    try {
      return evaluate(state, { key, features, edge })
    } catch (thrown) {
      // The key may be in the store only, as it was before.
      this.#cold += 1
      throw thrown
    }
  }

  /** The keys of a view with these values of its index, as {@link KeySearch} has it. */
  find({ view, index, limit }: KeySearch): readonly Uint8Array[] {
    const { state, id } = this.#views[view]!
    const { order } = state.index!
    const found = new Map<string, Uint8Array>()
    const inMemory = state.index!.find(index)
    const stored = this.#store.indexed(id, index, limit)
    for (const each of [...inMemory, ...stored])
      found.set(Buffer.from(each).toString('latin1'), each)
    return [...found.values()].slice(0, limit).map((reordered) => order.restore(reordered))
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
    // Ids go with the next checkpoint, and not before.
    const stateBytesMax = Math.max(0, bytesMax - this.#ids.bytes)
    const bytes = this.#stateBytes
    if (bytes <= stateBytesMax) return
    for (const owned of this.#views) {
      if (owned === null) continue
      // Every view gives up the same share.
      const evicted = owned.hand.evict((owned.state.bytes / bytes) * stateBytesMax)
      this.#evicted += evicted
      this.#cold += evicted
    }
  }

  async close(): Promise<void> {
    await this.#store.close()
  }

  /** Tells what was not counted of a section; what must be recorded is kept until it is. */
  #report(
    { position, route, source }: Section,
    { rejections, partly, duplicates }: Uncounted,
    told: BatchRejections[],
  ): void {
    if (rejections.length + partly.length + duplicates.length === 0) return
    const uncounted = { position, route, rejections }
    const both = partly.length === 0 ? uncounted : { ...uncounted, partly }
    const all = duplicates.length === 0 ? both : { ...both, duplicates }
    told.push(all)
    const recorded = this.#isOffline[source]! ? all : both
    if (recorded === all || rejections.length + partly.length > 0) this.#unrecorded.add(recorded)
  }

  #load(place: KeyPlace): Uint8Array | null {
    if (this.#cold === 0) return null
    const stored = this.#store.get(place)
    if (stored === null) return null
    this.#cold -= 1
    this.#loaded += 1
    return stored
  }

  get #stateBytes(): number {
    return sumOf(this.#states, bytesOf)
  }

  get #dirtyKeys(): number {
    return sumOf(this.#states, dirtyCountOf)
  }
}

const bytesOf = ({ bytes }: ViewState): number => bytes
const dirtyCountOf = ({ marks }: ViewState): number => marks.dirtyCount

/** The columns of a view among those of its rows. */
export function columnsOf(view: View, validators: readonly RouteValidator[]): readonly Column[] {
  const rows = validators[view.route]!.rowsOf(view.index)
  return view.columns.map(({ name }) => rows.columns.find((column) => column.name === name)!)
}
