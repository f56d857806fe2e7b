/**
 * Events over the native route of HTTP, against a whole daemon.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { eventsBodyBytesMax } from '../../src/base/http-limits.ts'
import { batchEventsMax } from '../../src/base/limits.ts'
import type { MillraceOptions } from '../../src/daemon/options.ts'
import { createEncoder } from '../../src/model/msgpack.ts'
import { cartsFile, connect, readHttp, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { root } from '../helpers/repository.ts'

const at = '2026-03-01T12:00:00Z'
const clock = (): ManualClock => new ManualClock(Date.parse(at) + 1000)
const encoder = createEncoder()

interface Outcome {
  readonly accepted: number
  readonly rejected: number
  readonly rejections: readonly {
    readonly index: number
    readonly code: string
    readonly path: string
  }[]
  readonly rows?: Readonly<Record<string, number>>
  readonly error?: { readonly code: string; readonly message: string }
}

async function setUp(t: TestContext, options: Partial<MillraceOptions> = {}) {
  const daemon = await startDaemon(t, { clock: clock(), ...options })
  async function post(
    path: string,
    body: unknown,
    type = 'json',
    headers: Record<string, string> = {},
  ): Promise<[number, Outcome]> {
    const isText = typeof body === 'string' || body instanceof Uint8Array
    const response = await fetch(`${daemon.url}/v1/events/${path}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': `application/${type}` },
      body: isText ? body : JSON.stringify(body),
    })
    return [response.status, (await response.json()) as Outcome]
  }
  return { daemon, post }
}

const order = (user_id: unknown, amount = 1) => ({ user_id, store: 'a', at, amount })

test('an object is one event, an array several, and a line each', async (t) => {
  const { daemon, post } = await setUp(t)
  const one = order(1)
  const lines = `${JSON.stringify(one)}\r\n\n${JSON.stringify(one)}`
  const bin = encoder.encode(one)
  const bodies: [unknown, string, number][] = [
    [one, 'json', 1],
    [[one, one], 'json; charset=utf-8', 2],
    [[], 'json', 0],
    [lines, 'x-ndjson', 2],
    [bin, 'msgpack', 1],
    [encoder.encode([one, bin, one]), 'msgpack', 3],
    [encoder.encode(Array.from({ length: 20 }, () => one)), 'msgpack', 20],
  ]
  let count = 0
  for (const [body, type, accepted] of bodies) {
    const expected = { accepted, rejected: 0, rejections: [] }
    assert.deepEqual(await post('orders', body, type), [200, expected])
    count += accepted
  }
  const [row] = await readHttp(daemon.url, 'user_orders', { user_id: 1 })
  assert.equal(row!.values['orders_1h'], String(count))
})

test('each event has its verdict, and what was not counted is in the ledger', async (t) => {
  const { daemon, post } = await setUp(t)
  const body = [
    order(1),
    order('x'),
    { ...order(1), __proto__: null, extra: 1 },
    5,
    { ...order(1), at: '1999-01-01T00:00:00Z' },
    order(1),
  ]
  const [status, outcome] = await post('orders', body)
  assert.equal(status, 200)
  assert.deepEqual([outcome.accepted, outcome.rejected], [2, 4])
  assert.deepEqual(
    outcome.rejections.map(({ index, code, path }) => [index, code, path]),
    [
      [1, 'EVENT_FIELD_TYPE', '/user_id'],
      [2, 'EVENT_FIELD_UNKNOWN', '/extra'],
      [3, 'EVENT_DECODE', ''],
      [4, 'EVENT_TOO_LATE', '/at'],
    ],
  )
  const ledger = await fetch(`${daemon.url}/v1/ledger`)
  const { entries } = (await ledger.json()) as { entries: { producer: string; code: string }[] }
  assert.deepEqual(
    entries.map(({ producer, code }) => [producer, code]),
    outcome.rejections.map(({ code }) => ['http push', code]),
  )
})

test('an integer of JSON keeps its digits, and a name may not come twice', async (t) => {
  const { daemon, post } = await setUp(t)
  const big = '9007199254740993'
  const body = `[${JSON.stringify(order(0)).replace(':0', `:${big}`)}, {"user_id":1,"user_id":2}]`
  const [, { rejections }] = await post('orders', body)
  assert.deepEqual(
    rejections.map(({ index, code }) => [index, code]),
    [[1, 'EVENT_DECODE']],
  )
  const [row] = await readHttp(daemon.url, 'user_orders', { user_id: big })
  assert.equal(row!.values['orders_1h'], '1')
})

test('a dry run tells what would become of events, and changes nothing', async (t) => {
  const { daemon, post } = await setUp(t, { features: cartsFile })
  const items = (count: number) => [
    { sku: 'a', count },
    { sku: 'b', count: 1 },
  ]
  const body = [
    { cart: 'c', at, items: items(1) },
    { cart: 'c', at, items: items(-1) },
    { cart: 'c', at, items: [] },
    { cart: '', at, items: [] },
    { cart: 'c', at: '2026-03-01T13:00:00Z', items: [] },
  ]
  const [status, outcome] = await post('carts?dryRun=true', body)
  assert.equal(status, 200)
  assert.deepEqual(outcome.rows, { cart_items: 2 })
  assert.deepEqual(
    outcome.rejections.map(({ index, code }) => [index, code]),
    [
      [1, 'TRANSFORM_FAILED'],
      [3, 'EVENT_KEY'],
      [4, 'EVENT_IN_FUTURE'],
    ],
  )
  const [before] = await readHttp(daemon.url, 'cart_items', { cart: 'c' })
  assert.equal(before!.states['items_1h'], 'unseen')
  const [, live] = await post('carts', body)
  const { rows: _, dryRun, ...told } = outcome as Outcome & { dryRun: boolean }
  assert.deepEqual([live, dryRun], [told, true])
  const [after] = await readHttp(daemon.url, 'cart_items', { cart: 'c' })
  assert.equal(after!.values['items_1h'], '2')
})

test('a dry run goes through post-processors, also where no view reads', async (t) => {
  const { post } = await setUp(t, { features: `${root}/test/fixtures/payments.ts` })
  const payment = { user_id: 1, shop: 's', seconds: Date.parse(at) / 1000, amount: 'EUR 1.50' }
  const payments = [payment, { ...payment, amount: 'USD 1' }, { ...payment, amount: 'TEST 1' }]
  const [, paid] = await post('payments?dryRun=true', [
    ...payments,
    { ...payment, amount: 'EUR 500' },
  ])
  assert.deepEqual(paid.rows, { large_payments: 1, shop_payments: 2, user_payments: 2 })
  assert.deepEqual(
    paid.rejections.map(({ index, code }) => [index, code]),
    [[1, 'POST_PROCESSOR_FAILED']],
  )
  const [, logged] = await post('logins?dryRun=true', [
    { who: 'a', date: '2026-03-01' },
    { who: 'a', date: 'soon' },
  ])
  assert.deepEqual([logged.accepted, logged.rejections[0]!.index], [1, 1])
  assert.deepEqual(logged.rows, {})
})

test('requests that cannot be carried out are refused, and nothing of them counts', async (t) => {
  const { daemon, post } = await setUp(t)
  const many = `[${Array.from({ length: batchEventsMax + 1 }, () => '1').join(',')}]`
  const refusals: [path: string, body: unknown, type: string, status: number, code: string][] = [
    ['nowhere', [], 'json', 404, 'SOURCE_UNKNOWN'],
    ['orders', '', 'json', 400, 'REQUEST_INVALID'],
    ['orders', '5', 'json', 400, 'REQUEST_INVALID'],
    ['orders', '[{}', 'json', 400, 'JSON_INVALID'],
    ['orders', `${JSON.stringify(order(7))}\n{`, 'x-ndjson', 400, 'JSON_INVALID'],
    ['orders', Uint8Array.of(0x92, 0x80), 'msgpack', 400, 'REQUEST_INVALID'],
    ['orders', Uint8Array.of(0xdd, 0), 'msgpack', 400, 'REQUEST_INVALID'],
    ['orders', Uint8Array.of(0x91, 0xc1), 'msgpack', 400, 'REQUEST_INVALID'],
    ['orders', Uint8Array.of(0x80, 0x80), 'msgpack', 400, 'REQUEST_INVALID'],
    ['orders', [order(7)], 'xml', 415, 'BODY_TYPE'],
    ['orders', many, 'json', 413, 'BATCH_TOO_LARGE'],
    ['orders', ' '.repeat(eventsBodyBytesMax + 1), 'json', 413, 'BODY_TOO_LARGE'],
    ['orders?dryRun=yes', [], 'json', 400, 'REQUEST_INVALID'],
    ['orders?dryrun=true', [order(7)], 'json', 400, 'REQUEST_INVALID'],
  ]
  for (const [path, body, type, status, code] of refusals) {
    const [answered, { error }] = await post(path, body, type)
    assert.deepEqual([answered, error?.code], [status, code], `${path} ${type}`)
  }
  const wrong = await fetch(`${daemon.url}/v1/events/orders`)
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST'])
  const [row] = await readHttp(daemon.url, 'user_orders', { user_id: 7 })
  assert.equal(row!.states['orders_1h'], 'unseen')
})

test('many requests at a time, beside a session, all count once', async (t) => {
  const { daemon, post } = await setUp(t)
  const client = connect(t, daemon.url)
  const pushes = Array.from({ length: 100 }, async (_, n) => {
    const [status] = await post('orders', [order(n % 3), order(n % 3)])
    assert.equal(status, 200)
  })
  const published = Array.from({ length: 30 }, (_, n) => client.publish('orders', order(n % 3)))
  await Promise.all([...pushes, ...published])
  await client.close()
  const keys = [0, 1, 2].map((user_id) => ({ user_id }))
  const before = await readHttp(daemon.url, 'user_orders', ...keys)
  const counts = before.map(({ values }) => Number(values['orders_1h']))
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    230,
  )
})

test('what was answered is there after an end without a drain, and pushes go on', async (t) => {
  const dataDir = await temporaryDir(t)
  const first = await setUp(t, { dataDir })
  assert.equal((await first.post('orders', [order(1), order('x')]))[1].accepted, 1)
  await first.daemon.close()
  const second = await setUp(t, { dataDir })
  assert.equal((await second.post('orders', [order(1), order('x')]))[1].accepted, 1)
  const [row] = await readHttp(second.daemon.url, 'user_orders', { user_id: 1 })
  assert.equal(row!.values['orders_1h'], '2')
})

test('a request with a key counts once, after a restart too', async (t) => {
  const dataDir = await temporaryDir(t)
  const first = await setUp(t, { dataDir })
  const body = [order(1), order('x'), order(1)]
  const keyed = { 'idempotency-key': 'a key' }
  const answer = await first.post('orders', body, 'json', keyed)
  assert.deepEqual([answer[0], answer[1].accepted, answer[1].rejections[0]!.index], [200, 2, 1])
  const again = [1, 2, 3].map(() => first.post('orders', body, 'json', keyed))
  for (const repeat of await Promise.all(again)) assert.deepEqual(repeat, answer)
  await first.daemon.close()
  const { daemon, post } = await setUp(t, { dataDir })
  assert.deepEqual(await post('orders', body, 'json', keyed), answer)
  const [row] = await readHttp(daemon.url, 'user_orders', { user_id: 1 })
  assert.equal(row!.values['orders_1h'], '2')
  const other = { 'idempotency-key': 'another key' }
  assert.deepEqual(await post('orders', body, 'json', other), answer)
  const [twice] = await readHttp(daemon.url, 'user_orders', { user_id: 1 })
  assert.equal(twice!.values['orders_1h'], '4')
})

test('a key that comes with another request is refused', async (t) => {
  const { post } = await setUp(t)
  const keyed = { 'idempotency-key': 'k' }
  assert.equal((await post('orders', order(1), 'json', keyed))[0], 200)
  const others: [string, unknown, string][] = [
    ['orders', order(2), 'json'],
    ['orders', JSON.stringify(order(1)), 'x-ndjson'],
    ['audit', order(1), 'json'],
  ]
  for (const [path, body, type] of others) {
    const [status, { error }] = await post(path, body, type, keyed)
    assert.deepEqual([status, error?.code], [422, 'IDEMPOTENCY_KEY_REUSED'])
  }
  assert.equal((await post('orders?dryRun=true', order(2), 'json', keyed))[0], 200)
  for (const key of ['', 'ü', 'x'.repeat(256)]) {
    const headers = { 'idempotency-key': key }
    const [status, { error }] = await post('orders', order(1), 'json', headers)
    assert.deepEqual([status, error?.code], [400, 'REQUEST_INVALID'])
  }
})
