/**
 * Realtime views and views under other names and keys, over HTTP and WebSocket; and functions that
 * do not what they should.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { createClient, type FeatureVector } from '../../src/index.ts'
import { check, deed, orders, spending, transfer } from '../fixtures/transfers.ts'
import { connect, startDaemon } from '../helpers/daemons.ts'
import { root } from '../helpers/repository.ts'

const features = join(root, 'test/fixtures/transfers.ts')

async function setUp(t: TestContext) {
  const daemon = await startDaemon(t, { features, port: 0 })
  const client = connect(t, daemon.url)
  const at = new Date(systemClock.nowMs() - 60_000)
  const tags = { a: 1, b: 2 }
  await client.publish(orders, [
    { user_id: 1, at, amount: 100, tags },
    { user_id: 1, at, amount: 60, tags },
    { user_id: 2, at, amount: 5, tags: {} },
  ])
  return { daemon, client }
}

test('a view stands in a service twice, by the keys of sender and receiver', async (t) => {
  const { client } = await setUp(t)
  const keys = [
    { sender_id: 1, receiver_id: 2 },
    { sender_id: 2, receiver_id: 1 },
    { sender_id: 3, receiver_id: 3 },
  ]
  const requestData = keys.map((_, n) => ({ amount: n, deed: 'row' }))
  const vectors = await client.get(transfer, keys, { requestData })
  assert.deepEqual(
    vectors.map(({ values }) => [
      values['sender.sum'],
      values['spending.sum'],
      values['spending.count'],
      values['check.left'],
      values['check.known'],
      values['deed.value'],
    ]),
    [
      [160n, 5n, 1n, 160n, { sender: true, receiver: true }, 7n],
      [5n, 160n, 2n, 4n, { sender: true, receiver: true }, 7n],
      [null, null, null, -2n, { sender: false, receiver: false }, 7n],
    ],
  )
  assert.deepEqual(Object.keys(vectors[0]!.values), [
    'check.left',
    'check.known',
    'sender.sum',
    'spending.sum',
    'spending.count',
    'deed.value',
  ])
  assert.deepEqual((await client.get(spending, { user_id: 1 })).values, { sum: 160n, count: 2n })
})

test('a realtime view is read by its own name, over both doors', async (t) => {
  const { daemon, client } = await setUp(t)
  const key = { sender_id: 1, receiver_id: 3 }
  const { values, states, newest } = await client.get(check, key, {
    requestData: [{ amount: 2 ** 40 }],
  })
  assert.deepEqual(
    { ...values, tags: Object.fromEntries(Object.entries(values.tags!)) },
    {
      share: 2 ** 40 / 160,
      left: 160n - 2n ** 40n,
      note: null,
      tags: { a: 1n, b: 2n },
      known: { sender: true, receiver: false },
    },
  )
  assert.equal(states.note, 'null')
  assert.equal(states.left, 'present')
  assert.equal(newest.left, null)
  const { statusCode, body } = await daemon.http.inject({
    method: 'POST',
    url: '/v1/features/check',
    payload: {
      keys: [{ sender_id: '1', receiver_id: 3 }],
      requests: [{ amount: '40', note: 'for you' }],
    },
  })
  assert.equal(statusCode, 200)
  const { rows } = JSON.parse(body) as { rows: Record<string, unknown>[] }
  assert.deepEqual(rows, [
    {
      key: { sender_id: '1', receiver_id: 3 },
      values: {
        share: 0.25,
        left: '120',
        note: 'for you',
        tags: { a: '1', b: '2' },
        known: { sender: true, receiver: false },
      },
      states: {
        share: 'present',
        left: 'present',
        note: 'present',
        tags: 'present',
        known: 'present',
      },
      freshness: {},
    },
  ])
})

test('a function that does not what it should fails for its own key', async (t) => {
  const { daemon, client } = await setUp(t)
  const deeds = ['row', 'nothing', 'throw', 'number', 'text', 'none', 'list', 'promise']
  const keys = deeds.map((_, n) => ({ sender_id: 1, receiver_id: n }))
  const requestData = deeds.map((each) => ({ amount: 1, deed: each }))
  const vectors = await client.get(transfer, keys, { requestData })
  assert.deepEqual(
    vectors.map((vector) => outcomeOf(vector)),
    [
      ['present', undefined],
      ['null', undefined],
      ['failed', 'it was asked to'],
      ['present', undefined],
      ['failed', 'row/value: expected Int64, got string'],
      ['failed', 'row/value: required field is missing'],
      ['failed', 'row: expected a row or null, got array'],
      ['failed', 'it returned a promise, and a realtime view is a plain function'],
    ],
  )
  for (const { values } of vectors) assert.equal(values['check.left'], 159n)
  const { body } = await daemon.http.inject({
    method: 'POST',
    url: '/v1/features/deed',
    payload: { keys: [{}, {}], requests: [{ deed: 'throw' }, { deed: 'row' }] },
  })
  const { rows } = JSON.parse(body) as { rows: Record<string, unknown>[] }
  assert.deepEqual(rows, [
    {
      key: {},
      values: { value: null },
      states: { value: 'failed' },
      freshness: {},
      failures: { deed: 'it was asked to' },
    },
    { key: {}, values: { value: '7' }, states: { value: 'present' }, freshness: {} },
  ])
})

test('a function that hangs, ends its thread or takes all memory ends nothing else', async (t) => {
  const { daemon } = await setUp(t)
  // Threads that were lost have to load the file again, which takes long on a busy machine.
  const client = createClient({ url: daemon.url, readTimeoutMs: 120_000 })
  t.after(() => client.close())
  const ask = (what: string) => client.get(deed, {}, { requestData: [{ deed: what }] })
  const [hung, ended, large, fine] = await Promise.all([
    ask('hang'),
    ask('exit'),
    ask('memory'),
    client.get(spending, { user_id: 1 }),
  ])
  assert.equal(hung.states.value, 'failed')
  assert.deepEqual(hung.failures, { deed: 'it did not come to an end within 1000 ms' })
  assert.equal(ended.states.value, 'failed')
  assert.equal(large.states.value, 'failed')
  assert.equal(fine.values.count, 2n)
  assert.equal((await ask('row')).values.value, 7n)
})

test('request data is checked like a key', async (t) => {
  const { client } = await setUp(t)
  const key = { sender_id: 1, receiver_id: 2 }
  const refusals = [
    [undefined, 'request field "amount": missing'],
    [
      [{ amount: 1, extra: 2 }],
      'request field "extra": not request data of this read, which takes amount, note',
    ],
    [[{ amount: 'x' }], 'request field "amount": expected Int64, got string'],
    [[], 'requests: has 0 elements, and there are 1 keys'],
  ] as const
  for (const [requestData, message] of refusals) {
    const options = requestData === undefined ? {} : { requestData }
    await assert.rejects(client.get('check', key, options), { message })
  }
  await assert.rejects(client.get('check', [key, key], { requestData: [{ amount: 1 }, {}] }), {
    code: 'REQUEST_DATA_INVALID',
    message: 'request field "amount": missing (in requests[1])',
  })
  await assert.rejects(client.get('spending', { user_id: 1 }, { requestData: [{ a: 1 }] }), {
    message: 'request field "a": not request data of this read, which takes none',
  })
})

function outcomeOf({ states, failures }: FeatureVector<{ 'deed.value': unknown }>) {
  return [states['deed.value'], failures?.['deed']]
}
