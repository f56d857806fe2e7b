/**
 * The end of a daemon and its next start: nothing is lost, nothing counts twice, and a directory
 * is for one daemon and one set of definitions.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { drainMsMax } from '../../src/base/limits.ts'
import { ManualClock } from '../../src/base/clock.ts'
import { storedFormats } from '../../src/stored/formats.ts'
import type { MillraceOptions } from '../../src/daemon/options.ts'
import { aggregate, startMillrace, streamFeatureView } from '../../src/index.ts'
import { readManifest } from '../../src/persist/manifest.ts'
import { sealJson } from '../../src/base/sealed-json.ts'
import { orders, user, userOrders } from '../fixtures/orders.ts'
import { connect, plain, readHttp, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { RawPeer } from '../helpers/raw-peer.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)

function order(n: number) {
  return { user_id: n % 7, store: `s${n % 5}`, at: noonMs - n, amount: n }
}

const batch = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => order(from + n))

/** Orders and amounts of every user, over HTTP. */
async function totals(url: string): Promise<string[]> {
  const keys = Array.from({ length: 7 }, (_, user_id) => ({ user_id }))
  const rows = await readHttp(url, 'user_orders', ...keys)
  return rows.map(({ values }) => `${String(values['orders_30d'])} ${String(values['amount_30d'])}`)
}

/** What `totals` must be when the orders from 0 up to `count` are counted once. */
function expected(count: number): string[] {
  return Array.from({ length: 7 }, (_, user_id) => {
    const mine = batch(0, count).filter((one) => one.user_id === user_id)
    return `${mine.length} ${mine.reduce((sum, { amount }) => sum + amount, 0)}`
  })
}

async function options(t: TestContext): Promise<Partial<MillraceOptions> & { dataDir: string }> {
  return { clock: new ManualClock(noonMs), dataDir: await temporaryDir(t) }
}

for (const ending of ['drain', 'close'] as const) {
  test(`a store that ends by ${ending} goes on where it was`, async (t) => {
    const same = await options(t)
    let count = 0
    for (let life = 0; life < 4; life++) {
      const daemon = await startDaemon(t, same)
      assert.deepEqual(await totals(daemon.url), expected(count).map(unseenIfNone), `life ${life}`)
      const client = connect(t, daemon.url)
      await client.publish(orders, batch(count, 50))
      if (life % 2 === 0) await daemon.checkpoint()
      await client.publish(orders, batch(count + 50, 50))
      count += 100
      assert.deepEqual(await totals(daemon.url), expected(count))
      await daemon[ending]()
      await client.close()
    }
  })
}

test('a drain that has no time to store the state leaves it to the next start', async (t) => {
  const same = await options(t)
  const said: string[] = []
  const log = { info: (_: object, text: string) => void said.push(text), error() {} }
  const first = await startDaemon(t, { ...same, log })
  const client = connect(t, first.url)
  await client.publish(orders, batch(0, 100))
  await client.close()
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const drained = first.drain()
  t.mock.timers.tick(drainMsMax)
  t.mock.timers.reset()
  await drained
  assert.ok(said.includes('the next start replays what could not be stored in time'))
  const second = await startDaemon(t, same)
  assert.equal((await recoveryOf(second.url)).events, 100)
  assert.deepEqual(await totals(second.url), expected(100))
})

async function recoveryOf(url: string): Promise<{ readonly events: number }> {
  const status = (await (await fetch(`${url}/v1/status`)).json()) as {
    recovery: { events: number }
  }
  return status.recovery
}

function unseenIfNone(total: string): string {
  return total === '0 0' ? 'null null' : total
}

test('a store that writes checkpoints all the time loses nothing', async (t) => {
  const same = await options(t)
  const first = await startDaemon(t, { ...same, checkpointMs: 3_600_000 })
  const client = connect(t, first.url)
  for (let n = 0; n < 40; n++) await client.publish(orders, batch(n * 500, 500))
  await first.close()
  await client.close()
  for (let life = 0; life < 3; life++) {
    const again = await startDaemon(t, { ...same, checkpointMs: 1 })
    assert.deepEqual(await totals(again.url), expected(20_000), `life ${life}`)
    await again.close()
  }
})

test('another number of threads finds every key, one of shards is refused', async (t) => {
  const same = await options(t)
  for (const threads of [1, 3, 2, 16]) {
    const daemon = await startDaemon(t, { ...same, threads })
    if (threads === 1) await daemon.ingest(orders, batch(0, 200))
    assert.deepEqual(await totals(daemon.url), expected(200))
    await daemon[threads === 3 ? 'close' : 'drain']()
  }
  for (const shards of [1, 16]) {
    await assert.rejects(startMillrace({ ...same, features: plain, shards }), {
      code: 'CONFIG_INVALID',
      message: new RegExp(`^shards: ${shards} asked for, but this store was created with 4;`),
    })
  }
  const daemon = await startMillrace({ ...same, features: plain })
  assert.deepEqual(await totals(daemon.url), expected(200))
  await daemon.close()
})

test('a store of another version, or a damaged manifest, is refused untouched', async (t) => {
  const same = await options(t)
  const daemon = await startDaemon(t, same)
  await daemon.ingest(orders, batch(0, 50))
  await daemon.close()
  const file = join(same.dataDir, 'store.json')
  const manifest = (await readManifest(file, storedFormats))!
  const others: Record<string, [text: string, code: string]> = {}
  for (const part of Object.keys(storedFormats)) {
    const formats = { ...storedFormats, [part]: storedFormats[part]! + 1 }
    others[part] = [sealJson({ ...manifest, formats }), 'STORE_FORMAT']
  }
  others['damaged'] = [sealJson(manifest).replace('"k0"', '"k1"'), 'STORE_CORRUPT']
  for (const [what, [text, code]] of Object.entries(others)) {
    await writeFile(file, text)
    const before = await hashes(same.dataDir)
    await assert.rejects(startDaemon(t, same), { code }, what)
    assert.deepEqual(await hashes(same.dataDir), before, what)
  }
  await writeFile(file, sealJson(manifest))
  const again = await startDaemon(t, same)
  assert.deepEqual(await totals(again.url), expected(50))
  await again.close()
})

/** The hash of every file of a directory, by name. */
async function hashes(path: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    const bytes = entry.isFile() ? await readFile(file) : Buffer.alloc(0)
    found.set(file, createHash('sha256').update(bytes).digest('hex'))
  }
  return found
}

test('a definition that has changed or gone is refused, a new one is taken', async (t) => {
  const same = await options(t)
  const daemon = await startDaemon(t, same)
  await daemon.ingest(orders, batch(0, 50))
  await daemon.drain()
  const others = plain.filter((one) => one !== userOrders && !('features' in one))
  const views = (window: '30d' | '20d') => [
    ...others,
    streamFeatureView({
      name: 'user_orders',
      source: orders,
      entities: [user],
      features: [aggregate('amount', 'sum', window, { name: 'amount_30d' })],
    }),
  ]
  const changed = startDaemon(t, { ...same, features: views('20d') })
  await assert.rejects(changed, { code: 'DEFINITION_CHANGED' })
  const gone = startDaemon(t, { ...same, features: others })
  await assert.rejects(gone, { code: 'DEFINITION_MISSING' })
  const more = streamFeatureView({
    name: 'user_counts',
    source: orders,
    entities: [user],
    features: [aggregate('store', 'count', '30d', { name: 'orders_30d' })],
  })
  const again = await startDaemon(t, { ...same, features: [...plain, more] })
  await again.ingest(orders, batch(50, 7))
  assert.deepEqual(await totals(again.url), expected(57))
  const { values } = await again.get(more, { user_id: 1 })
  // What the journal has of the time before it among them.
  assert.deepEqual(values, { orders_30d: 8n })
})

test('a directory is for one daemon at a time', async (t) => {
  const same = await options(t)
  const daemon = await startDaemon(t, same)
  await assert.rejects(startDaemon(t, same), { code: 'STORE_LOCKED' })
  await daemon.drain()
  const next = await startDaemon(t, same)
  await next.close()
})

test('of two daemons that start at once on what a dead one left, one wins', async (t) => {
  const same = await options(t)
  await (await startDaemon(t, same)).close()
  await writeFile(join(same.dataDir, 'lock.1000'), '4194305 x')
  const starts = await Promise.allSettled(Array.from({ length: 4 }, () => startDaemon(t, same)))
  assert.deepEqual(starts.map(({ status }) => status).sort(), [
    'fulfilled',
    'rejected',
    'rejected',
    'rejected',
  ])
})

test('a start that fails lets go of the directory', async (t) => {
  const same = await options(t)
  const daemon = await startDaemon(t)
  const port = Number(new URL(daemon.url).port)
  await assert.rejects(startDaemon(t, { ...same, port }), { code: 'EADDRINUSE' })
  await (await startDaemon(t, same)).drain()
})

test('draining acknowledges what was taken, then closes with 1012', async (t) => {
  const daemon = await startDaemon(t, { clock: new ManualClock(noonMs) })
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  for (let n = 0; n < 20; n++) peer.publish('orders', n * 100, batch(n * 100, 100))
  await peer.acked(99)
  const drained = daemon.drain()
  let upTo = 99
  let [type, ...fields] = await peer.frames.next()
  for (; type !== 6; [type, ...fields] = await peer.frames.next()) upTo = Number(fields[0])
  // Behind GOAWAY nothing is taken, and nothing but acks comes.
  peer.publish('orders', 2000, batch(2000, 100))
  assert.equal(await peer.closed, 1012)
  while (peer.frames.length > 0) upTo = Number((await peer.next(4))[0])
  await drained
  await daemon.closed
  assert.ok(upTo < 2000)
  await assert.rejects(async () => daemon.ingest(orders, order(1)), { code: 'DRAINING' })
})

test('closing ends a drain that would take long', async (t) => {
  const daemon = await startDaemon(t, { clock: new ManualClock(noonMs) })
  const { peer } = await RawPeer.open(t, daemon.url, 'p')
  peer.publish('orders', 0, batch(0, 10))
  await peer.acked(9)
  // A peer that does not answer the closing handshake holds the drain up.
  peer.tcp.pause()
  const drained = daemon.drain()
  await daemon.close()
  await drained
  await daemon.closed
})
