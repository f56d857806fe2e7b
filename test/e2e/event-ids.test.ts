/**
 * A source whose events have ids, through a daemon: two producers that push the same events, two
 * ways of every event, restarts, and the ledger.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import { aggregate, entity, pushSource, streamFeatureView, t as type } from '../../src/index.ts'
import { connect, startDaemon, temporaryDir } from '../helpers/daemons.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)
const hourMs = 3_600_000

const orders = pushSource({
  name: 'orders',
  schema: {
    order: type.String(),
    user: type.String(),
    shop: type.String(),
    at: type.Timestamp(),
  },
  dedupe: { by: 'event-id', field: 'order', horizon: '1h' },
})
const byUser = streamFeatureView({
  name: 'by_user',
  source: orders,
  entities: [entity({ name: 'user', joinKeys: { user: type.String() } })],
  features: [aggregate('order', 'count', '1d', { name: 'orders' })],
})
const byShop = streamFeatureView({
  name: 'by_shop',
  source: orders,
  entities: [entity({ name: 'shop', joinKeys: { shop: type.String() } })],
  features: [aggregate('order', 'count', '1d', { name: 'orders' })],
})
const features = [byUser, byShop]

const order = (n: number, change: { user?: string; shop?: string; at?: number } = {}) => ({
  order: `order ${n}`,
  user: `user ${n % 7}`,
  shop: `shop ${n % 3}`,
  at: noonMs - 1000,
  ...change,
})
const many = (count: number) => Array.from({ length: count }, (_, n) => order(n))

/** Orders by user and by shop. */
async function counts(daemon: Millrace): Promise<[bigint, bigint]> {
  const users = Array.from({ length: 7 }, (_, n) => ({ user: `user ${n}` }))
  const shops = Array.from({ length: 3 }, (_, n) => ({ shop: `shop ${n}` }))
  const sum = (vectors: readonly { readonly values: { readonly orders: bigint | null } }[]) =>
    vectors.reduce((all, { values }) => all + (values.orders ?? 0n), 0n)
  return [sum(await daemon.get(byUser, users)), sum(await daemon.get(byShop, shops))]
}

test('events that two producers push count once, before and after a restart', async (t) => {
  const clock = new ManualClock(noonMs)
  const same = { features, clock, dataDir: await temporaryDir(t) }
  const daemon = await startDaemon(t, same)
  const first = connect(t, daemon.url, 'first')
  const second = connect(t, daemon.url, 'second')
  const all = many(2000)
  const receipts = await Promise.all([
    ...[0, 500, 1000, 1500].map((from) => first.publish(orders, all.slice(from, from + 500))),
    second.publish(orders, all.slice(1000)),
  ])
  for (const { accepted, rejected } of receipts) assert.ok(accepted > 0 && rejected.length === 0)
  assert.equal(first.duplicates + second.duplicates, 1000)
  assert.deepEqual(await counts(daemon), [2000n, 2000n])
  await daemon.drain()

  clock.advance(hourMs / 2)
  const again = await startDaemon(t, same)
  const third = connect(t, again.url, 'third')
  await third.publish(orders, [...all, ...many(2001).slice(1999)])
  assert.equal(third.duplicates, 2001, 'all but the one that is new')
  assert.deepEqual(await counts(again), [2001n, 2001n])
  // Closed without a checkpoint, it finds in its journal what it has not stored.
  await again.close()
  const last = await startDaemon(t, same)
  await connect(t, last.url, 'fourth').publish(orders, many(2001))
  assert.deepEqual(await counts(last), [2001n, 2001n])
  // Beyond the horizon it is another event, in every view.
  clock.advance(hourMs / 2 + 1)
  const fifth = connect(t, last.url, 'fifth')
  await fifth.publish(orders, [order(1), order(2000), order(1)])
  assert.equal(fifth.duplicates, 2)
  assert.deepEqual(await counts(last), [2002n, 2002n])
})

test('an id is one event within each entity key', async (t) => {
  const daemon = await startDaemon(t, { features, clock: new ManualClock(noonMs) })
  const client = connect(t, daemon.url)
  await client.publish(orders, [order(1), order(1, { user: 'user 2' })])
  // For the shop it is the order that it has; for the other user it is one.
  assert.equal(client.duplicates, 1)
  assert.deepEqual(await counts(daemon), [2n, 1n])
})

test('a rejected event takes no id, so that its correction, or its replay, counts', async (t) => {
  const clock = new ManualClock(noonMs)
  const daemon = await startDaemon(t, { features, clock })
  const client = connect(t, daemon.url)
  const late = order(1, { at: noonMs - 48 * hourMs })
  const receipt = await client.publish(orders, [
    late,
    order(1),
    order(1),
    order(2, { at: noonMs + hourMs }),
    { ...order(3), order: '' },
  ])
  assert.deepEqual(
    receipt.rejected.map(({ index, code, path }) => [index, code, path]),
    [
      [0, 'EVENT_TOO_LATE', '/at'],
      [3, 'EVENT_IN_FUTURE', '/at'],
      [4, 'EVENT_ID', '/order'],
    ],
  )
  assert.equal(client.duplicates, 1)
  assert.deepEqual(await counts(daemon), [1n, 1n])
  clock.advance(hourMs)
  const replay = async () => {
    const body = JSON.stringify({ code: 'EVENT_IN_FUTURE' })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${daemon.url}/v1/ledger/replay`, {
      method: 'POST',
      headers,
      body,
    })
    return (await response.json()) as { accepted: number }
  }
  assert.equal((await replay()).accepted, 1)
  assert.deepEqual(await counts(daemon), [2n, 2n])
  await client.publish(orders, order(2))
  assert.equal(client.duplicates, 2)
})
