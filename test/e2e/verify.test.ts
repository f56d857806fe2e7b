/**
 * Verification of what a daemon serves, while events come, across restarts, and of what is wrong.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { aggregate, entity, pushSource, streamFeatureView, t as type } from '../../src/index.ts'
import type { Certificate } from '../../src/model/certificate.ts'
import { startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { randomNumbers } from '../helpers/random.ts'
import { root } from '../helpers/repository.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)
const dayMs = 86_400_000

const user = entity({ name: 'user', joinKeys: { user: type.String() } })
const shop = entity({ name: 'shop', joinKeys: { shop: type.Int64() } })
const orders = pushSource({
  name: 'orders',
  schema: {
    id: type.Int64(),
    user: type.String(),
    shop: type.Int64(),
    at: type.Timestamp(),
    amount: type.Float64(),
  },
  dedupe: { by: 'event-id', field: 'id', horizon: '1d' },
})
const byUser = streamFeatureView({
  name: 'by_user',
  source: orders,
  entities: [user],
  features: [aggregate('amount', 'sum', '1h'), aggregate('amount', 'stddev', '7d')],
})
const byShop = streamFeatureView({
  name: 'by_shop',
  source: orders,
  entities: [shop],
  mode: 'continuous',
  leadingEdge: 'latest-event',
  features: [aggregate('user', 'count', '1d'), aggregate('amount', 'max', '1h')],
})
const features = [byUser, byShop]

/** Orders around a moment, some too late, in the future or duplicates. */
function randomOrders(count: number, nowMs: number, numbers: () => number) {
  const random = (below: number): number => Math.floor(numbers() * below)
  return Array.from({ length: count }, () => ({
    id: random(500),
    user: `u${random(40)}`,
    shop: random(30),
    at: nowMs - random(2 * dayMs) + (random(9) === 0 ? dayMs : 0),
    amount: numbers(),
  }))
}

const totals = ({ views }: Certificate) =>
  views.map(({ view, keys, different, uncertified }) => ({ view, keys, different, uncertified }))

test('what is served is what the journal says, while events come and after restarts', async (t) => {
  const numbers = randomNumbers(6)
  const clock = new ManualClock(noonMs)
  const same = { features, clock, dataDir: await temporaryDir(t) }
  for (let start = 0; start < 3; start++) {
    const daemon = await startDaemon(t, same)
    for (let n = 0; n < 5; n++) {
      await daemon.ingest('orders', randomOrders(50, clock.nowMs(), numbers))
      clock.advance(600_000)
    }
    const verifying = daemon.verify({ keys: 1000 })
    for (let n = 0; n < 20; n++)
      await daemon.ingest('orders', randomOrders(5, clock.nowMs(), numbers))
    const certificate = await verifying
    assert.equal(certificate.difference, null)
    assert.ok(certificate.isEqual)
    assert.deepEqual(totals(certificate), [
      { view: 'by_shop', keys: 30, different: 0, uncertified: 0 },
      { view: 'by_user', keys: 40, different: 0, uncertified: 0 },
    ])
    const sampled = await daemon.verify({ keys: 7, seed: start })
    assert.deepEqual(
      sampled.views.map(({ keys, isSample, equal }) => [keys, isSample, equal]),
      [
        [7, true, 14],
        [7, true, 14],
      ],
    )
    await (start === 0 ? daemon.drain() : daemon.close())
  }
})

test('a value that differs is explained event by event', async (t) => {
  const clock = new ManualClock(noonMs)
  const dataDir = await temporaryDir(t)
  const same = { clock, dataDir, features: join(root, 'test/fixtures/impure.ts') }
  const daemon = await startDaemon(t, same)
  const sale = (user: string, amount: number) => ({ user, at: noonMs - 1000, amount })
  await daemon.ingest('sales', [sale('a', 5)])
  await daemon.checkpoint()
  await daemon.close()
  // It counts from 1 again.
  const again = await startDaemon(t, same)
  await again.ingest('sales', [sale('a', 6)])
  const response = await fetch(`${again.url}/v1/verify`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"keys": 10, "seed": 3}',
  })
  assert.equal(response.status, 202)
  const certificate = await again.verify()
  assert.equal(certificate.isEqual, false)
  assert.equal(certificate.seed, 3, 'who comes meanwhile is told what comes of the first')
  const { events, ...difference } = certificate.difference!
  assert.deepEqual(difference, {
    view: 'total',
    feature: 'amount_sum_1d',
    key: { user: 'a' },
    edge: '2026-03-01T12:00:00Z',
    served: { state: 'present', value: '2' },
    counted: difference.counted,
    eventsBefore: 0,
  })
  assert.deepEqual(
    events.map(({ sequence, value, verdict, time }) => ({ sequence, value, verdict, time })),
    [
      { sequence: 0, value: '5', verdict: 'counted', time: '2026-03-01T11:59:59Z' },
      { sequence: 0, value: '6', verdict: 'counted', time: '2026-03-01T11:59:59Z' },
    ],
  )
  const { body } = await again.http.inject('/v1/status')
  const { verification } = JSON.parse(body) as { verification: { runs: number; last: object } }
  assert.equal(verification.runs, 1)
  assert.equal('difference' in verification.last, false)
  assert.deepEqual(
    certificate.views.map(({ view, different }) => [view, different]),
    [
      ['plain', 0],
      ['total', 1],
    ],
  )
})
