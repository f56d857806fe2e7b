import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { hashBytes } from '../../src/base/hash.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import {
  aggregate,
  entity,
  pushSource,
  streamFeatureView,
  t,
  type DedupeRule,
} from '../../src/index.ts'
import type { Catalog } from '../../src/model/catalog.ts'
import { encodeKey } from '../../src/model/key.ts'
import type {
  FromShard,
  ReadAbout,
  ReadFailure,
  ReadQuery,
  ReadResult,
  ToShard,
} from '../../src/model/message.ts'
import { createEncoder } from '../../src/model/msgpack.ts'
import { createPulse } from '../../src/model/pulse.ts'
import { LaneSections } from '../../src/model/lane-sections.ts'
import { packQueries, unpackAnswers } from '../../src/model/read-packing.ts'
import { shardOf } from '../../src/model/partition.ts'
import { runLane } from '../../src/shard/lane.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'
import { newEvents, Sections } from '../helpers/sections.ts'

const shards = 3
const recorded = { upTo: 0, refusedFrom: Infinity }
const seed = { k0: 5, k1: 6 }
const startMs = Date.UTC(2024, 0, 1)
const encoder = createEncoder()

const catalogOf = (dedupe: DedupeRule<'id' | 'pages'>): Catalog =>
  buildCatalog([
    streamFeatureView({
      name: 'visitors',
      source: pushSource({
        name: 'visits',
        schema: { id: t.Int64(), at: t.Timestamp(), pages: t.Int64() },
        timestampField: 'at',
        dedupe,
      }),
      entities: [entity({ name: 'user', joinKeys: { id: t.Int64() } })],
      leadingEdge: 'latest-event',
      features: [aggregate('pages', 'sum', '1h'), aggregate('pages', 'count', '1d')],
    }),
  ])

const catalog = catalogOf({ by: 'sequence' })

type Reply<K extends FromShard['kind']> = Extract<FromShard, { kind: K }>

/** A lane on this thread, and what it has posted. */
class DrivenLane {
  readonly #port: MessagePort
  readonly #ended: Promise<void>
  readonly posted: FromShard[] = []
  readonly opened: Reply<'opened'>
  #routed = 0
  #unanswered = 0

  static async open(
    storePath: string,
    stateBytesMax: number,
    definitions = catalog,
  ): Promise<DrivenLane> {
    const { port1, port2 } = new MessageChannel()
    const pulse = createPulse()
    const start = { lane: 0, shards: [0, 1, 2], definitionsUrl: null, definitions: [], pulse }
    const about = { viewIds: [0], viewsSince: [0], keyLimits: [], histories: [] }
    const views = { ...about, seed, quarantined: [] }
    const ended = runLane({ ...start, ...views, storePath, stateBytesMax }, definitions, port2)
    const [opened] = (await once(port1, 'message')) as [Reply<'opened'>]
    return new DrivenLane(port1, ended, opened)
  }

  private constructor(port: MessagePort, ended: Promise<void>, opened: Reply<'opened'>) {
    this.#port = port
    this.#ended = ended
    this.opened = opened
    port.on('message', (message: FromShard) => {
      this.posted.push(message)
      if (message.kind === 'applied') this.#unanswered -= 1
      // The journal of this test is always on disk.
      if (message.kind === 'awaiting') this.post({ kind: 'flushed', flushed: message.position })
    })
  }

  post(message: ToShard): void {
    this.#port.postMessage(message)
  }

  /** Sends batches in one message, one event of each key in every batch, of so many pages. */
  apply(
    batches: number,
    keys: readonly number[],
    pagesOf = (id: number, _batch: number): number => id,
  ): void {
    const events = newEvents()
    const sections = new LaneSections(shards)
    const writers = Array.from(
      { length: shards },
      (_, n) => new Sections(events, sections.writer(n)),
    )
    for (let batch = 0; batch < batches; batch++) {
      this.#routed += 10
      for (const writer of writers) writer.open(0, 0, this.#routed, startMs)
      keys.forEach((id, index) => {
        const { key, hash } = keyOf(id)
        const event = { id: BigInt(id), at: BigInt(startMs), pages: BigInt(pagesOf(id, batch)) }
        const bytes = encoder.encode(event)
        const writer = writers[shardOf(hash, shards)]!
        writer.event(index, hash, key, bytes)
      })
      for (const writer of writers) writer.close()
    }
    const common = { id: 0, routed: this.#routed, flushed: 0, recorded }
    this.#unanswered += 1
    this.post({ kind: 'apply', sections: sections.close(), events: events.buffer, ...common })
  }

  /** Reads when all that was sent has been applied. */
  async read(keys: readonly number[]): Promise<readonly ReadResult[]> {
    while (this.#unanswered > 0) await once(this.#port, 'message')
    const answers = await this.ask(questions(keys))
    return answers as readonly ReadResult[]
  }

  async ask(queries: readonly ReadQuery[]): Promise<readonly (ReadResult | ReadFailure)[]> {
    const packed = packQueries([queries])
    this.post({ kind: 'read', id: 1, queries: packed })
    const { answers } = await this.take('read')
    return unpackAnswers(packed, answers)
  }

  checkpoint(): void {
    this.post({
      kind: 'checkpoint',
      shard: null,
      routed: this.#routed,
      recorded,
      arrivalMs: startMs,
    })
  }

  /** Resolves with the next message. */
  async heard(): Promise<void> {
    await once(this.#port, 'message')
  }

  async close(): Promise<void> {
    this.post({ kind: 'close' })
    await this.#ended
    await this.take('closed')
  }

  /** Takes the first message of a kind, when it comes. */
  async take<K extends FromShard['kind']>(kind: K): Promise<Reply<K>> {
    for (;;) {
      const place = this.posted.findIndex((message) => message.kind === kind)
      if (place >= 0) return this.posted.splice(place, 1)[0] as Reply<K>
      await once(this.#port, 'message')
    }
  }
}

function keyOf(id: number): { readonly key: Uint8Array; readonly hash: number } {
  const key = encodeKey(catalog.views[0]!.joinKeys, { id: BigInt(id) }) as Uint8Array
  return { key, hash: hashBytes(key, 0, key.length, seed) }
}

const about: ReadAbout = {
  view: 0,
  features: [0, 1],
  leadingEdge: 'latest-event',
  edgeMs: 0,
  watermarkMs: -Infinity,
  watermarkNs: 0,
}

/** What is asked to know all of some keys. */
function questions(keys: readonly number[]): ReadQuery[] {
  return keys.map((id) => {
    const { key, hash } = keyOf(id)
    return { about, shard: shardOf(hash, shards), keyHash: hash, key }
  })
}

const ids = Array.from({ length: 1500 }, (_, n) => n)

/** Sums and counts after so many batches with an event of each key. */
const valuesAfter = (batches: number) =>
  ids.map((id) => [BigInt(id) * BigInt(batches), BigInt(batches)])

test('with memory for a part of its keys, a lane counts each event once', async (context) => {
  const dir = await temporaryDirectory(context)
  const lane = await DrivenLane.open(dir, 60_000)
  for (let n = 0; n < 4; n++) lane.apply(3, ids)
  assert.deepEqual(
    (await lane.read(ids)).map(({ values }) => values),
    valuesAfter(12),
  )
  await lane.close()
  const stored = lane.posted.filter((message) => message.kind === 'checkpointed')
  assert.ok(stored.length > shards, 'nobody asked for a checkpoint')
  for (const { stats } of stored) assert.ok(stats.keys < ids.length)
  assert.equal(lane.posted.filter(({ kind }) => kind === 'applied').length, 4)
  // Not everything was stored when it closed: the journal is sent once more, all of it.
  const again = await DrivenLane.open(dir, 60_000)
  const positions = again.opened.shards.map(({ position }) => position)
  assert.ok(Math.max(...positions) <= 120)
  for (let n = 0; n < 4; n++) again.apply(3, ids)
  assert.deepEqual(
    (await again.read(ids)).map(({ values }) => values),
    valuesAfter(12),
  )
  await again.close()
})

test('ids of events are within the memory of a lane, and outlive it', async (context) => {
  const dir = await temporaryDirectory(context)
  const byId = catalogOf({ by: 'event-id', field: 'pages', horizon: '1h' })
  const lane = await DrivenLane.open(dir, 150_000, byId)
  const counts = async () => (await lane.read(ids)).map(({ values }) => values[1])
  const duplicates = async () => {
    const { rejected } = await lane.take('applied')
    return rejected.reduce((sum, { duplicates: places = [] }) => sum + places.length, 0)
  }
  for (let message = 0; message < 4; message++) {
    lane.apply(3, ids, (_, batch) => message * 3 + batch)
    assert.equal(await duplicates(), 0)
  }
  // Far more than the lane may hold, so that most are looked for on disk.
  lane.apply(12, ids, (_, batch) => batch)
  assert.equal(await duplicates(), 12 * ids.length)
  assert.deepEqual(new Set(await counts()), new Set([12n]))
  lane.checkpoint()
  await lane.close()
  const stored = lane.posted.filter((message) => message.kind === 'checkpointed')
  assert.ok(stored.length > shards, 'nobody asked for a checkpoint')
  for (const { stats } of stored) assert.ok(stats.stateBytes < 3 * 150_000)
})

test('a checkpoint that is asked for covers what was applied, in every shard', async (context) => {
  const dir = await temporaryDirectory(context)
  const lane = await DrivenLane.open(dir, 2 ** 30)
  lane.apply(2, ids)
  lane.checkpoint()
  lane.checkpoint()
  assert.equal((await lane.read([7]))[0]!.entity, 'present')
  const stored: Reply<'checkpointed'>[] = []
  while (stored.length < shards) stored.push(await lane.take('checkpointed'))
  await lane.close()
  assert.deepEqual(
    stored.map(({ position }) => position),
    [20, 20, 20],
  )
  const keys = stored.reduce((sum, message) => sum + message.keys, 0)
  assert.equal(keys, ids.length)
  const again = await DrivenLane.open(dir, 2 ** 30)
  assert.deepEqual(
    again.opened.shards.map(({ position }) => position),
    [20, 20, 20],
  )
  assert.deepEqual(
    (await again.read(ids)).map(({ values }) => values),
    valuesAfter(2),
  )
  await again.close()
})

test('a question that cannot be answered fails alone, and the lane goes on', async (context) => {
  const lane = await DrivenLane.open(await temporaryDirectory(context), 2 ** 30)
  lane.apply(1, [7])
  await lane.take('applied')
  const [good] = questions([7])
  const odd = { ...good!, about: { ...about, features: { length: 2 } as never } }
  const [before, failed, after] = await lane.ask([good!, odd, good!])
  assert.deepEqual((before as ReadResult).values, [7n, 1n])
  assert.deepEqual(after, before)
  assert.ok('failure' in failed! && failed.failure !== null)
  assert.match(failed.failure.message, /not a function/)
  assert.match(failed.failure.stack!, /shard\.(js|ts)/)
  lane.apply(1, [7])
  assert.deepEqual((await lane.read([7]))[0]!.values, [14n, 2n])
  await lane.close()
})

test('a read overtakes the batches that wait, and sees whole ones', async (context) => {
  const lane = await DrivenLane.open(await temporaryDirectory(context), 2 ** 30)
  for (let n = 0; n < 4; n++) lane.apply(12, ids)
  const answers = (await lane.ask(questions(ids))) as readonly ReadResult[]
  const applied = lane.posted.filter(({ kind }) => kind === 'applied').length
  assert.ok(applied < 4, 'the read has waited for all of them')
  const counts = ids.map((id, n) => ({ shard: shardOf(keyOf(id).hash, shards), of: answers[n]! }))
  for (let shard = 0; shard < shards; shard++) {
    const own = counts
      .filter((each) => each.shard === shard)
      .map(({ of }) => (of.values[1] ?? 0n) as bigint)
    assert.equal(new Set(own).size, 1, 'every key of a shard has the same batches')
    assert.ok(own[0]! >= 12n * BigInt(applied))
  }
  assert.deepEqual(
    (await lane.read(ids)).map(({ values }) => values),
    valuesAfter(48),
  )
  await lane.close()
})

test('a lane whose store is damaged says so and ends', async (context) => {
  const dir = await temporaryDirectory(context)
  const { port1, port2 } = new MessageChannel()
  const start = { lane: 0, shards: [0], definitionsUrl: null, definitions: [], viewIds: [0] }
  const storePath = dir
  await mkdir(`${dir}/000`)
  await writeFile(`${dir}/000/data.mdb`, 'no environment'.repeat(1000))
  const views = { viewsSince: [0], keyLimits: [], histories: [], quarantined: [] }
  const rest = { ...views, seed, storePath, stateBytesMax: 2 ** 30, pulse: createPulse() }
  await assert.rejects(runLane({ ...start, ...rest }, catalog, port2), { code: 'STORE_CORRUPT' })
  const [message] = (await once(port1, 'message')) as [FromShard]
  assert.ok(message.kind === 'failed')
  assert.equal(message.error?.code, 'STORE_CORRUPT')
  port1.close()
})

test('a storm of reads does not hold up events, nor events a read', async (context) => {
  const lane = await DrivenLane.open(await temporaryDirectory(context), 2 ** 30)
  const keys = Array.from({ length: 1000 }, (_, id) => id)
  lane.apply(1, keys)
  await lane.read([0])
  // More steps than a few, and behind them more reads than are made up for meanwhile.
  lane.apply(20, keys)
  const storm = packQueries([questions(keys)])
  for (let id = 0; id < 40; id++) lane.post({ kind: 'read', id, queries: storm })
  while (lane.posted.filter(({ kind }) => kind === 'read').length < 40) await lane.heard()
  const order = lane.posted.map(({ kind }) => kind)
  const applied = order.lastIndexOf('applied')
  const before = order.slice(0, applied).filter((kind) => kind === 'read').length
  // 20 000 events make up for ten reads of 1000 keys.
  assert.ok(before >= 2 && before <= 16, `${before} reads were answered before`)
  await lane.close()
})
