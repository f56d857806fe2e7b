/**
 * Sections that are applied together do what they would have done one by one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parkedRowsMax, transformRowsMax } from '../../src/base/limits.ts'
import { aggregate, entity, pushSource, streamFeatureView, t } from '../../src/index.ts'
import { openShardStore } from '../../src/persist/shard-store.ts'
import { DrivenShard } from '../helpers/driven-shard.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const startMs = Date.UTC(2024, 0, 1)
const dayMs = 86_400_000
const user = entity({ name: 'user', joinKeys: { id: t.String() } })
const visits = pushSource({
  name: 'visits',
  schema: { id: t.String(), at: t.Timestamp(), n: t.Int64() },
  timestampField: 'at',
})
const visit = (atMs: number, n = 1) => ({ id: 'a', at: BigInt(atMs), n: BigInt(n) })

test('rows of transforms that may not wait are refused at the same event', async (context) => {
  const multiplied = streamFeatureView({
    name: 'multiplied',
    source: visits,
    entities: [user],
    features: [aggregate('m', 'sum', '1h')],
    rowSchema: { m: t.Int64() },
    transform: ({ n }) => Array.from({ length: Number(n) }, () => ({ m: 1n })),
  })
  const events = (parkedRowsMax / transformRowsMax) * 1.5
  const batches = Array.from({ length: events }, (_, b) => ({
    events: [visit(startMs + 60_000, transformRowsMax)],
    arrivalMs: startMs + b,
  }))
  for (const isTogether of [false, true]) {
    const shard = await DrivenShard.open(await temporaryDirectory(context), [multiplied])
    const rejected = isTogether
      ? shard.sendAll(batches)
      : batches.flatMap((batch) => shard.sendAll([batch]))
    assert.equal(rejected.length, events / 3, `together: ${isTogether}`)
    assert.equal(rejected[0]!.rejections[0]!.code, 'EVENT_AHEAD')
    assert.deepEqual(shard.read({ id: 'a' }, startMs + 61_000).values, [BigInt(parkedRowsMax)])
    await shard.close()
  }
})

test('whether a row may wait does not depend on what has been read', async (context) => {
  const counted = streamFeatureView({
    name: 'counted',
    source: visits,
    entities: [user],
    features: [aggregate('n', 'count', '1h')],
  })
  for (const isRead of [false, true]) {
    const shard = await DrivenShard.open(await temporaryDirectory(context), [counted])
    const waiting = Array.from({ length: parkedRowsMax }, () => visit(startMs + 1000))
    shard.send(waiting, startMs)
    // A read at a later moment than the arrival of what is still on its way.
    if (isRead) shard.read({ id: 'a' }, startMs + 1000)
    const codes = (arrivalMs: number) =>
      shard
        .send([visit(startMs + 5000)], arrivalMs)
        .flatMap(({ rejections }) => rejections.map(({ code }) => code))
    assert.deepEqual(codes(startMs + 900), ['EVENT_AHEAD'], `read: ${isRead}`)
    assert.deepEqual(codes(startMs + 1000), [])
    await shard.close()
  }
})

test('ids of a source that is idle expire while others are not', async (context) => {
  const schema = { id: t.String(), at: t.Timestamp(), eid: t.String() }
  const dedupe = { by: 'event-id', field: 'eid', horizon: '1d' } as const
  const common = { schema, timestampField: 'at' } as const
  const sources = [
    pushSource({ name: 'identified', ...common, dedupe }),
    pushSource({ name: 'plain', ...common }),
  ]
  const views = sources.map((source) =>
    streamFeatureView({
      name: `of_${source.name}`,
      source,
      entities: [user],
      features: [aggregate('eid', 'count', '1h')],
    }),
  )
  const dir = await temporaryDirectory(context)
  const shard = await DrivenShard.open(dir, views)
  const events = (atMs: number) =>
    Array.from({ length: 50 }, (_, n) => ({ id: `u${n}`, at: BigInt(atMs), eid: `e${n}` }))
  const route = (name: string) => shard.routeOf(name)
  shard.sendAll([{ events: events(startMs), arrivalMs: startMs, route: route('identified') }])
  await shard.checkpoint(startMs)
  for (let day = 2; day < 8; day++) {
    const arrivalMs = startMs + day * dayMs
    shard.sendAll([{ events: events(arrivalMs), arrivalMs, route: route('plain') }])
    await shard.checkpoint(arrivalMs)
  }
  await shard.close()
  const store = await openShardStore(`${dir}/000`, { mapBytes: 2 ** 30 })
  assert.equal(store.idCount, 0)
  await store.close()
})
