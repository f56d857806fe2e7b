/**
 * When a lane is rebuilt, how often, and which event is taken for the cause.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { laneDeathsMax, laneDeathsMs, quarantinedMax } from '../../src/base/limits.ts'
import { Quarantine } from '../../src/recovery/quarantine.ts'
import { Rebuilds } from '../../src/recovery/rebuilds.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import type { Journal } from '../../src/journal/journal.ts'
import type { EventInHand } from '../../src/model/pulse.ts'
import { readQuarantine, writeQuarantine } from '../../src/persist/quarantine.ts'
import type { RebuildableLane } from '../../src/route/lanes.ts'
import * as orders from '../fixtures/orders.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const catalog = buildCatalog(Object.values(orders))
const views = catalog.routes[0]!.views.map((view) => catalog.views[view]!.name)
const event = (position: number): EventInHand => ({ position, route: 0, index: 3 })

/** Rebuilds of one lane, all of whose answers end at 100, over a ledger that had got to 50. */
async function setUp(t: TestContext) {
  const path = join(await temporaryDirectory(t), 'quarantine.json')
  const clock = new ManualClock(0)
  const failures: unknown[] = []
  const restarts: (readonly EventInHand[])[] = []
  const silent = { info: () => {}, error: () => {} }
  const rebuilds = new Rebuilds({
    journal: { start: 10 } as Journal,
    catalog,
    quarantine: await Quarantine.open(path, catalog),
    routing: {
      shards: 1,
      seed: { k0: 1, k1: 2 },
      resolveKey: () => assert.fail('nothing is replayed'),
      validateOnly: () => assert.fail('nothing is replayed'),
    },
    routesOf: () => [],
    isCatchingUp: () => false,
    recordedBefore: () => 50,
    clock,
    log: silent,
    onRebuilt: () => {},
    onFailure: (thrown) => failures.push(thrown),
  })
  const lane = {
    lane: 0,
    answered: 100,
    restart: (quarantined: readonly EventInHand[]) => {
      restarts.push(quarantined)
      return null
    },
  } as unknown as RebuildableLane
  const die = async (inHand: EventInHand | null = null): Promise<void> => {
    const { length } = restarts
    rebuilds.died(lane, { reason: 'exit', inHand })
    while (restarts.length === length && failures.length === 0) await turn()
  }
  return { path, clock, failures, restarts, rebuilds, die }
}

test('a lane is rebuilt so often within a time, and then the daemon ends', async (t) => {
  const { clock, failures, restarts, die, rebuilds } = await setUp(t)
  for (let n = 0; n < laneDeathsMax; n++) await die()
  clock.advance(laneDeathsMs)
  for (let n = 0; n < laneDeathsMax; n++) await die()
  assert.equal(restarts.length, 2 * laneDeathsMax)
  assert.deepEqual(failures, [])
  await die()
  assert.equal(restarts.length, 2 * laneDeathsMax)
  const [failure] = failures as { code: string; details: object }[]
  const { code, details } = failure!
  assert.deepEqual([code, details], ['SHARD_FAILED', { lane: 0, reason: 'exit' }])
  assert.equal(rebuilds.counters.deaths, 2 * laneDeathsMax + 1)
})

test('an event in hand at two deaths in a row is skipped from then on, and on disk', async (t) => {
  const { path, restarts, die } = await setUp(t)
  await die(event(200))
  await die(null)
  await die(event(200))
  await die(event(201))
  assert.deepEqual(await readQuarantine(path), [])
  await die(event(201))
  assert.deepEqual(restarts.at(-1), [event(201)])
  assert.deepEqual(await readQuarantine(path), [{ position: 201, index: 3, views }])
})

test('an event that was answered, or was before the ledger, is never skipped', async (t) => {
  const { restarts, die } = await setUp(t)
  for (const position of [40, 40, 100, 100]) await die(event(position))
  assert.deepEqual(restarts.at(-1), [])
})

test('quarantine is bounded, and what the journal has no more goes', async (t) => {
  const { path, failures, die } = await setUp(t)
  const quarantine = await Quarantine.open(path, catalog)
  const full = Array.from({ length: quarantinedMax }, (_, index) => ({ position: 9, index, views }))
  await writeQuarantine(path, full)
  const reopened = await Quarantine.open(path, catalog)
  await reopened.add(event(200), 0, 8).then(
    () => assert.fail('it is full'),
    (thrown: { code: string }) => assert.equal(thrown.code, 'SHARD_FAILED'),
  )
  assert.deepEqual(quarantine.events, [])
  const last = await Quarantine.open(path, catalog)
  await last.add(event(200), 0, 9)
  assert.deepEqual(last.events, [event(200)])
  await die(null)
  assert.deepEqual(failures, [])
})

test('a way whose every view is gone is none of today', async (t) => {
  const path = join(await temporaryDirectory(t), 'quarantine.json')
  await writeQuarantine(path, [{ position: 1, index: 0, views: ['gone'] }])
  assert.deepEqual((await Quarantine.open(path, catalog)).events, [])
})
