/**
 * Sends every event of a batch to the shard that owns its entity key, once per route.
 *
 * In: a batch that is on its way into the journal. Out: sections in the lanes' mailboxes, and
 * rejections for events that have no place to go. Batches must come in journal order; then each
 * shard sees its events in journal order. The batch hears from every lane that holds events of it.
 *
 * This runs for every event: nothing is decoded or allocated per event.
 * Thread: main.
 */
import { assert } from '../base/assert.ts'
import { hashWords, type HashSeed } from '../base/hash.ts'
import { eventBytesMax } from '../base/limits.ts'
import type { Catalog } from '../model/catalog.ts'
import type { KeyResolver, RoutableBatch } from '../model/contracts.ts'
import type { Recorded } from '../model/message.ts'
import { shardOf } from '../model/partition.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import type { SectionWriter } from '../model/section.ts'
import { createKeyScan, unusual, type KeyScan } from './key-scan.ts'
import { LaneMailbox, type LaneLoad, type Progress, type RouterLane } from './lane-mailbox.ts'

/** The route of rejections in a source that has none. */
export const noRoute = -1

/** Says whether an event that no view wants is valid; null if it is. */
export type EventValidator = (
  source: number,
  bytes: Uint8Array,
  start: number,
  end: number,
) => Omit<Rejection, 'index'> | null

export interface RouterOptions {
  readonly catalog: Pick<Catalog, 'sources' | 'routes'>
  /** Shards of the store. */
  readonly shards: number
  readonly seed: HashSeed
  /** Decides about events that the key scan finds unusual; must itself refuse decoding bombs. */
  readonly resolveKey: KeyResolver
  /** The same for rows of batch sources. @defaultValue `resolveKey` */
  readonly resolveHistoryKey?: KeyResolver
  /** Decides about events of sources without routes; the same holds. */
  readonly validateOnly: EventValidator
  /** Together they own each shard once. */
  readonly lanes: readonly RouterLane[]
  /** How far the ledger has come, which lanes hear of with their events. */
  readonly recorded?: () => Recorded
}

const nothingRecorded: Recorded = { upTo: 0, refusedFrom: Infinity }

/** Totals since the start. */
export interface RouterCounters {
  readonly batches: number
  /** Events taken, and the bytes of their batches. */
  readonly events: number
  readonly bytes: number
  /** Rejections before any shard; an event counts once for each route that cannot take it. */
  readonly rejected: number
}

export interface Router {
  /**
   * Takes a batch whose payload is a msgpack array of `count` bins; in journal order.
   *
   * @returns the bytes that were copied into the buffers of lanes, over all routes.
   */
  route(batch: RoutableBatch): number
  /** Takes note of a batch of which no shard needs anything; in journal order. */
  passOver(position: number): void
  /** Journal position of the end of the last batch that was routed; 0 before the first. */
  readonly routed: number
  /** Posts everything that waits, so that a message posted next comes after all that is routed. */
  flush(): void
  /** Resolves when every batch routed so far is applied; at once when nothing is on its way. */
  idle(): Promise<void>
  /** The journal is on disk up to `position`; lanes hear of it with their next events. */
  setFlushed(position: number): void
  readonly counters: RouterCounters
  /** By place of the lane. */
  readonly loads: readonly LaneLoad[]
}

export function createRouter(options: RouterOptions): Router {
  return new LaneRouter(options)
}

class LaneRouter implements Router {
  readonly #options: RouterOptions
  readonly #mailboxes: readonly LaneMailbox[]
  /** By shard. */
  readonly #mailboxOf: readonly LaneMailbox[]
  /** By route. */
  readonly #scans: readonly KeyScan[]
  /** By shard: where the section of the batch and route at hand is being written. */
  readonly #open: (SectionWriter | null)[]
  readonly #progress: Progress
  readonly #counters = { batches: 0, events: 0, bytes: 0, rejected: 0 }
  /** Bytes that were copied of the batch at hand. */
  #copiedBytes = 0
  #isSendDue = false
  #idleWaiters: (() => void)[] = []

  constructor(options: RouterOptions) {
    const { lanes, shards, catalog } = options
    this.#options = options
    const { recorded = () => nothingRecorded } = options
    this.#progress = { routed: 0, flushed: 0, recorded }
    this.#mailboxes = lanes.map(
      (lane) => new LaneMailbox(lane, this.#progress, () => this.#answered()),
    )
    const mailboxOf: LaneMailbox[] = []
    for (const [index, lane] of lanes.entries()) {
      for (const shard of lane.shards) mailboxOf[shard] = this.#mailboxes[index]!
    }
    const owned = lanes.reduce((sum, lane) => sum + lane.shards.length, 0)
    assert(owned === shards && Object.keys(mailboxOf).length === shards, 'each shard has one lane')
    this.#mailboxOf = mailboxOf
    this.#scans = catalog.routes.map((route) => createKeyScan(route))
    this.#open = Array.from({ length: shards }, () => null)
  }

  get routed(): number {
    return this.#progress.routed
  }

  get loads(): readonly LaneLoad[] {
    return this.#mailboxes.map(({ load }) => load)
  }

  get counters(): RouterCounters {
    return this.#counters
  }

  route(batch: RoutableBatch): number {
    const routes = batch.audience?.routes ?? this.#options.catalog.sources[batch.source]!.routes
    this.#copiedBytes = 0
    for (const route of routes) this.#routeOn(route, batch)
    if (routes.length === 0) this.#validate(batch)
    this.#counters.batches += 1
    this.#counters.events += batch.count
    this.#counters.bytes += batch.payload.length
    this.#progress.routed = batch.inFlight.position
    if (routes.length > 0) {
      for (const mailbox of this.#mailboxes) mailbox.sendFull()
      this.#sendSoon()
    }
    return this.#copiedBytes
  }

  passOver(position: number): void {
    this.#progress.routed = position
  }

  flush(): void {
    for (const mailbox of this.#mailboxes) mailbox.sendAll()
  }

  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve)
      this.#answered()
    })
  }

  setFlushed(position: number): void {
    this.#progress.flushed = position
  }

  /** One send for all batches of a turn. */
  #sendSoon(): void {
    if (this.#isSendDue) return
    this.#isSendDue = true
    setImmediate(() => {
      this.#isSendDue = false
      for (const mailbox of this.#mailboxes) mailbox.send()
    })
  }

  #routeOn(route: number, batch: RoutableBatch): void {
    const { shards, seed } = this.#options
    const { payload, count } = batch
    const scan = this.#scans[route]!
    const { words } = scan
    const open = this.#open
    const rejections: Rejection[] = []
    let at = arrayHeaderBytes(payload)
    for (let index = 0; index < count; index++) {
      const start = at + binHeaderBytes(payload, at)
      const end = start + binLength(payload, at)
      at = end
      let keyBytes = end - start > eventBytesMax ? unusual : scan.scan(payload, start, end)
      if (keyBytes === unusual) {
        const resolved = this.#resolve(route, batch, start, end)
        if (!(resolved instanceof Uint8Array)) {
          rejections.push({ index, ...resolved })
          continue
        }
        keyBytes = scan.take(resolved)
      }
      const keyHash = hashWords(words, keyBytes, seed)
      const shard = shardOf(keyHash, shards)
      const writer = open[shard] ?? this.#openSection(shard, route, batch)
      writer.event(index, keyHash, words, keyBytes, start, end)
    }
    assert(at === payload.length, 'a batch holds as many events as it says')
    this.#closeSections()
    this.#reject(route, batch, rejections)
  }

  #resolve(
    route: number,
    { payload, audience }: RoutableBatch,
    start: number,
    end: number,
  ): Uint8Array | Omit<Rejection, 'index'> {
    if (end - start > eventBytesMax) return tooLarge(end - start)
    const { resolveKey, resolveHistoryKey = resolveKey } = this.#options
    const resolve = audience === undefined ? resolveKey : resolveHistoryKey
    return resolve(route, payload, start, end)
  }

  #openSection(shard: number, route: number, batch: RoutableBatch): SectionWriter {
    const mailbox = this.#mailboxOf[shard]!
    this.#copiedBytes -= mailbox.eventsBytes
    const writer = mailbox.open(shard, route, batch)
    this.#copiedBytes += mailbox.eventsBytes
    this.#open[shard] = writer
    return writer
  }

  #closeSections(): void {
    const open = this.#open
    for (let shard = 0; shard < open.length; shard++) {
      const writer = open[shard] ?? null
      if (writer === null) continue
      this.#copiedBytes += writer.close()
      open[shard] = null
    }
  }

  /** The way of events that no view wants: they are answered for, and go nowhere. */
  #validate(batch: RoutableBatch): void {
    const { payload, count, source } = batch
    const rejections: Rejection[] = []
    let at = arrayHeaderBytes(payload)
    for (let index = 0; index < count; index++) {
      const start = at + binHeaderBytes(payload, at)
      const end = start + binLength(payload, at)
      at = end
      const problem =
        end - start > eventBytesMax
          ? tooLarge(end - start)
          : this.#options.validateOnly(source, payload, start, end)
      if (problem !== null) rejections.push({ index, ...problem })
    }
    assert(at === payload.length, 'a batch holds as many events as it says')
    this.#reject(noRoute, batch, rejections)
  }

  #reject(route: number, batch: RoutableBatch, rejections: readonly Rejection[]): void {
    if (rejections.length === 0) return
    this.#counters.rejected += rejections.length
    batch.inFlight.keep(batch.payload)
    batch.inFlight.reject(route, rejections)
  }

  #answered(): void {
    if (this.#idleWaiters.length === 0 || !this.#mailboxes.every(({ isIdle }) => isIdle)) return
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const resolve of waiters) resolve()
  }
}

function tooLarge(size: number): Omit<Rejection, 'index'> {
  const { code, path, message } = rejection(0, 'EVENT_TOO_LARGE', '', { size, max: eventBytesMax })
  return { code, path, message }
}

function arrayHeaderBytes(payload: Uint8Array): number {
  const head = payload[0]!
  return head === 0xdc ? 3 : head === 0xdd ? 5 : 1
}

function binHeaderBytes(payload: Uint8Array, at: number): number {
  const head = payload[at]!
  return head === 0xc4 ? 2 : head === 0xc5 ? 3 : 5
}

function binLength(payload: Uint8Array, at: number): number {
  const head = payload[at]!
  if (head === 0xc4) return payload[at + 1]!
  const high = (payload[at + 1]! << 8) | payload[at + 2]!
  if (head === 0xc5) return high
  return high * 65536 + ((payload[at + 3]! << 8) | payload[at + 4]!)
}
