/**
 * The offline log of a daemon: which events are in its files, whatever happens to the daemon.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { aggregate, entity, pushSource, streamFeatureView, t as type } from '../../src/index.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import { startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { offlinePaths, queryOffline } from '../helpers/offline-rows.ts'
import { randomNumbers } from '../helpers/random.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)
const dayMs = 86_400_000

const orders = pushSource({
  name: 'orders',
  offline: true,
  schema: {
    order: type.String(),
    user: type.String(),
    shop: type.String(),
    at: type.Timestamp(),
    amount: type.Int64(),
  },
  dedupe: { by: 'event-id', field: 'order', horizon: '1h' },
})
const byUser = streamFeatureView({
  name: 'by_user',
  source: orders,
  entities: [entity({ name: 'user', joinKeys: { user: type.String() } })],
  features: [aggregate('amount', 'sum', '1d')],
})
const byShop = streamFeatureView({
  name: 'by_shop',
  source: orders,
  entities: [entity({ name: 'shop', joinKeys: { shop: type.String() } })],
  features: [aggregate('amount', 'sum', '7d')],
})
const features = [byUser, byShop]

const order = (order: string, more: object = {}) => ({
  order,
  user: 'u1',
  shop: 's1',
  at: noonMs - 1000,
  amount: 9_007_199_254_740_993n,
  ...more,
})

test('what counted is in the log once, with where it came from; what did not is not', async (t) => {
  const clock = new ManualClock(noonMs)
  const dataDir = await temporaryDir(t)
  const same = { features, clock, dataDir }
  const dir = join(dataDir, 'offline')
  const first = await startDaemon(t, same)
  const receipt = await first.ingest('orders', [
    order('a'),
    order('b', { amount: 'much' }),
    order('c', { at: noonMs - 3 * dayMs }),
    order('d', { at: noonMs - 30 * dayMs }),
    order('a', { amount: 1n }),
    // Of another shop, so it counts there.
    order('a', { shop: 's2' }),
  ])
  assert.equal(receipt.accepted, 4)
  await first.writeOffline()
  const told =
    'SELECT "order", shop, amount, _millrace_sequence AS n, source, day FROM log ORDER BY n'
  const expected = [
    { order: 'a', shop: 's1', amount: '9007199254740993', n: '0' },
    { order: 'c', shop: 's1', amount: '9007199254740993', n: '2' },
    { order: 'a', shop: 's2', amount: '9007199254740993', n: '5' },
  ].map((row) => ({ ...row, source: 'orders', day: '2026-03-01' }))
  assert.deepEqual(await queryOffline(dir, told), expected)
  clock.advance(dayMs / 2)
  await first.ingest('orders', [order('e'), order('a', { at: noonMs })])
  await first.close()

  const second = await startDaemon(t, same)
  await second.writeOffline()
  await second.writeOffline()
  const later = 'SELECT "order", day FROM log WHERE day > \'2026-03-01\' ORDER BY 1'
  assert.deepEqual(await queryOffline(dir, later), [
    { order: 'a', day: '2026-03-02' },
    { order: 'e', day: '2026-03-02' },
  ])
  assert.equal((await offlinePaths(dir)).length, 2)
  const { body } = await second.http.inject('/v1/status')
  const { offline } = JSON.parse(body) as { offline: Record<string, unknown> }
  assert.deepEqual(
    { ...offline, exported: 0, behindBytes: 0 },
    {
      sources: ['orders'],
      exported: 0,
      behindBytes: 0,
      rows: 5,
      unreadable: 0,
      gaps: [],
      failure: null,
    },
  )
})

/** What may be the matter with an event. */
const fates = ['fine', 'fine', 'partial', 'rejected', 'late', 'duplicate', 'other shop'] as const

/**
 * Random orders, some of them wrong, too late or duplicates, each with the row that it has to be.
 *
 * @param counted  Ids that both views have counted, to which new ones are added.
 */
function randomOrders(random: (below: number) => number, count: number, counted: string[]) {
  return Array.from({ length: count }, () => {
    const drawn = fates[random(fates.length)]!
    const isAgain = drawn === 'duplicate' || drawn === 'other shop'
    const fate = isAgain && counted.length === 0 ? 'fine' : drawn
    const id = fate === drawn && isAgain ? counted[random(counted.length)]! : `o${random(1e9)}`
    if (fate === 'fine') counted.push(id)
    const shop = fate === 'other shop' ? `s${random(1e9)}` : 's1'
    const days = fate === 'partial' ? 3 : fate === 'late' ? 40 : 0
    const amount = fate === 'rejected' ? 'much' : BigInt(random(1000))
    const isRow = fate === 'fine' || fate === 'partial' || fate === 'other shop'
    const event = order(id, { shop, at: noonMs - days * dayMs - random(1000), amount })
    return { event, row: isRow ? `${id} ${shop} ${amount}` : null }
  })
}

test('whatever happens to the daemon, the rows are the events that count', async (t) => {
  for (const seed of [5, 8]) {
    const numbers = randomNumbers(seed)
    const random = (below: number): number => Math.floor(numbers() * below)
    const clock = new ManualClock(noonMs)
    const same = { features, clock, dataDir: await temporaryDir(t), checkpointMs: 3_600_000 }
    const counted: string[] = []
    const rows: string[] = []
    let daemon: Millrace | null = null
    for (let step = 0; step < 9; step++) {
      daemon ??= await startDaemon(t, same)
      const orders = randomOrders(random, 1 + random(40), counted)
      await daemon.ingest(
        'orders',
        orders.map(({ event }) => event),
      )
      rows.push(...orders.flatMap(({ row }) => row ?? []))
      clock.advance(random(300_000))
      const what = random(5)
      if (what === 0) await daemon.checkpoint()
      if (what === 1) await daemon.writeOffline()
      if (what < 2) continue
      // Ends an export that is under way, by a kill.
      const writing = daemon.writeOffline().catch(() => undefined)
      await (what === 2 ? daemon.drain() : daemon.close())
      await writing
      daemon = null
    }
    daemon ??= await startDaemon(t, same)
    await daemon.writeOffline()
    const told = `SELECT "order" || ' ' || shop || ' ' || amount AS row FROM log`
    const found = await queryOffline(join(same.dataDir, 'offline'), told)
    assert.equal(found.length, rows.length, `seed ${seed}`)
    assert.deepEqual(new Set(found.map(({ row }) => row)), new Set(rows), `seed ${seed}`)
    await daemon.close()
  }
})
