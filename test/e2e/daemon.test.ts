/**
 * The daemon as a whole: events in over WebSocket, features out over WebSocket and HTTP.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import type { MillraceClient } from '../../src/client/client.ts'
import { startMillrace } from '../../src/daemon/start.ts'
import { carts, cartItems } from '../fixtures/carts.ts'
import {
  audit,
  orders,
  profile,
  storeOrders,
  userOrders,
  userStoreOrders,
} from '../fixtures/orders.ts'
import { cartsFile, connect, readHttp, startDaemon, temporaryDir } from '../helpers/daemons.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const noonMs = Date.UTC(2026, 2, 1, 12)

/** Publishes one order and expects it to be counted. */
async function order(
  client: MillraceClient,
  [user_id, store]: readonly [number, string],
  atMs: number,
  amount: number | bigint | null = 1,
): Promise<void> {
  const receipt = await client.publish(orders, { user_id, store, at: atMs, amount })
  assert.deepEqual(receipt.rejected, [])
}

test('a read right after a receipt sees its events, whichever way it comes', async (t) => {
  const clock = new ManualClock(noonMs)
  const daemon = await startDaemon(t, { clock })
  const client = connect(t, daemon.url)
  for (let n = 1; n <= 60; n++) {
    await order(client, [n % 3, `s${n % 2}`], noonMs - n)
    const count = BigInt(Math.floor((n + 3 - (n % 3)) / 3) - (n % 3 === 0 ? 1 : 0))
    const byStore = BigInt(Math.ceil(n / 2))
    const [overSocket, overHttp, inside] = await Promise.all([
      client.get(userOrders, { user_id: n % 3 }),
      readHttp(daemon.url, 'store_orders', { store: `s${n % 2}` }),
      daemon.get(userOrders, { user_id: n % 3 }),
    ])
    assert.equal(overSocket.values['orders_1h'], count, `user after ${n}`)
    assert.equal(inside.values['orders_1h'], count)
    assert.equal(overHttp[0]!.values['orders_1h'], String(byStore), `store after ${n}`)
  }
  const { statusCode, body } = await daemon.http.inject('/v1/features/store_orders?store=s1')
  const { rows } = JSON.parse(body) as { rows: { values: object }[] }
  assert.deepEqual([statusCode, Object.entries(rows[0]!.values)[0]], [200, ['orders_1h', '30']])
})

test('an event counts once in every view of its source, and a service joins them', async (t) => {
  const daemon = await startDaemon(t, { clock: new ManualClock(noonMs) })
  const client = connect(t, daemon.url)
  await order(client, [1, 'a'], noonMs - 3000, 10)
  await order(client, [1, 'b'], noonMs - 2000, 20)
  await order(client, [2, 'a'], noonMs - 1000, 40)
  const [first, second] = await client.get(profile, [
    { user_id: 1, store: 'a' },
    { user_id: 2, store: 'b' },
  ])
  assert.deepEqual(first!.values, {
    'user_store_orders.amount_30d': 10n,
    'user_orders.orders_1h': 2n,
    'user_orders.last_at': BigInt(noonMs - 2000) * 1_000_000n,
    'store_orders.orders_1h': 2n,
    'store_orders.last_user': 2n,
  })
  const [amount, ...others] = Object.values(second!.states)
  assert.deepEqual([amount, new Set(others)], ['unseen', new Set(['present'])])
  assert.equal(second!.values['user_orders.orders_1h'], 1n)
  assert.equal(second!.values['store_orders.last_user'], 1n)
  const many = await daemon.get(userStoreOrders, [{ user_id: 1, store: 'b' }])
  assert.equal(many[0]!.values['amount_30d'], 20n)
})

test('a wall-clock window ends now, a latest-event window where the stream has come', async (t) => {
  const clock = new ManualClock(noonMs)
  const daemon = await startDaemon(t, { clock })
  const client = connect(t, daemon.url)
  await order(client, [1, 'a'], noonMs - 1)
  clock.advance(2 * hourMs)
  const [byUser] = await readHttp(daemon.url, 'user_orders', { user_id: 1 })
  assert.equal(byUser!.states['orders_1h'], 'empty')
  assert.equal(byUser!.values['orders_30d'], '1')
  assert.equal(byUser!.freshness['user_orders']!.edge, '2026-03-01T14:00:00Z')
  const byStore = async () => (await readHttp(daemon.url, 'store_orders', { store: 'a' }))[0]!
  assert.equal((await byStore()).values['orders_1h'], '1')
  assert.equal((await byStore()).freshness['store_orders']!.edge, '2026-03-01T11:59:59.999Z')
  await order(client, [2, 'b'], noonMs + 2 * hourMs)
  assert.equal((await byStore()).states['orders_1h'], 'expired')
  assert.equal((await byStore()).freshness['store_orders']!.edge, '2026-03-01T14:00:00Z')
})

test('an event ahead of the clock counts when its time has come', async (t) => {
  const clock = new ManualClock(noonMs)
  const daemon = await startDaemon(t, { clock })
  const client = connect(t, daemon.url)
  await order(client, [1, 'a'], noonMs + 60_000)
  const state = async () => (await client.get(userOrders, { user_id: 1 })).states
  assert.equal((await state())['orders_1h'], 'unseen')
  clock.advance(60_000)
  assert.equal((await state())['orders_1h'], 'present')
})

test('a value tells why it is what it is', async (t) => {
  const clock = new ManualClock(noonMs)
  const daemon = await startDaemon(t, { clock })
  const client = connect(t, daemon.url)
  await order(client, [1, 'a'], noonMs - 5, null)
  const states = async (user_id: number) =>
    (await readHttp(daemon.url, 'user_orders', { user_id }))[0]!
  assert.equal((await states(1)).states['amount_1h'], 'null')
  assert.equal((await states(1)).values['amount_1h'], null)
  assert.equal((await states(1)).states['orders_1h'], 'present')
  assert.equal((await states(2)).states['orders_1h'], 'unseen')
  clock.advance(2 * hourMs)
  assert.equal((await states(1)).states['orders_1h'], 'empty')
  clock.advance(32 * dayMs)
  assert.equal((await states(1)).states['orders_30d'], 'expired')
  assert.equal((await states(1)).values['orders_30d'], null)
})

test('a sum beyond 64 bits is no value, and its state says so on every way', async (t) => {
  const daemon = await startDaemon(t, { clock: new ManualClock(noonMs) })
  const client = connect(t, daemon.url)
  await order(client, [1, 'a'], noonMs - 2, 2n ** 63n - 1n)
  await order(client, [1, 'a'], noonMs - 1, 1n)
  const answers = [
    await client.get(userOrders, { user_id: 1 }),
    await daemon.get(userOrders, { user_id: 1 }),
    (await readHttp(daemon.url, 'user_orders', { user_id: 1 }))[0]!,
  ]
  for (const { values, states } of answers) {
    assert.deepEqual([values['amount_1h'], states['amount_1h']], [null, 'overflow'])
    assert.equal(String(values['last_amount']), '1')
    assert.equal(states['last_amount'], 'present')
  }
  await order(client, [1, 'a'], noonMs, -1n)
  assert.equal((await client.get(userOrders, { user_id: 1 })).values['amount_1h'], 2n ** 63n - 1n)
})

test('64-bit integers and nanoseconds are exact from end to end', async (t) => {
  const daemon = await startDaemon(t, { clock: new ManualClock(noonMs) })
  const client = connect(t, daemon.url)
  const [large, nearMax] = [9_007_199_254_740_993n, 2n ** 63n - 1n]
  const at = '2026-03-01T11:59:59.123456789Z'
  const atNs = BigInt(Date.UTC(2026, 2, 1, 11, 59, 59)) * 1_000_000n + 123_456_789n
  await client.publish(orders, { user_id: nearMax, store: 'a', at, amount: large })
  await client.publish(orders, { user_id: nearMax, store: 'a', at: noonMs - 5000, amount: large })
  const { values } = await client.get(userOrders, { user_id: nearMax })
  assert.equal(values['amount_1h'], 2n * large)
  assert.equal(values['last_amount'], large)
  assert.equal(values['last_at'], atNs)
  const url = `${daemon.url}/v1/features/user_orders?user_id=${nearMax}`
  const { rows } = (await (await fetch(url)).json()) as {
    rows: { key: object; values: Record<string, unknown>; freshness: Record<string, object> }[]
  }
  assert.deepEqual(rows[0]!.key, { user_id: String(nearMax) })
  assert.equal(rows[0]!.values['amount_1h'], '18014398509481986')
  assert.equal(rows[0]!.values['last_at'], at)
  assert.equal((rows[0]!.freshness['user_orders'] as { newest: string }).newest, at)
  const byStore = await client.get(storeOrders, { store: 'a' })
  assert.equal(byStore.values['last_user'], nearMax)
})

test('what no view serves is checked and receipted all the same', async (t) => {
  const daemon = await startDaemon(t, { clock: new ManualClock(noonMs) })
  const client = connect(t, daemon.url)
  await assert.rejects(client.get('archive', { user_id: 1 }), { code: 'VIEW_NOT_ONLINE' })
  const response = await fetch(`${daemon.url}/v1/features/archive?user_id=1`)
  assert.equal(response.status, 404)
  const receipt = await client.publish('audit', [
    { who: 'x', at: noonMs },
    { who: 5, at: noonMs },
    { who: 'y', at: noonMs },
    { at: noonMs },
  ])
  assert.equal(receipt.accepted, 2)
  assert.deepEqual(
    receipt.rejected.map(({ index, code, path }) => [index, code, path]),
    [
      [1, 'EVENT_FIELD_TYPE', '/who'],
      [3, 'EVENT_FIELD_MISSING', '/who'],
    ],
  )
  assert.equal((await client.publish(audit, { who: 'z', at: noonMs })).accepted, 1)
})

test('a transform makes rows, none, or rejects its event', async (t) => {
  const options = {
    features: cartsFile,
    clock: new ManualClock(noonMs),
    dataDir: await temporaryDir(t),
  }
  const daemon = await startDaemon(t, options)
  const client = connect(t, daemon.url)
  const event = (...counts: number[]) => ({
    cart: 'c1',
    at: noonMs - 1,
    items: counts.map((count) => ({ sku: 's', count })),
  })
  const receipt = await client.publish(carts, [event(1, 2, 3), event(), event(4, -1), event(10)])
  assert.equal(receipt.accepted, 3)
  assert.deepEqual(
    receipt.rejected.map(({ index, code }) => [index, code]),
    [[2, 'TRANSFORM_FAILED']],
  )
  assert.match(receipt.rejected[0]!.message, /a negative count/)
  const { values } = await client.get(cartItems, { cart: 'c1' })
  assert.deepEqual(values, { items_1h: 4n, count_1h: 16n })
  await daemon.close()
  const again = await startDaemon(t, options)
  assert.deepEqual((await again.get(cartItems, { cart: 'c1' })).values, values)
})

test('a transform in definitions that are not in a file is refused', async (t) => {
  const start = startMillrace({ features: [carts, cartItems], dataDir: await temporaryDir(t) })
  await assert.rejects(start, { code: 'DEFINITION_INVALID' })
})
