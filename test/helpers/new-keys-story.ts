/**
 * One shard whose view takes few new keys a day, beside a list of what it has accepted: from the
 * list alone follows which event is of a key too many.
 */
import assert from 'node:assert/strict'
import { hashBytes } from '../../src/base/hash.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import type { Catalog } from '../../src/model/catalog.ts'
import { encodeKey } from '../../src/model/key.ts'
import type { KeyLimit } from '../../src/model/key-limit.ts'
import type { BatchRejections } from '../../src/model/message.ts'
import { createEncoder } from '../../src/model/msgpack.ts'
import { Shard } from '../../src/shard/shard.ts'
import { createValidators } from '../../src/shard/validators.ts'
import { KeyRecount } from './key-recount.ts'
import { buffersOf, partOf, Sections } from './sections.ts'

export type LimitedStep =
  | {
      readonly kind: 'batch'
      readonly advanceMs: number
      /** Event times are relative to the arrival. */
      readonly events: readonly { readonly id: number; readonly offsetMs: number }[]
    }
  | { readonly kind: 'read'; readonly aheadMs: number }
  | { readonly kind: 'checkpoint' | 'evict' }
  /** The next life replays the journal in other parts, and has another limit for what follows. */
  | { readonly kind: 'crash'; readonly max: number; readonly eventsMax: number }

interface Event {
  readonly id: string
  readonly timeMs: number
}

interface Batch {
  readonly position: number
  readonly arrivalMs: number
  readonly events: readonly Event[]
  /** By event; absent for one that was counted. */
  readonly codes: ReadonlyMap<number, string>
}

const seed = { k0: 1, k1: 2 }
const encoder = createEncoder()

export class NewKeysStory {
  /** Events that were refused for their keys. */
  refused = 0
  readonly #dir: string
  readonly #catalog: Catalog
  readonly #recount: KeyRecount
  readonly #limits: KeyLimit[]
  #shard: Shard
  #journal: Batch[] = []
  #nowMs = 1_700_000_123_456
  #position = 0

  static async open(dir: string, definition: object, max: number): Promise<NewKeysStory> {
    const catalog = buildCatalog([definition])
    const limits = [{ since: 0, max }]
    return new NewKeysStory(dir, catalog, limits, await openShard(dir, catalog, limits))
  }

  private constructor(dir: string, catalog: Catalog, limits: KeyLimit[], shard: Shard) {
    this.#dir = dir
    this.#catalog = catalog
    this.#limits = limits
    this.#shard = shard
    this.#recount = new KeyRecount(catalog.views[0]!)
  }

  async play(step: LimitedStep): Promise<void> {
    switch (step.kind) {
      case 'batch':
        this.#nowMs += step.advanceMs
        this.#send(
          step.events.map(({ id, offsetMs }) => ({
            id: `key ${id}`,
            timeMs: this.#nowMs + offsetMs,
          })),
        )
        return
      case 'read':
        // Batches that arrived before it may still be on their way.
        this.#shard.admit({ view: 0, edgeMs: this.#nowMs + step.aheadMs })
        return
      case 'checkpoint':
        this.#shard.applied = this.#position
        await this.#shard.checkpoint(this.#nowMs, Promise.resolve(true))
        return
      case 'evict':
        this.#shard.evict(0)
        return
      case 'crash':
        await this.#restart(step.max, step.eventsMax)
        return
    }
  }

  async close(): Promise<void> {
    await this.#shard.close()
  }

  #send(events: readonly Event[]): void {
    this.#position += 100
    const batch = { position: this.#position, arrivalMs: this.#nowMs, events }
    const codes = codesOf(this.#apply([batch], Infinity), batch.position)
    this.#journal.push({ ...batch, codes })
    for (const [index, { id, timeMs }] of events.entries()) {
      const code = codes.get(index)
      // What is too late is tested elsewhere.
      if (code === 'EVENT_TOO_LATE') continue
      const isExcess = this.#recount.isExcess(id, this.#nowMs, this.#limits.at(-1)!.max)
      const expected = isExcess ? 'EVENT_CARDINALITY' : undefined
      assert.equal(code, expected, `event ${index} at ${this.#position}`)
      if (isExcess) this.refused += 1
      else this.#recount.add({ key: id, timeNs: BigInt(timeMs) * 1_000_000n }, this.#nowMs)
    }
  }

  async #restart(max: number, eventsMax: number): Promise<void> {
    await this.#shard.close()
    this.#limits.push({ since: this.#position, max })
    this.#shard = await openShard(this.#dir, this.#catalog, this.#limits)
    const { position } = this.#shard.opened
    const told = this.#apply(this.#journal, eventsMax)
    for (const batch of this.#journal) {
      if (batch.position <= position) continue
      assert.deepEqual(codesOf(told, batch.position), batch.codes, `replay of ${batch.position}`)
    }
  }

  #apply(batches: readonly Omit<Batch, 'codes'>[], eventsMax: number): BatchRejections[] {
    const sections = new Sections()
    for (const { position, arrivalMs, events } of batches) {
      sections.open(0, 0, position, arrivalMs)
      for (const [index, { id, timeMs }] of events.entries()) {
        const key = encodeKey(this.#catalog.views[0]!.joinKeys, { id }) as Uint8Array
        const bytes = encoder.encode({ id, at: BigInt(timeMs), pages: 1n })
        sections.event(index, hashBytes(key, 0, key.length, seed), key, bytes)
      }
      sections.close()
    }
    const sent = sections.take()
    const rejected: BatchRejections[] = []
    const { end } = partOf(sent)
    for (let start = 0; start < end;) {
      start = this.#shard.apply(buffersOf(sent), { start, end }, rejected, { eventsMax })
    }
    return rejected
  }
}

function codesOf(told: readonly BatchRejections[], of: number): ReadonlyMap<number, string> {
  const own = told.filter(({ position }) => position === of)
  const rejections = own.flatMap((each) => each.rejections)
  return new Map(rejections.map(({ index, code }) => [index, code]))
}

function openShard(
  storePath: string,
  catalog: Catalog,
  limits: readonly KeyLimit[],
): Promise<Shard> {
  const validators = createValidators(catalog)
  const keyLimits = [[...limits]]
  return Shard.open({ index: 0, catalog, ...validators, viewIds: [0], keyLimits, storePath, seed })
}
