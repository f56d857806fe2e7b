/**
 * One shard without its lane: sections in, values out, checkpoints when told.
 */
import { hashBytes } from '../../src/base/hash.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import type { Catalog } from '../../src/model/catalog.ts'
import { encodeKey } from '../../src/model/key.ts'
import type { BatchRejections, ReadAbout, ReadResult } from '../../src/model/message.ts'
import { createEncoder } from '../../src/model/msgpack.ts'
import type { Value } from '../../src/model/types.ts'
import { Shard } from '../../src/shard/shard.ts'
import { createValidators } from '../../src/shard/validators.ts'
import { buffersOf, partOf, Sections } from './sections.ts'

const seed = { k0: 1, k1: 2 }
const encoder = createEncoder()

/** A key by the values of its fields. */
export type Key = Readonly<Record<string, Value>>

export interface DrivenBatch {
  readonly events: readonly Key[]
  readonly arrivalMs: number
  /** @defaultValue 0 */
  readonly route?: number
}

export class DrivenShard {
  readonly #catalog: Catalog
  readonly #shard: Shard
  #position = 0

  /** @param definitions  Views of one entity; the first is read. */
  static async open(dir: string, definitions: readonly unknown[]): Promise<DrivenShard> {
    const catalog = buildCatalog(definitions)
    const validators = createValidators(catalog)
    const options = {
      index: 0,
      catalog,
      ...validators,
      viewIds: catalog.views.map((_, view) => view),
      storePath: dir,
      seed,
    }
    return new DrivenShard(catalog, await Shard.open(options))
  }

  private constructor(catalog: Catalog, shard: Shard) {
    this.#catalog = catalog
    this.#shard = shard
    this.#position = shard.opened.position
  }

  get shard(): Shard {
    return this.#shard
  }

  /** Applies one batch; returns the rejections. */
  send(events: readonly Key[], arrivalMs: number): BatchRejections[] {
    return this.sendAll([{ events, arrivalMs }])
  }

  /** Applies batches in one go; returns the rejections. */
  sendAll(batches: readonly DrivenBatch[]): BatchRejections[] {
    const writer = new Sections()
    for (const { events, arrivalMs, route = 0 } of batches) {
      this.#position += 1
      writer.open(this.#catalog.routes[route]!.source, route, this.#position, arrivalMs)
      events.forEach((event, index) => {
        const key = this.#key(event)
        const hash = hashBytes(key, 0, key.length, seed)
        writer.event(index, hash, key, encoder.encode(event))
      })
      writer.close()
    }
    const sent = writer.take()
    const rejected: BatchRejections[] = []
    this.#shard.apply(buffersOf(sent), partOf(sent), rejected)
    return rejected
  }

  /** The route of a source that has one. */
  routeOf(source: string): number {
    const { routes, sources } = this.#catalog
    return routes.findIndex((route) => sources[route.source]!.name === source)
  }

  read(of: Key, edgeMs: number): ReadResult {
    const key = this.#key(of)
    this.#shard.admit({ view: 0, edgeMs })
    const about: ReadAbout = {
      view: 0,
      features: this.#catalog.views[0]!.features.map((_, place) => place),
      leadingEdge: this.#catalog.views[0]!.leadingEdge,
      edgeMs,
      watermarkMs: -Infinity,
      watermarkNs: 0,
    }
    const keyHash = hashBytes(key, 0, key.length, seed)
    return this.#shard.read(about, { keyHash, bytes: key, keyStart: 0, keyEnd: key.length })
  }

  /** @param flushed  Resolves when the journal is on disk; at once unless told. */
  checkpoint(arrivalMs: number, flushed: Promise<boolean> = Promise.resolve(true)) {
    this.#shard.applied = this.#position
    return this.#shard.checkpoint(arrivalMs, flushed)
  }

  close(): Promise<void> {
    return this.#shard.close()
  }

  #key(of: Key): Uint8Array {
    return encodeKey(this.#catalog.views[0]!.joinKeys, of) as Uint8Array
  }
}
