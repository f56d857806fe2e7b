/**
 * Which keys are verified: of each route all that the journal has, or as many as are asked for,
 * those whose hashes by a seed are the least. The same seed over the same journal draws the same.
 */
import { hashBytes } from '../base/hash.ts'
import type { Catalog } from '../model/catalog.ts'
import type { KeyResolver } from '../model/contracts.ts'
import { catalogOfHistory } from '../model/history.ts'
import { eventsAt } from '../model/payload.ts'
import { createKeyResolver } from '../validate/key-resolver.ts'
import type { CountedBatch } from './logged-past.ts'

interface Drawn {
  readonly hash: number
  readonly key: Uint8Array
}

/** The drawn keys, by route. */
export class KeySample {
  readonly #catalog: Catalog
  /** Of events as they are pushed, and as their post-processor has made them. */
  readonly #resolvers: readonly [KeyResolver, KeyResolver]
  readonly #keysMax: number
  readonly #seed: number
  readonly #routes: Map<string, Drawn>[]
  /** By route: what no key may have as hash or beyond. */
  readonly #bounds: number[]

  constructor(
    catalog: Catalog,
    { keysMax, seed }: { readonly keysMax: number; readonly seed: number },
  ) {
    this.#catalog = catalog
    this.#resolvers = [createKeyResolver(catalog), createKeyResolver(catalogOfHistory(catalog))]
    this.#keysMax = keysMax
    this.#seed = seed
    this.#routes = catalog.routes.map(() => new Map())
    this.#bounds = catalog.routes.map(() => Infinity)
  }

  /** Takes note of the keys of a batch. */
  add(batch: CountedBatch): void {
    const { payload, count, backfill, sequences } = batch
    const resolveKey = this.#resolvers[backfill === null && sequences === null ? 0 : 1]
    const routes = this.#catalog.sources[batch.source]?.routes ?? []
    const all = Array.from({ length: count }, (_, place) => place)
    for (const event of routes.length === 0 ? [] : eventsAt(payload, all)) {
      for (const route of routes) {
        const key = resolveKey(route, event, 0, event.length)
        if (key instanceof Uint8Array) this.#draw(route, key)
      }
    }
  }

  /** The keys of a route, those with the least hashes first. */
  keysOf(route: number): readonly Uint8Array[] {
    this.#cut(route)
    return [...this.#routes[route]!.values()].toSorted(byHash).map(({ key }) => key)
  }

  #draw(route: number, key: Uint8Array): void {
    const hash = hashBytes(key, 0, key.length, { k0: this.#seed, k1: ~this.#seed }) >>> 0
    if (hash >= this.#bounds[route]!) return
    const keys = this.#routes[route]!
    keys.set(nameOf(key), { hash, key })
    if (keys.size >= 2 * this.#keysMax) this.#cut(route)
  }

  #cut(route: number): void {
    const keys = this.#routes[route]!
    if (keys.size <= this.#keysMax) return
    const kept = [...keys.values()].toSorted(byHash).slice(0, this.#keysMax)
    this.#routes[route] = new Map(kept.map((drawn) => [nameOf(drawn.key), drawn]))
    this.#bounds[route] = kept.at(-1)!.hash
  }
}

/** The bytes of a key as text. */
export function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}

function byHash(a: Drawn, b: Drawn): number {
  return a.hash - b.hash
}
