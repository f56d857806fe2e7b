/**
 * Shards of a source whose events have ids, driven step by step, beside a naive filter over the
 * journal: every verdict must be that of the filter, when it is given and when it is replayed.
 */
import assert from 'node:assert/strict'
import { hashBytes } from '../../src/base/hash.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { aggregate, entity, pushSource, streamFeatureView, t } from '../../src/index.ts'
import type { Catalog } from '../../src/model/catalog.ts'
import { encodeKey } from '../../src/model/key.ts'
import type { BatchRejections } from '../../src/model/message.ts'
import { createEncoder } from '../../src/model/msgpack.ts'
import { shardOf } from '../../src/model/partition.ts'
import { Shard } from '../../src/shard/shard.ts'
import { createValidators } from '../../src/shard/validators.ts'
import { buffersOf, partOf, Sections } from './sections.ts'

/** What an event does beside having its id. */
export const fates = ['counts', 'partly', 'ahead', 'late', 'future', 'throws', 'nothing'] as const
export type Fate = (typeof fates)[number]

export interface IdEvent {
  readonly key: string
  readonly id: string
  readonly fate: Fate
}

export type IdStep =
  | { readonly kind: 'batch'; readonly events: readonly IdEvent[]; readonly advanceMs: number }
  | { readonly kind: 'begin' | 'turn' | 'checkpoint' | 'evict' | 'crash' | 'power loss' }

export interface IdStoryOptions {
  readonly shards: number
  readonly hasTransform: boolean
}

export const idHorizonMs = 60_000
const startMs = 1_700_000_123_456
const seed = { k0: 1, k1: 2 }
const encoder = createEncoder()
const hourMs = 3_600_000

/** How far from its arrival the time of an event is, ms. */
const offsetsMs: Readonly<Record<Fate, number>> = {
  counts: -1000,
  partly: -3 * hourMs,
  ahead: 20_000,
  late: -10 * 24 * hourMs,
  future: hourMs,
  throws: -1000,
  nothing: -1000,
}

/** The places of a batch's events by what becomes of them. */
interface Outcome {
  readonly rejected: readonly number[]
  readonly duplicates: readonly number[]
}

interface Journalled {
  readonly position: number
  readonly arrivalMs: number
  readonly events: readonly IdEvent[]
  readonly outcome: Outcome
}

interface Begun {
  readonly position: number
  readonly flushed: (isFlushed: boolean) => void
  readonly done: Promise<unknown>
}

export class IdStory {
  readonly #dir: string
  readonly #options: IdStoryOptions
  readonly #catalog: Catalog
  #shards: readonly Shard[]
  #journal: Journalled[] = []
  #begun: Begun | null = null
  /** What every store covers. */
  #covered = 0
  #position = 0
  #nowMs = startMs

  static async open(dir: string, options: IdStoryOptions): Promise<IdStory> {
    const catalog = buildCatalog(definitions(options))
    return new IdStory(dir, options, catalog, await openShards(dir, catalog, options))
  }

  private constructor(
    dir: string,
    options: IdStoryOptions,
    catalog: Catalog,
    shards: readonly Shard[],
  ) {
    this.#dir = dir
    this.#options = options
    this.#catalog = catalog
    this.#shards = shards
  }

  async play(step: IdStep): Promise<void> {
    switch (step.kind) {
      case 'batch':
        this.#nowMs += step.advanceMs
        this.#send(step.events)
        return
      case 'begin':
        await this.#finish(true)
        this.#begin()
        return
      case 'checkpoint':
        if (this.#begun === null) this.#begin()
        await this.#finish(true)
        return
      case 'turn':
        await new Promise((resolve) => {
          setImmediate(resolve)
        })
        return
      case 'evict':
        for (const shard of this.#shards) shard.evict(0)
        return
      case 'crash':
        await this.#restart()
        return
      case 'power loss':
        await this.#finish(false)
        this.#journal = this.#journal.filter(({ position }) => position <= this.#covered)
        await this.#restart()
        return
    }
  }

  /** Compares the counts of every key with those of the filter. */
  check(): void {
    for (const key of ['a', 'b', 'c']) {
      assert.deepEqual(this.#count(key), this.#expectedCount(key), `count of ${key}`)
    }
  }

  async close(): Promise<void> {
    await this.#finish(true)
    for (const shard of this.#shards) await shard.close()
  }

  #send(events: readonly IdEvent[]): void {
    this.#position += 100
    const batch = { position: this.#position, arrivalMs: this.#nowMs, events }
    const outcome = this.#filter(batch)
    this.#journal.push({ ...batch, outcome })
    assert.deepEqual(this.#apply(this.#journal.at(-1)!), outcome)
  }

  /** What the rule says, from all that came before. */
  #filter({ arrivalMs, events }: Omit<Journalled, 'outcome'>): Outcome {
    const counted = this.#journal.flatMap((batch) => acceptedOf(batch, batch.outcome))
    const rejected: number[] = []
    const duplicates: number[] = []
    for (const [index, { key, id, fate }] of events.entries()) {
      const isDuplicate = counted.some(
        (one) => one.key === key && one.id === id && arrivalMs - one.arrivalMs <= idHorizonMs,
      )
      if (fate === 'future') rejected.push(index)
      else if (isDuplicate) duplicates.push(index)
      else if (fate === 'late' || (fate === 'throws' && this.#options.hasTransform)) {
        rejected.push(index)
      } else counted.push({ key, id, fate, arrivalMs })
    }
    return { rejected, duplicates }
  }

  /** Applies a batch to every shard; what they say of it. */
  #apply({ position, arrivalMs, events }: Omit<Journalled, 'outcome'>): Outcome {
    const writers = this.#shards.map(() => new Sections())
    for (const writer of writers) writer.open(0, 0, position, arrivalMs)
    for (const [index, { key: user, id, fate }] of events.entries()) {
      const at = BigInt(arrivalMs + offsetsMs[fate]) * 1_000_000n
      const bytes = encoder.encode({ user, id, at: at / 1_000_000n, fate })
      const { key, hash, shard } = this.#placeOf(user)
      writers[shard]!.event(index, hash, key, bytes)
    }
    const told: BatchRejections[] = []
    for (const [n, writer] of writers.entries()) {
      writer.close()
      const sent = writer.take()
      // Every other batch event by event, which must make no difference.
      const onEvent = position % 2 === 0 ? () => {} : null
      this.#shards[n]!.apply(buffersOf(sent), partOf(sent), told, { onEvent })
      this.#shards[n]!.applied = position
    }
    const ascending = (places: readonly number[]) => places.toSorted((a, b) => a - b)
    return {
      rejected: ascending(told.flatMap(({ rejections }) => rejections.map(({ index }) => index))),
      duplicates: ascending(told.flatMap(({ duplicates = [] }) => duplicates)),
    }
  }

  #begin(): void {
    let flushed: (isFlushed: boolean) => void = () => {}
    const ready = new Promise<boolean>((resolve) => {
      flushed = resolve
    })
    const done = Promise.all(this.#shards.map((shard) => shard.checkpoint(this.#nowMs, ready)))
    this.#begun = { position: this.#position, flushed, done }
  }

  async #finish(isFlushed: boolean): Promise<void> {
    if (this.#begun === null) return
    const { position, flushed, done } = this.#begun
    this.#begun = null
    flushed(isFlushed)
    await done
    if (isFlushed) this.#covered = position
  }

  /** Opens everything again and replays the journal: what is not covered is decided as it was. */
  async #restart(): Promise<void> {
    await this.#finish(false)
    for (const shard of this.#shards) await shard.close()
    this.#shards = await openShards(this.#dir, this.#catalog, this.#options)
    for (const batch of this.#journal) {
      const isCovered = batch.position <= this.#covered
      const none = { rejected: [], duplicates: [] }
      assert.deepEqual(this.#apply(batch), isCovered ? none : batch.outcome)
    }
  }

  #count(user: string): unknown {
    const { key, hash, shard } = this.#placeOf(user)
    const view = this.#catalog.views.find(({ name }) => name === 'week')!.index
    this.#shards[shard]!.admit({ view, edgeMs: this.#nowMs })
    const about = { view, features: [0], leadingEdge: 'wall-clock', edgeMs: this.#nowMs } as const
    const result = this.#shards[shard]!.read(
      { ...about, watermarkMs: -Infinity, watermarkNs: 0 },
      { keyHash: hash, bytes: key, keyStart: 0, keyEnd: key.length },
    )
    return result.values[0]
  }

  #expectedCount(user: string): bigint | null {
    const seen = this.#journal
      .flatMap((batch) => acceptedOf(batch, batch.outcome))
      .filter(({ key, fate, arrivalMs }) => {
        if (key !== user || (fate === 'nothing' && this.#options.hasTransform)) return false
        return arrivalMs + offsetsMs[fate] <= this.#nowMs
      })
    return seen.length === 0 ? null : BigInt(seen.length)
  }

  #placeOf(user: string) {
    const key = encodeKey(this.#catalog.routes[0]!.joinKeys, { user }) as Uint8Array
    const hash = hashBytes(key, 0, key.length, seed)
    return { key, hash, shard: shardOf(hash, this.#options.shards) }
  }
}

function acceptedOf({ events, arrivalMs }: Omit<Journalled, 'outcome'>, outcome: Outcome) {
  return events
    .map((event) => ({ ...event, arrivalMs }))
    .filter((_, n) => !outcome.rejected.includes(n) && !outcome.duplicates.includes(n))
}

/** Two views of one route; a transform makes the validator take the full path. */
function definitions({ hasTransform }: IdStoryOptions): readonly unknown[] {
  const source = pushSource({
    name: 'events',
    schema: { user: t.String(), id: t.String(), at: t.Timestamp(), fate: t.String() },
    dedupe: { by: 'event-id', field: 'id', horizon: '1m' },
  })
  const common = { source, entities: [entity({ name: 'user', joinKeys: { user: t.String() } })] }
  const transform = ({ fate }: { readonly fate: string }) => {
    if (fate === 'throws') throw new Error('told to')
    return fate === 'nothing' ? null : { one: 1n }
  }
  const week = {
    ...common,
    name: 'week',
    features: [aggregate(hasTransform ? 'one' : 'fate', 'count', '7d')],
    ...(hasTransform && { transform, rowSchema: { one: t.Int64() } }),
  }
  return [
    streamFeatureView({ ...common, name: 'hour', features: [aggregate('fate', 'count', '1h')] }),
    streamFeatureView(week as never),
  ]
}

async function openShards(
  storePath: string,
  catalog: Catalog,
  { shards }: IdStoryOptions,
): Promise<Shard[]> {
  const validators = createValidators(catalog)
  const opened: Shard[] = []
  for (let index = 0; index < shards; index++) {
    opened.push(
      await Shard.open({ index, catalog, ...validators, viewIds: [0, 1], storePath, seed }),
    )
  }
  return opened
}
