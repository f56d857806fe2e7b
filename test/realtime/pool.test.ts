/**
 * What waits for the threads of realtime views, and what is told when too much does.
 */
import assert from 'node:assert/strict'
import { extname } from 'node:path'
import { test, type TestContext } from 'node:test'
import { realtimeTasksMax, realtimeThreads } from '../../src/base/limits.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { openRealtimePool } from '../../src/realtime/pool.ts'
import * as transfers from '../fixtures/transfers.ts'

const suffix = extname(import.meta.url)
const workerUrl = new URL(`../../workers/realtime${suffix}`, import.meta.url)
const definitionsUrl = new URL(`../fixtures/transfers${suffix}`, import.meta.url)

/** Asks for one row of the view that does as it is told. */
async function setUp(t: TestContext) {
  const { realtimeViews } = buildCatalog(Object.values(transfers))
  const { index } = realtimeViews.find(({ name }) => name === 'deed')!
  const pool = await openRealtimePool(workerUrl, definitionsUrl.href)
  t.after(() => pool.close())
  return (deed: string) => pool.run(index, [[deed]])
}

test('a task is refused where as many wait as may, and the others are computed', async (t) => {
  const ask = await setUp(t)
  const taken = Array.from({ length: realtimeThreads + realtimeTasksMax }, () => ask('row'))
  await assert.rejects(ask('row'), { code: 'OVERLOADED' })
  const outcomes = await Promise.all(taken)
  assert.ok(outcomes.flat().every((outcome) => 'values' in outcome && outcome.values[0] === 7n))
  assert.deepEqual(await ask('row'), [{ values: [7n] }])
})

test('a task that has waited as long as a lost thread was given is refused', async (t) => {
  const ask = await setUp(t)
  // Two rounds of all threads: the task comes before those of the second begin.
  const lost = Array.from({ length: 2 * realtimeThreads }, () => ask('hang'))
  const others = Promise.allSettled(lost)
  await assert.rejects(ask('row'), { code: 'OVERLOADED' })
  await others
  assert.deepEqual(await ask('row'), [{ values: [7n] }])
})
