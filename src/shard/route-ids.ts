/**
 * The ids of the events that one route has counted in one shard, each with when its event arrived.
 *
 * Those since the last checkpoint are in memory, in one arena with a hash table, the others in the
 * store. Between the beginning of a checkpoint and its end there are two generations in memory: the
 * one that is being stored, which no longer changes, and the one that grows.
 *
 * An event claims its id before it is known whether it counts; its claim stands or falls when its
 * run is settled. Time is when batches arrived, so a replay from a checkpoint decides the same.
 */
import { capacitySlack, grownCapacity } from '../aggregate/capacity.ts'
import { orderByHash, orderedSlot } from '../aggregate/hash-order.ts'
import { KeyTable } from '../aggregate/key-table.ts'
import { hashBytes } from '../base/hash.ts'
import type { EventIds, IdentifiedEvent, IdVerdict } from '../model/contracts.ts'
import type { Rejection } from '../model/rejection.ts'
import type { ShardStore } from '../persist/shard-store.ts'
import {
  hashOfId,
  idKeyBytesMax,
  idRouteBytes,
  readIdKey,
  writeId,
  writeIdRoute,
} from '../persist/store-keys.ts'
import type { IdWrite } from '../persist/store-writes.ts'

/** Ids handed to the store between two turns of the event loop. */
const idsPerTurn = 512

const arrivalBytes = 8

/** Stands for the arrival of an event that has claimed its id in a run that is not settled. */
const unsettled = NaN

export class RouteIds implements EventIds {
  /** How long an id is remembered, ms. */
  readonly horizonMs: number
  readonly #store: Pick<ShardStore, 'arrivalOf' | 'idCount'>
  /** The key of the id at hand, as the store has it; the route is there for good. */
  readonly #key = Buffer.alloc(idKeyBytesMax)
  /** The same without the methods of a Buffer, some of which are slow. */
  readonly #bytes = new Uint8Array(this.#key.buffer, this.#key.byteOffset, this.#key.length)
  readonly #seed = { k0: 0, k1: 0 }
  #growing = new Generation()
  /** Null while no checkpoint is in progress. */
  #storing: Generation | null = null
  /** Whether the store may have ids of the route; while not, a miss needs no look. */
  #mayBeStored: boolean
  #arrivalMs = -Infinity
  /** Claims of the run, and the places of their events. */
  #claims: number[] = []
  #events: number[] = []

  /** @param route  What the store knows the route as. */
  constructor(
    route: Uint8Array,
    horizonMs: number,
    store: Pick<ShardStore, 'arrivalOf' | 'idCount'>,
  ) {
    this.horizonMs = horizonMs
    this.#store = store
    this.#mayBeStored = store.idCount > 0
    writeIdRoute(this.#key, route)
  }

  /** Bytes of the ids in memory, with their share of what the arrays have to spare. */
  get bytes(): number {
    return this.#growing.bytes + (this.#storing?.bytes ?? 0)
  }

  /** Ids that no checkpoint has taken, and their bytes. */
  get unstoredCount(): number {
    return this.#growing.keys.count
  }

  get unstoredBytes(): number {
    return this.#growing.bytes
  }

  /** A section begins, which arrived then; never before the one before. */
  begin(arrivalMs: number): void {
    this.#arrivalMs = arrivalMs
  }

  claim(event: IdentifiedEvent): IdVerdict {
    const end = writeId(this.#key, event)
    this.#seed.k0 = event.keyHash
    const hash = hashBytes(event.id, 0, event.idBytes, this.#seed)
    const growing = this.#growing
    const found = growing.keys.find(hash, this.#bytes, idRouteBytes, end)
    const arrivalMs = found === 0 ? this.#arrivalBefore(hash, end) : growing.arrivalsMs[found]!
    if (Number.isNaN(arrivalMs)) return 'unsettled'
    if (this.#arrivalMs - arrivalMs <= this.horizonMs) return 'duplicate'
    const slot = found === 0 ? growing.insert(hash, this.#bytes, idRouteBytes, end) : found
    growing.arrivalsMs[slot] = unsettled
    this.#claims.push(slot)
    this.#events.push(event.eventIndex)
    return 'first'
  }

  /** It is known which events of the run do not count: they have claimed nothing. */
  settle(rejections: readonly Rejection[]): void {
    const growing = this.#growing
    for (const slot of this.#claims) growing.arrivalsMs[slot] = this.#arrivalMs
    if (rejections.length > 0) {
      const rejected = new Set(rejections.map(({ index }) => index))
      const without = this.#claims.filter((_, n) => rejected.has(this.#events[n]!))
      // An id that was there before is beyond its horizon, and stays so.
      for (const slot of without) growing.keys.remove(slot)
    }
    this.#claims.length = 0
    this.#events.length = 0
  }

  /** Every id in memory is going to be stored: a checkpoint begins. */
  beginStoring(): void {
    this.#storing = this.#growing
    this.#growing = new Generation()
  }

  /** They are stored. */
  endStoring(): void {
    if (this.#storing !== null && this.#storing.keys.count > 0) this.#mayBeStored = true
    this.#storing = null
  }

  /** What a checkpoint has to store, some at a time. */
  *unstored(): Generator<readonly IdWrite[]> {
    if (this.#storing === null) return
    const { keys, arrivalsMs } = this.#storing
    const slots: number[] = []
    for (let slot = 1; slot < keys.slotsEnd; slot++) if (keys.has(slot)) slots.push(slot)
    const route = this.#key.subarray(0, idRouteBytes)
    const ordered = orderByHash(slots, (slot) => hashOfId(keys.keyOf(slot)))
    for (let at = 0; at < ordered.length; at += idsPerTurn) {
      const writes: IdWrite[] = []
      for (let n = at; n < Math.min(at + idsPerTurn, ordered.length); n++) {
        const slot = orderedSlot(ordered, n)
        const idKey = Buffer.concat([route, keys.keyOf(slot)])
        writes.push({ idKey, arrivalMs: arrivalsMs[slot]! })
      }
      yield writes
    }
  }

  /** Whether a checkpoint in progress stores a later arrival for the id under a key. */
  isBeingStored(idKey: Buffer): boolean {
    if (this.#storing === null) return false
    const { keyHash, id } = readIdKey(idKey)
    const hash = hashBytes(id, 0, id.length, { k0: keyHash, k1: 0 })
    return this.#storing.keys.find(hash, idKey, idRouteBytes, idKey.length) !== 0
  }

  /** When the event of the id at hand arrived by what no longer grows; -Infinity if none did. */
  #arrivalBefore(hash: number, end: number): number {
    const storing = this.#storing
    if (storing !== null) {
      const slot = storing.keys.find(hash, this.#bytes, idRouteBytes, end)
      if (slot !== 0) return storing.arrivalsMs[slot]!
    }
    if (!this.#mayBeStored) return -Infinity
    return this.#store.arrivalOf(this.#key.subarray(0, end)) ?? -Infinity
  }
}

/** Ids with when their events arrived. */
class Generation {
  readonly keys = new KeyTable()
  /** By slot, ms. */
  arrivalsMs = new Float64Array(64)

  get bytes(): number {
    return Math.ceil((this.keys.bytes + this.keys.count * arrivalBytes) * capacitySlack)
  }

  insert(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slot = this.keys.insert(hash, bytes, start, end)
    if (slot >= this.arrivalsMs.length) {
      const grown = new Float64Array(grownCapacity(this.arrivalsMs.length))
      grown.set(this.arrivalsMs)
      this.arrivalsMs = grown
    }
    return slot
  }
}
