/**
 * The ledger of a daemon: whatever is not counted is in it, with its bytes and its reason, is
 * counted there, and can be published again once.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { ManualClock } from '../../src/base/clock.ts'
import { eventBytesMax } from '../../src/base/limits.ts'
import { runCli } from '../../src/cli/run.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import { aggregate, pushSource, streamFeatureView, t as types } from '../../src/index.ts'
import { user } from '../fixtures/orders.ts'
import { cartsFile, plain, readHttp, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { testIo } from '../helpers/io.ts'
import { RawPeer } from '../helpers/raw-peer.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)
const dayMs = 86_400_000
const order = { user_id: 1, store: 'a', at: noonMs, amount: 1 }

interface Entry {
  readonly id: number
  readonly producer: string
  readonly sequence: number
  readonly source: string
  readonly code: string
  readonly path: string
  readonly missedBy: readonly string[]
  readonly isPartial: boolean
  readonly isReplayed: boolean
  readonly replayOf: number | null
  readonly event?: Readonly<Record<string, unknown>>
  readonly base64?: string
}

interface Body {
  readonly entries: readonly Entry[]
  readonly next: number | null
  readonly summary: {
    readonly entries: number
    readonly dropped: number
    readonly replayed: number
    readonly counts: readonly object[]
  }
}

async function ledgerOf(daemon: Millrace, query = 'limit=1000'): Promise<Body> {
  const { statusCode, body } = await daemon.http.inject(`/v1/ledger?${query}`)
  assert.equal(statusCode, 200, body)
  return JSON.parse(body) as Body
}

async function replay(daemon: Millrace, payload: object = {}) {
  const request = { method: 'POST', url: '/v1/ledger/replay', payload } as const
  const { statusCode, body } = await daemon.http.inject(request)
  assert.equal(statusCode, 200, body)
  return JSON.parse(body) as Record<string, unknown>
}

function start(t: TestContext, options: Parameters<typeof startDaemon>[1] = {}) {
  return startDaemon(t, { clock: new ManualClock(noonMs), ...options })
}

async function ordersOf(daemon: Millrace, user_id = 1): Promise<number> {
  const [row] = await readHttp(daemon.url, 'user_orders', { user_id })
  return Number(row!.values['orders_30d'] ?? 0)
}

test('every event that is not counted is in the ledger, with its bytes and why', async (t) => {
  const daemon = await start(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  const cut = encode(order).subarray(0, -1)
  const large = { ...order, store: 'x'.repeat(eventBytesMax) }
  const events = [
    order,
    { ...order, amount: 'much' },
    { ...order, at: noonMs + 301_000 },
    { ...order, at: noonMs - 400 * dayMs },
    cut,
    large,
    { ...order, store: 'x'.repeat(1025) },
    // Too late for the views by the clock's 30 days, not for the one that follows its events.
    order,
  ]
  peer.publish('orders', 0, events)
  const ack = await peer.acked(7)
  peer.publish('oders', 8, [order, order])
  await peer.acked(9)
  peer.publish('audit', 10, [{ who: 'me', at: 'yesterday' }])
  await peer.acked(10)

  const { entries, summary } = await ledgerOf(daemon)
  assert.deepEqual(
    entries.map(({ sequence, source, code, path }) => [sequence, source, code, path]),
    [
      [1, 'orders', 'EVENT_FIELD_TYPE', '/amount'],
      [2, 'orders', 'EVENT_IN_FUTURE', '/at'],
      [3, 'orders', 'EVENT_TOO_LATE', '/at'],
      [4, 'orders', 'EVENT_DECODE', ''],
      [5, 'orders', 'EVENT_TOO_LARGE', ''],
      [6, 'orders', 'EVENT_KEY', '/store'],
      [8, 'oders', 'SOURCE_UNKNOWN', ''],
      [9, 'oders', 'SOURCE_UNKNOWN', ''],
      [10, 'audit', 'EVENT_TIME', '/at'],
    ],
  )
  assert.deepEqual(
    ack.rejects.map(([sequence]) => sequence),
    [1, 2, 3, 4, 5, 6],
  )
  assert.deepEqual(entries[0]!.event, { ...order, amount: 'much' })
  assert.equal(entries[3]!.base64, Buffer.from(cut).toString('base64'))
  assert.deepEqual(entries[4]!.event, large)
  assert.deepEqual(entries[6]!.event, order)
  assert.equal(summary.entries, 9)
  assert.deepEqual(summary.counts.at(-2), {
    producer: 'p',
    source: 'oders',
    code: 'SOURCE_UNKNOWN',
    rejected: 2,
    partial: 0,
  })
  const status = JSON.parse((await daemon.http.inject('/v1/status')).body) as { ledger: object }
  assert.deepEqual(status.ledger, summary)
})

test('an event that some views have counted names the others, and is accepted', async (t) => {
  const daemon = await start(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  peer.publish('orders', 0, [
    order,
    // Within 30 days, and before the hour of the view that ends at its newest event.
    { ...order, at: noonMs - dayMs },
    { ...order, store: 'x'.repeat(1025) },
  ])
  const { rejects } = await peer.acked(2)
  assert.deepEqual(
    rejects.map(([sequence, code]) => [sequence, code]),
    [[2, 'EVENT_KEY']],
  )
  const { entries } = await ledgerOf(daemon)
  assert.deepEqual(
    entries.map(({ sequence, code, isPartial, missedBy }) => [sequence, code, isPartial, missedBy]),
    [
      [1, 'EVENT_TOO_LATE', true, ['store_orders']],
      [2, 'EVENT_KEY', true, ['store_orders', 'user_store_orders']],
    ],
  )
  assert.equal(await ordersOf(daemon), 3)
  const outcome = await replay(daemon)
  assert.deepEqual(outcome['skipped'], { partial: 2, replayed: 0, sourceUnknown: 0 })
  assert.equal(await ordersOf(daemon), 3)
})

test('an event whose transform fails is in the ledger', async (t) => {
  const daemon = await start(t, { features: cartsFile })
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  const cart = { cart: 'c', at: noonMs, items: [{ sku: 's', count: -1 }] }
  peer.publish('carts', 0, [cart])
  await peer.acked(0)
  const { entries } = await ledgerOf(daemon, 'source=carts&code=TRANSFORM_FAILED&producer=p')
  assert.deepEqual(entries[0]!.event, cart)
  assert.deepEqual((await ledgerOf(daemon, 'producer=q')).entries, [])
})

const sales = pushSource({
  name: 'sales',
  schema: { user_id: types.Int64(), at: types.Timestamp(), amount: types.Int64() },
})

/** The definitions, and a source that they do not have. */
const withSales = [
  ...plain,
  sales,
  streamFeatureView({
    name: 'sales_by_user',
    source: sales,
    entities: [user],
    features: [aggregate('amount', 'sum', '30d', { name: 'amount_30d' })],
  }),
]

test('what was not counted is published again, once, when it can be counted', async (t) => {
  const same = { clock: new ManualClock(noonMs), dataDir: await temporaryDir(t) }
  const first = await start(t, same)
  const { peer } = await RawPeer.open(t, first.url, 'p')
  const sale = (amount: unknown) => ({ user_id: 1, at: noonMs, amount })
  peer.publish('sales', 0, [sale(1), sale(2), sale('three')])
  peer.publish('orders', 3, [{ ...order, amount: 'x' }, order])
  await peer.acked(4)
  const unknown = await replay(first, { source: 'sales' })
  assert.deepEqual(unknown['skipped'], { partial: 0, replayed: 0, sourceUnknown: 3 })
  assert.deepEqual(unknown['sourcesUnknown'], ['sales'])
  await first.drain()

  const second = await start(t, { ...same, features: withSales })
  const dry = await replay(second, { source: 'sales', dryRun: true })
  assert.deepEqual([dry['replayed'], dry['accepted'], dry['upTo']], [3, 0, 4])
  const outcome = await replay(second, { source: 'sales' })
  assert.deepEqual(
    [outcome['replayed'], outcome['accepted'], outcome['rejected'], outcome['next']],
    [3, 2, 1, null],
  )
  const again = await replay(second, { source: 'sales', upTo: 4 })
  assert.deepEqual(again['skipped'], { partial: 0, replayed: 3, sourceUnknown: 0 })
  assert.equal(again['replayed'], 0)
  const [row] = await readHttp(second.url, 'sales_by_user', { user_id: 1 })
  assert.equal(row!.values['amount_30d'], '3')
  const { entries, summary } = await ledgerOf(second)
  assert.deepEqual(
    entries.map(({ id, producer, sequence, isReplayed, replayOf }) => [
      id,
      producer,
      sequence,
      isReplayed,
      replayOf,
    ]),
    [
      [1, 'p', 0, true, null],
      [2, 'p', 1, true, null],
      [3, 'p', 2, true, null],
      [4, 'p', 3, false, null],
      [5, 'ledger replay', 2, false, 3],
    ],
  )
  assert.deepEqual(entries[4]!.event, sale('three'))
  assert.equal(summary.replayed, 3)
  await second.close()

  // Without the checkpoint of a drain: the journal, and the ledger, are read again.
  const third = await start(t, { ...same, features: withSales })
  assert.deepEqual((await ledgerOf(third)).entries, entries)
  assert.equal((await replay(third, { upTo: 3 }))['replayed'], 0)
  const [after] = await readHttp(third.url, 'sales_by_user', { user_id: 1 })
  assert.equal(after!.values['amount_30d'], '3')
})

test('a drain ends a replay between two batches, and the next one goes on', async (t) => {
  const same = { clock: new ManualClock(noonMs), dataDir: await temporaryDir(t) }
  const first = await start(t, same)
  const { peer } = await RawPeer.open(t, first.url, 'p')
  const count = 6000
  for (let n = 0; n < count; n += 1000) {
    const sales = Array.from({ length: 1000 }, () => ({ user_id: 1, at: noonMs, amount: 1 }))
    peer.publish('sales', n, sales)
  }
  await peer.acked(count - 1)
  await first.close()

  const features = withSales
  const second = await start(t, { ...same, features })
  const payload = {}
  const replaying = second.http.inject({ method: 'POST', url: '/v1/ledger/replay', payload })
  await Promise.all([replaying, second.drain()])
  assert.ok([200, 503].includes((await replaying).statusCode))

  const third = await start(t, { ...same, features })
  const { replayed, skipped } = (await replay(third)) as {
    replayed: number
    skipped: { replayed: number }
  }
  assert.equal(replayed + skipped.replayed, count)
  const [row] = await readHttp(third.url, 'sales_by_user', { user_id: 1 })
  assert.equal(row!.values['amount_30d'], String(count))
})

test('pages of the ledger follow each other, and a request that is wrong is refused', async (t) => {
  const daemon = await start(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  const events = Array.from({ length: 25 }, (_, n) => ({ ...order, amount: `x${n}` }))
  for (let n = 0; n < 25; n += 5) peer.publish('orders', n, events.slice(n, n + 5))
  await peer.acked(24)
  const ids: number[] = []
  for (let after: number | null = 0; after !== null;) {
    const page: Body = await ledgerOf(daemon, `limit=7&after=${after}`)
    ids.push(...page.entries.map(({ id }) => id))
    after = page.next
  }
  assert.deepEqual(
    ids,
    events.map((_, n) => n + 1),
  )
  for (const query of ['limit=0', 'limit=1001', 'after=-1', 'colour=red', 'source=a&source=b']) {
    const { statusCode, body } = await daemon.http.inject(`/v1/ledger?${query}`)
    assert.equal(statusCode, 400, query)
    assert.match(body, /REQUEST_INVALID/)
  }
  const { statusCode } = await daemon.http.inject('/v1/ledger/replay')
  assert.equal(statusCode, 405)
})

test('entries of all lives stay, within the bound', async (t) => {
  const same = { clock: new ManualClock(noonMs), dataDir: await temporaryDir(t) }
  const options = { ...same, ledgerBytesMax: 2 ** 20, checkpointMs: 3_600_000 }
  let sequence = 0
  for (let life = 0; life < 3; life++) {
    const daemon = await start(t, options)
    const { peer, welcome } = await RawPeer.open(t, daemon.url, `p${life}`)
    assert.equal(welcome.lastSeq, -1)
    for (let n = 0; n < 20; n++) {
      const events = Array.from({ length: 5 }, () => ({ ...order, amount: 'x'.repeat(5000) }))
      peer.publish('orders', n * 5, events)
    }
    await peer.acked(99)
    sequence += 100
    const { summary, entries } = await ledgerOf(daemon)
    assert.equal(summary.entries + summary.dropped, sequence)
    assert.equal(entries.at(-1)!.id, sequence)
    assert.ok((summary as unknown as { bytes: number }).bytes <= 2 ** 20)
    if (life === 2) assert.ok(summary.dropped > 0 && summary.entries > 100)
    assert.equal(summary.counts.length, life + 1)
    await (life === 1 ? daemon.drain() : daemon.close())
  }
})

test('the command lists, exports and replays', async (t) => {
  const daemon = await start(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  peer.publish('orders', 0, [order, { ...order, amount: 'much' }, encode(order).subarray(0, -1)])
  await peer.acked(2)
  async function run(...args: string[]): Promise<[number, string[], string[]]> {
    const io = testIo()
    const exitCode = await runCli(['ledger', ...args, '--url', daemon.url], io)
    return [exitCode, io.outLines, io.errLines]
  }
  const [listed, lines] = await run('list')
  assert.equal(listed, 0)
  assert.match(lines[0]!, /^ID +ARRIVED +PRODUCER +SEQUENCE +SOURCE +CODE +STATE +REASON$/)
  assert.match(
    lines[1]!,
    /^1 +2026-03-01T12:00:00.000Z +p +1 +orders +EVENT_FIELD_TYPE +\/amount: /,
  )
  assert.match(lines[4]!, /^2 entries kept in 0\.0 MiB, 0 dropped, 0 replayed$/)
  assert.match(lines.at(-1)!, /^p +orders +EVENT_DECODE +1 +0$/)
  assert.match((await run('list', '--limit', '1'))[1][2]!, /^more behind: --after 1$/)
  const [, [json]] = await run('list', '--json', '--code', 'EVENT_DECODE')
  assert.equal((JSON.parse(json!) as Body).entries.length, 1)
  assert.deepEqual(
    (await run('list', '--source', 'oders', '--code', 'EVENT_DECODE'))[1].slice(0, 2),
    ['no entries', 'the ledger knows no source "oders"; it knows orders'],
  )

  const out = join(await temporaryDir(t), 'events.ndjson')
  assert.deepEqual(await run('export', '--out', out), [0, ['2 entries exported'], []])
  const exported = (await readFile(out, 'utf8')).trimEnd().split('\n')
  const [first, second] = exported.map((line) => JSON.parse(line) as Entry)
  assert.deepEqual([first!.event, typeof second!.base64], [{ ...order, amount: 'much' }, 'string'])

  const [cannot, , [reason]] = await run('export', '--out', join(out, 'no', 'folder'))
  assert.equal(cannot, 73)
  assert.match(reason!, /^millrace: cannot write .*ENOTDIR.*\(FILE_UNWRITABLE\)$/)

  assert.deepEqual((await run('replay', '--dry-run'))[1], ['2 entries would be replayed'])
  const [exitCode, replayed] = await run('replay', '--limit', '1')
  assert.deepEqual(replayed, ['1 entries replayed: 0 counted, 1 rejected again'])
  assert.equal(exitCode, 65)
  const [, rest] = await run('replay', '--code', 'EVENT_FIELD_TYPE')
  assert.deepEqual(rest, [
    '1 entries replayed: 0 counted, 1 rejected again',
    '1 skipped, replayed before',
  ])
  assert.match((await run('list'))[1][3]!, / replayed, replay of 1 /)

  for (const args of [['drop'], [], ['export'], ['list', '--dry-run'], ['list', '--limit', 'x']]) {
    assert.equal((await run(...args))[0], 64, args.join(' '))
  }
})

test('a journal of events without a source is covered by checkpoints like any other', async (t) => {
  const daemon = await startDaemon(t)
  await daemon.ingest('nowhere', { amount: 1 })
  await daemon.checkpoint()
  const status = JSON.parse((await daemon.http.inject('/v1/status')).body) as {
    readonly journal: { readonly end: number }
    readonly checkpoint: { readonly position: number }
  }
  assert.equal(status.checkpoint.position, status.journal.end)
})
