/**
 * Queries over HTTP and WebSocket: all that is known of a part of a key.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { queryRowsMax } from '../../src/base/limits.ts'
import * as places from '../fixtures/places.ts'
import { connect, startDaemon, temporaryDir } from '../helpers/daemons.ts'

const { byBoth, byUser, orders, shops, visits } = places
const features = Object.values(places)

const at = (): Date => new Date(systemClock.nowMs() - 60_000)

async function setUp(t: TestContext) {
  const dataDir = await temporaryDir(t)
  const options = { features, dataDir, port: 0, threads: 2 }
  const daemon = await startDaemon(t, options)
  const client = connect(t, daemon.url)
  await client.publish(visits, [
    { user_id: 1, shop: 'b', at: at(), spent: 3 },
    { user_id: 1, shop: 'a', at: at(), spent: 5 },
    { user_id: 2, shop: 'a', at: at(), spent: 7 },
    { user_id: 1, shop: 'é', at: at(), spent: 1 },
  ])
  return { daemon, client, options }
}

test('a query finds what is known of a part of a key, in order', async (t) => {
  const { daemon, client } = await setUp(t)
  const found = await client.query(byBoth, { user_id: 1 })
  assert.deepEqual(
    found.map(({ key, values }) => [{ ...key }, values]),
    [
      [{ shop: 'a', user_id: 1n }, { spent: 5n }],
      [{ shop: 'b', user_id: 1n }, { spent: 3n }],
      [{ shop: 'é', user_id: 1n }, { spent: 1n }],
    ],
  )
  assert.deepEqual(await client.query(byBoth, { user_id: 3 }), [])
  const { statusCode, body } = await daemon.http.inject('/v1/features/by_both/query?user_id=2')
  assert.equal(statusCode, 200)
  const { rows } = JSON.parse(body) as { rows: { key: unknown; values: unknown }[] }
  assert.deepEqual(
    rows.map(({ key, values }) => [key, values]),
    [[{ shop: 'a', user_id: '2' }, { spent: '7' }]],
  )
})

test('a query of a service finds what any of its views knows', async (t) => {
  const { daemon, client } = await setUp(t)
  await client.publish(orders, [
    { user_id: 1, shop: 'c', at: at() },
    { user_id: 1, shop: 'b', at: at() },
  ])
  const found = await client.query(shops, { buyer: 1, user_id: 2 })
  assert.deepEqual(
    found.map(({ key, values }) => [key['shop'], ...Object.values(values)]),
    [
      ['a', 7n, null, 5n, 9n],
      ['b', 7n, 1n, 3n, 9n],
      ['c', 7n, 1n, null, 9n],
      ['é', 7n, null, 1n, 9n],
    ],
  )
  const { body } = await daemon.http.inject({
    method: 'POST',
    url: '/v1/features/shops/query',
    payload: { key: { buyer: '2', user_id: 1 } },
  })
  const { rows } = JSON.parse(body) as { rows: { key: unknown }[] }
  assert.deepEqual(
    rows.map(({ key }) => key),
    [{ user_id: '1', shop: 'a', buyer: '2' }],
  )
})

test('a query finds the same after a restart', async (t) => {
  const { daemon, client, options } = await setUp(t)
  const before = await client.query(byBoth, { user_id: 1 })
  await client.close()
  await daemon.drain()
  const again = await startDaemon(t, options)
  const now = await again.query(byBoth, { user_id: 1 })
  assert.deepEqual(
    now.map(({ key, values }) => [key, values]),
    before.map(({ key, values }) => [key, values]),
  )
})

test('what a query cannot be is refused', async (t) => {
  const { daemon, client } = await setUp(t)
  await assert.rejects(client.query(byUser, {}), {
    code: 'KEY_NOT_INDEXED',
    message: '"by_user" has no onlineServingIndex by which a part of a key is found',
  })
  await assert.rejects(client.query('by_both', { shop: 'a' }), {
    code: 'KEY_INVALID',
    message: 'join key "shop": not a join key of this query, which takes user_id',
  })
  await assert.rejects(client.query('by_both', {}), { message: 'join key "user_id": missing' })
  await assert.rejects(client.query('none', {}), { code: 'FEATURES_UNKNOWN' })
  for (const payload of [{}, { key: 1 }, { keys: [] }, { key: { user_id: 1 }, requests: [] }]) {
    const { statusCode } = await daemon.http.inject({
      method: 'POST',
      url: '/v1/features/by_both/query',
      payload,
    })
    assert.equal(statusCode, 400)
  }
  const { statusCode } = await daemon.http.inject({
    method: 'GET',
    url: '/v1/features/by_both/query?user_id=1&user_id=2',
  })
  assert.equal(statusCode, 400)
})

test('a query of more keys than an answer may have is refused', async (t) => {
  const { client } = await setUp(t)
  const many = Array.from({ length: queryRowsMax }, (_, n) => {
    return { user_id: 9, shop: `shop ${n}`, at: at(), spent: 1 }
  })
  await client.publish(visits, many)
  assert.equal((await client.query(byBoth, { user_id: 9 })).length, queryRowsMax)
  await client.publish(visits, { user_id: 9, shop: 'one more', at: at(), spent: 1 })
  await assert.rejects(client.query(byBoth, { user_id: 9 }), {
    code: 'TOO_MANY_ROWS',
    message: `more than ${queryRowsMax} keys are known for this query`,
  })
})
