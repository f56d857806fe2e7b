/**
 * What a part of a key finds in a shard, held against all keys that there can be: through
 * checkpoints, evictions, crashes, and times at which keys expire and are forgotten.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { expiredKeptMs } from '../../src/base/limits.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { aggregate, entity, pushSource, streamFeatureView, t } from '../../src/index.ts'
import { decodeKeyValues, encodeKeyValues } from '../../src/model/key.ts'
import type { Value } from '../../src/model/types.ts'
import { DrivenShard, type Key } from '../helpers/driven-shard.ts'

const windowMs = 3_600_000

const joinKeys = { region: t.String(), user_id: t.Int64(), is_new: t.Bool() }
const place = entity({ name: 'place', joinKeys })
const visits = pushSource({
  name: 'visits',
  schema: { ...joinKeys, at: t.Timestamp(), pages: t.Int64() },
})

const indexes = [['user_id'], ['region'], ['is_new', 'region'], ['region', 'user_id']] as const

function viewOf(onlineServingIndex: (typeof indexes)[number]) {
  return streamFeatureView({
    name: 'places',
    source: visits,
    entities: [place],
    mode: 'continuous',
    onlineServingIndex,
    features: [aggregate('pages', 'count', '1h')],
  })
}

/** All keys that there are. */
const keys: readonly Key[] = ['a', 'ab', 'é\u0000'].flatMap((region) =>
  [-1n, 0n, 2n ** 40n].flatMap((user_id) =>
    [false, true].map((is_new) => ({ region, user_id, is_new })),
  ),
)

const key = fc.nat({ max: keys.length - 1 })

/** How long ago, at its arrival, something happened. */
const ago = fc.nat({ max: windowMs / 2 })

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ send: fc.array(fc.tuple(key, ago), { maxLength: 6 }) }) },
  { weight: 2, arbitrary: fc.constantFrom('store', 'store while more comes', 'evict', 'crash') },
  { weight: 2, arbitrary: fc.record({ passMs: fc.constantFrom(windowMs / 2, expiredKeptMs) }) },
)

/** A shard, and of each key the newest event: as it is, and as a crash would leave it. */
class Story {
  readonly #dir: string
  readonly #definitions: readonly unknown[]
  readonly #index: readonly string[]
  #shard!: DrivenShard
  #nowMs = Date.UTC(2024, 0, 1)
  #newest = new Map<number, number>()
  #stored = new Map<number, number>()

  constructor(dir: string, index: (typeof indexes)[number]) {
    this.#dir = dir
    this.#index = index
    this.#definitions = [viewOf(index)]
  }

  async open(): Promise<void> {
    this.#shard = await DrivenShard.open(this.#dir, this.#definitions)
  }

  close(): Promise<void> {
    return this.#shard.close()
  }

  async do(done: typeof step extends fc.Arbitrary<infer Step> ? Step : never): Promise<void> {
    if (typeof done === 'object') {
      if ('send' in done) this.#send(done.send)
      else this.#nowMs += done.passMs
      return
    }
    if (done === 'evict') this.#shard.shard.evict(0)
    else if (done === 'crash') {
      await this.#shard.close()
      this.#newest = new Map(this.#stored)
      await this.open()
    } else {
      const stored = new Map(this.#newest)
      const storing = this.#shard.checkpoint(this.#nowMs)
      if (done === 'store while more comes') this.#send([...keys.keys()].map((n) => [n, n]))
      assert.notEqual(await storing, null)
      this.#stored = stored
    }
  }

  /** Everything that the index can be asked for. */
  check(): void {
    const [view] = buildCatalog(this.#definitions).views
    const indexed = view!.joinKeys.filter(({ name }) => this.#index.includes(name))
    const edgeMs = this.#nowMs
    const asked = new Set(
      keys.map((one) => JSON.stringify(indexed.map(({ name }) => shown(one[name]!)))),
    )
    for (const part of asked) {
      const like = keys.find(
        (one) => JSON.stringify(indexed.map(({ name }) => shown(one[name]!))) === part,
      )!
      const index = encodeKeyValues(
        indexed,
        indexed.map(({ name }) => like[name]!),
      ) as Uint8Array
      const search = { view: 0, index, edgeMs, limit: 1000 }
      this.#shard.shard.admit(search)
      const found = this.#shard.shard
        .find(search)
        .map((bytes) => decodeKeyValues(view!.joinKeys, bytes))
        .map((values) =>
          Object.fromEntries(view!.joinKeys.map(({ name }, n) => [name, values[n]!])),
        )
        .filter((one) => this.#shard.read(one, edgeMs).entity === 'present')
      const expected = keys.filter((one, n) => {
        const newest = this.#newest.get(n) ?? -Infinity
        return newest > edgeMs - windowMs && indexed.every(({ name }) => one[name] === like[name])
      })
      assert.deepEqual(found.map(textOf).toSorted(), expected.map(textOf).toSorted(), part)
    }
  }

  #send(events: readonly (readonly [key: number, agoMs: number])[]): void {
    this.#shard.send(
      events.map(([n, agoMs]) => ({ ...keys[n]!, at: BigInt(this.#nowMs - agoMs), pages: 1n })),
      this.#nowMs,
    )
    for (const [n, agoMs] of events) {
      this.#newest.set(n, Math.max(this.#newest.get(n) ?? -Infinity, this.#nowMs - agoMs))
    }
  }
}

const shown = (value: Value): string =>
  JSON.stringify(typeof value === 'bigint' ? Number(value) : value)
const textOf = (one: Key): string =>
  ['region', 'user_id', 'is_new'].map((name) => shown(one[name]!)).join('|')

test('a part of a key finds the keys that have it, and no others', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...indexes),
      fc.array(step, { maxLength: 12 }),
      async (index, steps) => {
        const dir = await mkdtemp(join(tmpdir(), 'millrace-test-'))
        const story = new Story(dir, index)
        try {
          await story.open()
          for (const each of steps) {
            await story.do(each)
            story.check()
          }
        } finally {
          await story.close()
          await rm(dir, { recursive: true, force: true })
        }
      },
    ),
    { seed: 7, numRuns: 60 },
  )
})
