/**
 * Verification over the offline log, when the beginning of the journal is gone.
 */
import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { aggregate, entity, pushSource, streamFeatureView, t as type } from '../../src/index.ts'
import type { Certificate } from '../../src/model/certificate.ts'
import { startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { offlinePaths } from '../helpers/offline-rows.ts'
import { randomNumbers } from '../helpers/random.ts'

const noonMs = Date.UTC(2026, 2, 1, 12)
const dayMs = 86_400_000

const fields = {
  id: type.Int64(),
  user: type.String(),
  shop: type.Int64(),
  at: type.Timestamp(),
  amount: type.Float64(),
  tags: type.Array(type.String()),
}
const sources = {
  orders: pushSource({
    name: 'orders',
    offline: true,
    schema: fields,
    dedupe: { by: 'event-id', field: 'id', horizon: '1d' },
  }),
  returns: pushSource({
    name: 'returns',
    offline: true,
    schema: fields,
    dedupe: { by: 'event-time' },
  }),
  // Not in the offline log.
  visits: pushSource({ name: 'visits', schema: fields }),
}
const user = entity({ name: 'user', joinKeys: { user: type.String() } })
const shop = entity({ name: 'shop', joinKeys: { shop: type.Int64() } })
const features = Object.values(sources).flatMap((source) => [
  streamFeatureView({
    name: `${source.name}_by_user`,
    source,
    entities: [user],
    features: [
      aggregate('amount', 'sum', '1h'),
      aggregate('amount', 'stddev', '7d'),
      aggregate('tags', 'last', '7d'),
    ],
  }),
  streamFeatureView({
    name: `${source.name}_by_shop`,
    source,
    entities: [shop],
    mode: 'continuous',
    leadingEdge: 'latest-event',
    features: [aggregate('user', 'count', '30d')],
  }),
])

/** Events around a moment, some too late, in the future, wrong or duplicates. */
function randomEvents(count: number, nowMs: number, numbers: () => number) {
  const random = (below: number): number => Math.floor(numbers() * below)
  return Array.from({ length: count }, () => ({
    id: random(100),
    user: `u${random(8)}`,
    shop: random(6),
    at: nowMs - random(2 * dayMs) + (random(9) === 0 ? dayMs : 0),
    amount: random(9) === 0 ? 'much' : numbers(),
    tags: [`t${random(5)}`],
  }))
}

const missing = ({ views }: Certificate) =>
  Object.fromEntries(
    views.map(({ view, uncertified, completeFrom }) => [view, { uncertified, completeFrom }]),
  )

test('the events that only the offline log has are counted again', async (t) => {
  const numbers = randomNumbers(17)
  const clock = new ManualClock(noonMs)
  const dataDir = await temporaryDir(t)
  const same = { features, clock, dataDir, retainBytesMax: 0, retainMsMax: 1 }
  for (let start = 0; start < 3; start++) {
    const daemon = await startDaemon(t, same)
    for (let n = 0; n < 4; n++) {
      for (const name of Object.keys(sources)) {
        await daemon.ingest(name, randomEvents(25, clock.nowMs(), numbers))
      }
      clock.advance(dayMs / 5)
      await daemon.writeOffline()
    }
    await daemon.checkpoint()
    const certificate = await daemon.verify({ keys: 1000 })
    assert.equal(certificate.difference, null)
    assert.ok(certificate.isEqual)
    const { visits_by_user: visits, ...logged } = missing(certificate)
    if (start > 0) {
      assert.ok(certificate.journal.from > 0)
      assert.ok(certificate.loggedEvents > 0)
      assert.notEqual(visits!.completeFrom, null)
    }
    for (const view of ['orders_by_user', 'orders_by_shop', 'returns_by_user', 'returns_by_shop']) {
      assert.deepEqual(logged[view], { uncertified: 0, completeFrom: null }, view)
    }
    await daemon.close()
  }
  // A file is put elsewhere.
  const dir = join(dataDir, 'offline')
  const before = await offlinePaths(dir)
  const [path] = before
  await rename(join(dir, path!), join(dataDir, 'elsewhere'))
  const unsure = await startDaemon(t, same)
  const { isEqual, loggedEvents, ...found } = await unsure.verify({ keys: 1000 })
  assert.deepEqual([isEqual, loggedEvents], [true, 0])
  assert.notEqual(
    missing({ isEqual, loggedEvents, ...found })['orders_by_shop']!.completeFrom,
    null,
  )
  await unsure.close()
  await rename(join(dataDir, 'elsewhere'), join(dir, path!))
  // The log lets go of its oldest day.
  const last = await startDaemon(t, { ...same, offlineMsMax: dayMs })
  await last.ingest('visits', randomEvents(1, clock.nowMs(), numbers))
  await last.writeOffline()
  const after = await offlinePaths(dir)
  assert.ok(after.length < before.length)
  const certificate = await last.verify({ keys: 1000 })
  assert.ok(certificate.isEqual)
  assert.notEqual(missing(certificate)['orders_by_shop']!.completeFrom, null)
  assert.ok(missing(certificate)['orders_by_shop']!.uncertified > 0)
})
