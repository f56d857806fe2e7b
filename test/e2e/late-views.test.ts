/**
 * Views that are added to a store: they count what the journal still has, as if they had been there
 * all the time, however often that is interrupted.
 */
import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import type { MillraceOptions } from '../../src/daemon/options.ts'
import { aggregate, entity, pushSource, streamFeatureView, t as type } from '../../src/index.ts'
import { startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { randomNumbers } from '../helpers/random.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)
const hourMs = 3_600_000

const fields = {
  id: type.Int64(),
  user: type.String(),
  shop: type.Int64(),
  at: type.Timestamp(),
  amount: type.Float64(),
}
const sources = [
  pushSource({ name: 'orders', schema: fields }),
  pushSource({ name: 'prices', schema: fields, dedupe: { by: 'event-time' } }),
  pushSource({
    name: 'clicks',
    schema: fields,
    dedupe: { by: 'event-id', field: 'id', horizon: '1d' },
  }),
]
const user = entity({ name: 'user', joinKeys: { user: type.String() } })
const shop = entity({ name: 'shop', joinKeys: { shop: type.Int64() } })

const first = sources.map((source) =>
  streamFeatureView({
    name: `${source.name}_first`,
    source,
    entities: [user],
    features: [aggregate('amount', 'sum', '1h')],
  }),
)
/** One on the way that there is, one on a new one. */
const late = sources.flatMap((source) => [
  streamFeatureView({
    name: `${source.name}_by_user`,
    source,
    entities: [user],
    features: [aggregate('amount', 'last', '7d'), aggregate('amount', 'stddev', '2d')],
  }),
  streamFeatureView({
    name: `${source.name}_by_shop`,
    source,
    entities: [shop],
    mode: 'continuous',
    leadingEdge: 'latest-event',
    features: [aggregate('amount', 'sum', '1d'), aggregate('user', 'last', '1d')],
  }),
])

/** Events around a moment: of few times, late, ahead and wrong ones among them. */
function randomEvents(count: number, nowMs: number, numbers: () => number) {
  const random = (below: number): number => Math.floor(numbers() * below)
  return Array.from({ length: count }, () => ({
    id: random(1000),
    user: `u${random(5)}`,
    shop: random(4),
    at: nowMs + (random(60) - 58) * hourMs,
    amount: random(9) === 0 ? 'much' : numbers(),
  }))
}

/** What all keys of a view come to. */
async function valuesOf(daemon: Millrace, { name }: { readonly name: string }) {
  const isByShop = name.endsWith('_shop')
  const keys = [0, 1, 2, 3, 4].map((n) => (isByShop ? { shop: BigInt(n) } : { user: `u${n}` }))
  const vectors = await daemon.get(name, keys)
  return vectors.map(({ values, states }) => ({ values, states }))
}

async function setUp(t: TestContext) {
  const dataDir = await temporaryDir(t)
  const clock = new ManualClock(noonMs)
  const referenceDir = await temporaryDir(t)
  const always = [...first, ...late]
  const reference = await startDaemon(t, { features: always, dataDir: referenceDir, clock })
  const open = (features: readonly unknown[], more: Partial<MillraceOptions> = {}) =>
    startDaemon(t, { features, dataDir, clock, threads: 2, ...more })
  /** Sends the same to both. */
  const ingest = async (daemon: Millrace, numbers: () => number) => {
    for (const { name } of sources) {
      const events = randomEvents(20, clock.nowMs(), numbers)
      await reference.ingest(name, events)
      await daemon.ingest(name, events)
    }
    clock.advance(hourMs)
  }
  const assertSame = async (daemon: Millrace, about: string) => {
    for (const view of always.filter(({ name }) => !name.startsWith('clicks'))) {
      const expected = await valuesOf(reference, view)
      assert.deepEqual(await valuesOf(daemon, view), expected, `${view.name} ${about}`)
    }
  }
  return { dataDir, open, ingest, assertSame, clock }
}

test('a view that is added counts the journal as if it had always been there', async (t) => {
  const numbers = randomNumbers(23)
  const { dataDir, open, ingest, assertSame } = await setUp(t)
  const daemon = await open(first)
  for (let n = 0; n < 6; n++) {
    await ingest(daemon, numbers)
    // Some of it is behind the checkpoints, some is not.
    if (n === 3) await daemon.checkpoint()
  }
  await daemon.close()
  const manifest = join(dataDir, 'store.json')
  const pending = join(dataDir, 'pending.json')
  // As the store is while they count: what a daemon leaves that is killed then.
  const info = (_: object, text: string): void => {
    if (text === 'definitions have changed') copyFileSync(manifest, pending)
  }
  const added = await open([...first, ...late], { log: { info, error: () => {} } })
  await assertSame(added, 'when they were added')
  await ingest(added, numbers)
  await assertSame(added, 'behind what was there')
  const certificate = await added.verify()
  assert.ok(certificate.isEqual)
  await added.close()
  const again = await open([...first, ...late])
  await assertSame(again, 'after a restart')
  await again.close()
  await copyFile(pending, manifest)
  const killed = await open([...first, ...late])
  await assertSame(killed, 'after a kill before it was known that they had')
  await ingest(killed, numbers)
  await killed.checkpoint()
  await killed.close()
  await assertSame(await open([...first, ...late]), 'after all')
})

test('where events have ids, a view that is added counts from then on', async (t) => {
  const numbers = randomNumbers(29)
  const { open, ingest } = await setUp(t)
  const daemon = await open(first)
  await ingest(daemon, numbers)
  await daemon.close()
  const added = await open([...first, ...late])
  for (const { states } of await valuesOf(added, { name: 'clicks_by_user' })) {
    assert.equal(states['amount_last_7d'], 'unseen')
  }
})
