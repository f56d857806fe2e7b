/**
 * Realtime views in training sets: of the request data of a spine.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { testKit, trainingSet } from '../../src/index.ts'
import { ManualClock } from '../../src/base/clock.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { openDatabase } from '../../src/duckdb/database.ts'
import { ofSchema } from '../../src/training/of-schema.ts'
import { resolveTrainingOptions } from '../../src/training/options.ts'
import { runPass } from '../../src/training/pass.ts'
import { makeTrainingSet } from '../../src/training/training-set.ts'
import { orders, transfer } from '../fixtures/transfers.ts'
import { startDaemon } from '../helpers/daemons.ts'
import { plain } from '../helpers/plain.ts'
import { rowsOfParquet } from '../helpers/parquet-rows.ts'
import { root } from '../helpers/repository.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const noonMs = Date.UTC(2024, 4, 1, 12)

/** An order of the past, so many seconds after noon. */
const past = [
  { user_id: 1n, second: 0, amount: 40n },
  { user_id: 2n, second: 5, amount: 2n ** 60n },
  { user_id: 1n, second: 20, amount: 2n },
].map(({ second, ...order }) => {
  return { ...order, at: new Date(noonMs + 1000 * second), tags: { a: BigInt(second) } }
})

const catalog = (() => {
  const built = buildCatalog([transfer])
  const rows = past.map(({ user_id, at, amount, tags }) => {
    const time = `TIMESTAMP '${at.toISOString().replace('T', ' ').replace('Z', '')}'`
    return `(${user_id}::BIGINT, ${time}, ${amount}::BIGINT, MAP {'a': ${tags.a}::BIGINT})`
  })
  const sql = `SELECT * FROM (VALUES ${rows.join(', ')}) v(user_id, "at", amount, tags)`
  const batch = { from: { kind: 'query' as const, sql }, query: null }
  return { ...built, sources: built.sources.map((source) => ({ ...source, batch })) }
})()

/** The set of a spine of NDJSON, and what the manifest says of realtime views. */
async function made(t: TestContext, spine: readonly object[], endings = ['ndjson', 'parquet']) {
  const dir = await temporaryDirectory(t)
  const [file, out] = endings.map((ending, n) => join(dir, `${n}.${ending}`))
  await writeFile(file!, spine.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const { realtime } = await makeTrainingSet({
    catalog,
    options: resolveTrainingOptions({
      features: [],
      service: 'transfer',
      spine: file!,
      out: out!,
      threads: 1,
      timeColumn: 'at',
    }),
    pool: {
      run: (task) => runPass(ofSchema(catalog), task),
      close: () => Promise.resolve(),
    },
  })
  const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
  const rows = await rowsOfParquet(database, out!)
  await database.close()
  return { rows, realtime }
}

const asked = [
  { second: -1, sender_id: 1, receiver_id: 2, amount: 5, note: 'early', deed: 'row' },
  { second: 6, sender_id: 1, receiver_id: 2, amount: 5, note: null, deed: 'nothing' },
  { second: 6, sender_id: 2, receiver_id: 1, amount: 7, note: 'x', deed: 'throw' },
  { second: 20, sender_id: 1, receiver_id: 3, amount: 9, note: 'late', deed: 'text' },
]

test('a realtime view is computed of request data and of what was at the moment', async (t) => {
  const kit = testKit([transfer], { now: new Date(noonMs - 1000) })
  const expected: unknown[][] = []
  let left = [...past]
  for (const { second, sender_id, receiver_id, ...request } of asked) {
    const now = new Date(noonMs + 1000 * second)
    for (const order of left.filter(({ at }) => at <= now)) {
      kit.setTime(order.at)
      kit.push(orders, order)
    }
    left = left.filter(({ at }) => at > now)
    kit.setTime(now)
    const key = { sender_id, receiver_id }
    const { values } = await kit.read(transfer, key as never, { requestData: [request] } as never)
    expected.push(Object.values(values).map((value) => plain(value as never)))
  }
  const spine = asked.map(({ second, ...row }) => {
    return { ...row, at: new Date(noonMs + 1000 * second).toISOString() }
  })
  const { rows, realtime } = await made(t, spine)
  const values = rows.map((row) => row.slice(6))
  assert.deepEqual(values, expected)
  assert.deepEqual(realtime, [
    { view: 'check', failed: 0, failure: null },
    { view: 'deed', failed: 2, failure: 'it was asked to' },
  ])
})

test('request data that is not there, or is none, makes the spine unusable', async (t) => {
  const at = new Date(noonMs).toISOString()
  const row = { at, sender_id: 1, receiver_id: 2, amount: 5, note: 'x', deed: 'row' }
  const { amount: _amount, ...without } = row
  await assert.rejects(made(t, [without]), {
    code: 'SPINE_INVALID',
    message: /there is no column "amount"$/,
  })
  await assert.rejects(made(t, [row, { ...row, amount: null }]), {
    code: 'SPINE_INVALID',
    message: /"amount" of row 2: /,
  })
})

test('threads of a set are not posted the functions of its file', async (t) => {
  const dir = await temporaryDirectory(t)
  const dataDir = join(dir, 'data')
  const features = join(root, 'test/fixtures/transfers.ts')
  await startDaemon(t, { features, dataDir, clock: new ManualClock(noonMs) })
  const spine = join(dir, 'spine.ndjson')
  const row = { sender_id: 1, receiver_id: 2, amount: 5, note: 'x', deed: 'row' }
  await writeFile(spine, JSON.stringify({ ...row, at: new Date(noonMs).toISOString() }))
  const { realtime } = await trainingSet({
    features,
    service: 'transfer',
    spine,
    out: join(dir, 'out.parquet'),
    as: 'served',
    dataDir,
    timeColumn: 'at',
    threads: 1,
  })
  assert.deepEqual(
    realtime.map(({ failed }) => failed),
    [0, 0],
  )
})
