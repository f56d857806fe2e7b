import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { expiredKeptMs, parkedRowsMax } from '../../src/base/limits.ts'
import { aggregate, entity, pushSource, streamFeatureView, t } from '../../src/index.ts'
import { openShardStore } from '../../src/persist/shard-store.ts'
import { DrivenShard } from '../helpers/driven-shard.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const hourMs = 3_600_000
const startMs = Date.UTC(2024, 0, 1)

function definitions(leadingEdge: 'latest-event' | 'wall-clock'): readonly unknown[] {
  const user = entity({ name: 'user', joinKeys: { id: t.String() } })
  const source = pushSource({
    name: 'visits',
    schema: { id: t.String(), at: t.Timestamp(), pages: t.Int64() },
    timestampField: 'at',
  })
  return [
    streamFeatureView({
      name: 'visitors',
      source,
      entities: [user],
      leadingEdge,
      features: [aggregate('pages', 'sum', '1h'), aggregate('pages', 'last', '1d')],
    }),
  ]
}

const visit = (id: string, at: number, pages = 1) => ({ id, at: BigInt(at), pages: BigInt(pages) })

async function storedKeys(dir: string): Promise<number> {
  const store = await openShardStore(join(dir, '000'), { mapBytes: 2 ** 30 })
  const { count } = store
  await store.close()
  return count
}

/** More keys than are captured at once, so that a checkpoint goes on while events come. */
const manyIds = Array.from({ length: 700 }, (_, n) => `user ${n}`)

test('a checkpoint holds every key as it was when it began', async (context) => {
  const dir = await temporaryDirectory(context)
  const shard = await DrivenShard.open(dir, definitions('latest-event'))
  const visits = (pages: number) => manyIds.map((id, n) => visit(id, startMs + n, pages + n))
  shard.send(visits(5), startMs + hourMs)
  const checkpoint = shard.checkpoint(startMs + hourMs)
  shard.send(visits(1000), startMs + hourMs)
  assert.equal((await checkpoint)?.keys, manyIds.length)
  manyIds.forEach((id, n) => {
    const pages = BigInt(1000 + n)
    assert.deepEqual(shard.read({ id }, 0).values, [BigInt(5 + n) + pages, pages])
  })
  await shard.close()
  // The power fails: the journal ends where the checkpoint was.
  const again = await DrivenShard.open(dir, definitions('latest-event'))
  manyIds.forEach((id, n) => {
    assert.deepEqual(again.read({ id }, 0).values, [BigInt(5 + n), BigInt(5 + n)])
  })
  await again.close()
})

test('a checkpoint drops no tile because of an event that it does not cover', async (context) => {
  const dir = await temporaryDirectory(context)
  const shard = await DrivenShard.open(dir, definitions('latest-event'))
  const visits = manyIds.map((id) => visit(id, startMs, 5))
  shard.send(visits, startMs + 100 * hourMs)
  const checkpoint = shard.checkpoint(startMs + 100 * hourMs)
  // Behind the checkpoint, and before all was captured, the view moves on by days.
  shard.send([visit('ahead', startMs + 90 * hourMs)], startMs + 100 * hourMs)
  await checkpoint
  await shard.close()
  const again = await DrivenShard.open(dir, definitions('latest-event'))
  for (const id of manyIds) assert.deepEqual(again.read({ id }, 0).values, [5n, 5n])
  assert.equal(again.read({ id: 'ahead' }, 0).entity, 'unseen')
  await again.close()
})

test('a stored key that cannot be read is not taken for one that is unknown', async (context) => {
  const dir = await temporaryDirectory(context)
  const shard = await DrivenShard.open(dir, definitions('latest-event'))
  shard.send([visit('a', startMs)], startMs)
  await shard.checkpoint(startMs)
  await shard.close()
  const store = await openShardStore(join(dir, '000'), { mapBytes: 2 ** 30 })
  const [stored] = store.scan(null, 1)
  stored!.value[0] = 99
  const batches = (async function* () {
    yield [stored!]
  })()
  await store.commit({ batches, header: store.header()!, ready: Promise.resolve(true) })
  await store.close()
  const again = await DrivenShard.open(dir, definitions('latest-event'))
  for (let n = 0; n < 3; n++) {
    assert.throws(() => again.read({ id: 'a' }, 0), { code: 'STORE_FORMAT' })
  }
  assert.equal(again.shard.keys, 0)
  assert.equal(again.read({ id: 'b' }, 0).entity, 'unseen')
  await again.close()
})

test('evicted keys are found, whatever was added while they were stored', async (context) => {
  const dir = await temporaryDirectory(context)
  const shard = await DrivenShard.open(dir, definitions('latest-event'))
  const ids = Array.from({ length: 300 }, (_, n) => `old ${n}`)
  shard.send(
    ids.map((id) => visit(id, startMs)),
    startMs,
  )
  await shard.checkpoint(startMs)
  shard.shard.evict(0)
  assert.equal(shard.shard.keys, 0)
  const checkpoint = shard.checkpoint(startMs)
  shard.send(
    ids.map((_, n) => visit(`new ${n}`, startMs)),
    startMs,
  )
  await checkpoint
  for (const id of ids) assert.deepEqual(shard.read({ id }, 0).values, [1n, 1n])
  shard.send(
    ids.map((id) => visit(id, startMs, 2)),
    startMs,
  )
  for (const id of ids) assert.deepEqual(shard.read({ id }, 0).values, [3n, 2n])
  await shard.close()
})

test('a checkpoint that is given up changes nothing', async (context) => {
  const dir = await temporaryDirectory(context)
  const shard = await DrivenShard.open(dir, definitions('latest-event'))
  shard.send([visit('a', startMs)], startMs)
  assert.equal(await shard.checkpoint(startMs, Promise.resolve(false)), null)
  await shard.close()
  const again = await DrivenShard.open(dir, definitions('latest-event'))
  assert.equal(again.shard.opened.position, 0)
  assert.equal(again.read({ id: 'a' }, 0).entity, 'unseen')
  await again.close()
})

for (const leadingEdge of ['latest-event', 'wall-clock'] as const) {
  test(`${leadingEdge}: a key is expired after its windows, then unseen`, async (context) => {
    const dir = await temporaryDirectory(context)
    const shard = await DrivenShard.open(dir, definitions(leadingEdge))
    /** Moves the edge of the windows to `ms` after the start, and sweeps. */
    const moveTo = async (ms: number): Promise<void> => {
      shard.send([visit('clock', startMs + ms)], startMs + ms)
      await shard.checkpoint(startMs + ms)
    }
    const entityAt = (ms: number) => shard.read({ id: 'a' }, startMs + ms).entity
    shard.send([visit('a', startMs)], startMs)
    await moveTo(23 * hourMs)
    assert.equal(entityAt(23 * hourMs), 'present')
    await moveTo(26 * hourMs)
    assert.equal(entityAt(26 * hourMs), 'expired')
    assert.deepEqual(shard.read({ id: 'a' }, startMs + 26 * hourMs).values, [null, null])
    await moveTo(expiredKeptMs + 23 * hourMs)
    assert.equal(entityAt(expiredKeptMs + 23 * hourMs), 'expired')
    await moveTo(expiredKeptMs + 26 * hourMs)
    assert.equal(entityAt(expiredKeptMs + 26 * hourMs), 'unseen')
    assert.equal(shard.shard.keys, 1)
    await shard.close()
    assert.equal(await storedKeys(dir), 1)
  })
}

test('a checkpoint keeps what was not counted until the ledger has it', async (context) => {
  const dir = await temporaryDirectory(context)
  const shard = await DrivenShard.open(dir, definitions('latest-event'))
  const good = visit('a', startMs)
  const late = visit('a', startMs - 90 * 24 * hourMs)
  const rejected = [[good, late], [late], [good, good, late]].flatMap((events) =>
    shard.send(events, startMs),
  )
  assert.deepEqual(
    rejected.map(({ position, rejections }) => [position, rejections.map(({ index }) => index)]),
    [
      [1, [1]],
      [2, [0]],
      [3, [2]],
    ],
  )
  shard.shard.recordedTo({ upTo: 1, refusedFrom: Infinity })
  shard.shard.applied = 3
  assert.equal((await shard.checkpoint(startMs))?.from, 1)
  await shard.close()

  const again = await DrivenShard.open(dir, definitions('latest-event'))
  const { position, from, recorded, unrecorded } = again.shard.opened
  assert.deepEqual([position, from, recorded], [3, 1, 1])
  assert.deepEqual(unrecorded, rejected.slice(1))
  // It keeps them, whatever happens before they are recorded.
  again.shard.applied = 3
  assert.equal((await again.checkpoint(startMs))?.from, 1)
  again.shard.recordedTo({ upTo: 3, refusedFrom: Infinity })
  assert.equal((await again.checkpoint(startMs))?.from, 3)
  await again.close()
})

test('a key is kept while a tile that it is in is served', async (context) => {
  const dir = await temporaryDirectory(context)
  const [visits] = definitions('wall-clock') as [ReturnType<typeof streamFeatureView>]
  const monthMs = 30 * 24 * hourMs
  const monthly = streamFeatureView({
    name: 'monthly',
    source: visits.source,
    entities: visits.entities,
    mode: 'interval',
    aggregationInterval: '30d',
    features: [aggregate('pages', 'sum', '30d')],
  } as never)
  const shard = await DrivenShard.open(dir, [monthly])
  const firstMs = Math.ceil(startMs / monthMs) * monthMs
  const lastMs = firstMs + 2 * monthMs - 1
  shard.send([visit('a', firstMs)], firstMs)
  // What is swept was stored before.
  await shard.checkpoint(firstMs)
  await shard.checkpoint(lastMs)
  assert.deepEqual(shard.read({ id: 'a' }, lastMs).values, [1n])
  await shard.checkpoint(lastMs + expiredKeptMs + 2)
  assert.equal(shard.read({ id: 'a' }, lastMs + expiredKeptMs + 2).entity, 'unseen')
  await shard.close()
})

test('keys that roll are swept from memory and from disk', async (context) => {
  const dir = await temporaryDirectory(context)
  const shard = await DrivenShard.open(dir, definitions('latest-event'))
  const stepMs = 12 * hourMs
  let keysMax = 0
  for (let n = 0; n < 60; n++) {
    const at = startMs + n * stepMs
    const events = Array.from({ length: 100 }, (_, i) => visit(`${n} ${i}`, at))
    shard.send(events, at)
    if (n % 3 === 0) shard.shard.evict(0)
    await shard.checkpoint(at)
    keysMax = Math.max(keysMax, shard.shard.keys)
  }
  // Seven days and the longest window, in steps of half a day, and what is swept a step later.
  const keptMax = ((expiredKeptMs + 26 * hourMs) / stepMs + 2) * 100
  assert.ok(keysMax <= keptMax, `${keysMax} keys in memory`)
  await shard.close()
  const stored = await storedKeys(dir)
  assert.ok(stored <= keptMax, `${stored} keys stored`)
})

test('beyond a number of rows that wait for their time, no more events wait', async (context) => {
  const dir = await temporaryDirectory(context)
  const rowsOfEvent = 1000
  const source = pushSource({
    name: 'bookings',
    schema: { id: t.String(), at: t.Timestamp(), nights: t.Int64() },
  })
  const view = streamFeatureView({
    name: 'nights',
    source,
    entities: [entity({ name: 'user', joinKeys: { id: t.String() } })],
    features: [aggregate('nights', 'count', '1h')],
    transform: (event) => Array.from({ length: 1000 }, () => event),
  })
  const booking = (at: number) => ({ id: 'a', at: BigInt(at), nights: 1n })
  const countOf = (shard: DrivenShard, at: number) => shard.read({ id: 'a' }, at).values[0]
  const open = () => DrivenShard.open(dir, [view])
  const soon = startMs + 1000
  const shard = await open()
  const full = Array.from({ length: parkedRowsMax / rowsOfEvent }, (_, n) => booking(soon + n))
  assert.deepEqual(shard.send(full.slice(1), startMs), [])
  assert.deepEqual(shard.send(full.slice(0, 1), startMs), [])
  const codes = (of: DrivenShard, at: number, arrivalMs: number) =>
    of.send([booking(at), booking(arrivalMs)], arrivalMs).flatMap(({ rejections }) => rejections)
  const [rejected, ...others] = codes(shard, soon, startMs)
  assert.deepEqual(others, [])
  assert.equal(rejected?.code, 'EVENT_AHEAD')
  assert.equal(
    rejected.message,
    'event time is 1000 ms ahead of the server, where 100000 rows wait for their time already',
  )
  assert.equal(countOf(shard, startMs), BigInt(rowsOfEvent))
  await shard.checkpoint(startMs)
  await shard.close()

  // They wait through a restart, and leave when their time comes, which a read does not change.
  const again = await open()
  assert.equal(codes(again, soon, startMs + 1)[0]?.code, 'EVENT_AHEAD')
  assert.equal(countOf(again, soon), BigInt(3 * rowsOfEvent))
  assert.deepEqual(codes(again, soon + 60_000, soon), [])
  assert.equal(countOf(again, soon), BigInt(4 * rowsOfEvent))
  assert.equal(countOf(again, soon + 1), BigInt(5 * rowsOfEvent))
  await again.close()
})
