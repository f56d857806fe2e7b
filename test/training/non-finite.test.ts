/**
 * Floats that are NaN or infinite, in spines and in training sets: the values that reads have, in
 * each format as far as it goes.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { trainingSet } from '../../src/index.ts'
import { ManualClock } from '../../src/base/clock.ts'
import { openDatabase, sqlText } from '../../src/duckdb/database.ts'
import { startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { rowsOfParquet } from '../helpers/parquet-rows.ts'
import { root } from '../helpers/repository.ts'

const features = `${root}/test/fixtures/ratios.ts`
const at = '2026-03-01T12:00:00Z'
const key = { user_id: 'u1', shop_id: 's1' }

/** Makes sets of what a daemon has received: an order over nothing. */
async function setUp(t: TestContext) {
  const dir = await temporaryDir(t)
  const dataDir = join(dir, 'data')
  const clock = new ManualClock(Date.parse('2026-03-01T11:30:00Z'))
  const daemon = await startDaemon(t, { features, clock, dataDir })
  await daemon.ingest('orders', [{ ...key, at: '2026-03-01T11:00:00Z', amount: 0 }])
  const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
  t.after(() => database.close())
  const make = async (
    service: string,
    spine: string,
    ending: string,
    more: { timeColumn?: string } = { timeColumn: 'at' },
  ): Promise<string> => {
    const out = join(dir, `${extname(spine).slice(1)}.out.${ending}`)
    const options = { features, service, spine, out, threads: 1, ...more }
    await trainingSet({ ...options, as: 'served', dataDir })
    return out
  }
  const rowsOf = async (file: string) => rowsOfParquet(database, file)
  return { daemon, database, dir, make, rowsOf }
}

const values = ['NaN', 'Infinity', '-Infinity', '1.5']
/** Over zero. */
const ratios = ['NaN', 'Infinity', '-Infinity', 'Infinity']

test('a spine of any format has them, and so has the set of it', async (t) => {
  const { database, dir, make, rowsOf } = await setUp(t)
  const spines = ['parquet', 'csv', 'ndjson'].map((ending) => join(dir, `spine.${ending}`))
  const [parquet, csv, ndjson] = spines as [string, string, string]
  const rows = values.map((value) => `('u1', 's1', TIMESTAMP '2026-03-01 12:00:00', ${value})`)
  const doubles = rows.map((row) => row.replace(/([^ ]+)\)$/, (_, value) => `'${value}'::DOUBLE)`))
  const table = `(VALUES ${doubles.join()}) AS v(user_id, shop_id, "at", value)`
  await database.run(`COPY (SELECT * FROM ${table}) TO ${sqlText(parquet)} (FORMAT parquet)`)
  const lines = values.map((value) => `u1,s1,${at},${value}\n`)
  await writeFile(csv, `user_id,shop_id,at,value\n${lines.join('')}`)
  const objects = values.map((value) => ({ ...key, at, value: value === '1.5' ? 1.5 : value }))
  await writeFile(ndjson, objects.map((row) => `${JSON.stringify(row)}\n`).join(''))
  for (const spine of spines) {
    const made = await rowsOf(await make('ratio', spine, 'parquet'))
    const expected = values.map((value, n) => [Number(value), Number(ratios[n])])
    assert.deepEqual(
      made.map((row) => row.slice(4)),
      expected,
      spine,
    )

    const text = await readFile(await make('ratio', spine, 'csv'), 'utf8')
    const cells = text
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',').slice(3))
    assert.deepEqual(
      cells,
      values.map((value, n) => [value, value, ratios[n]]),
      spine,
    )

    const json = await readFile(await make('ratio', spine, 'ndjson'), 'utf8')
    const read = json
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as typeof key)
    const told = objects.map(({ value }, n) => [value, value, ratios[n]])
    assert.deepEqual(
      read.map((row) => Object.values(row).slice(3)),
      told,
      spine,
    )
  }
})

test('a spine that has nothing else needs no name for the column of its moments', async (t) => {
  const { dir, make, rowsOf } = await setUp(t)
  const ndjson = join(dir, 'infinite.ndjson')
  const rows = ['Infinity', '-Infinity'].map((value) => JSON.stringify({ ...key, at, value }))
  await writeFile(ndjson, rows.join('\n'))
  const csv = join(dir, 'infinite.csv')
  const cells = ['inf', '-INF', 'nan', '+Infinity'].map((value) => `u1,s1,${at},${value}\n`)
  await writeFile(csv, `user_id,shop_id,at,value\n${cells.join('')}`)
  const same = async (spine: string) =>
    (await rowsOf(await make('ratio', spine, 'parquet', {}))).map((row) => row[4])
  assert.deepEqual(await same(ndjson), [Infinity, -Infinity])
  assert.deepEqual(await same(csv), [Infinity, -Infinity, NaN, Infinity])
})

test('lists, structs and maps have them as reads of the daemon have them', async (t) => {
  const { daemon, dir, make, rowsOf } = await setUp(t)
  const asked = {
    value: 'NaN',
    small: '-Infinity',
    list: ['Infinity', null, 1.5, 'NaN'],
    parts: { x: '-Infinity', n: 7 },
    by_name: { a: 'NaN', b: 2 },
  }
  const plain = {
    value: 1,
    small: null,
    list: [],
    parts: { x: 1, n: null },
    by_name: { a: 1, b: 1 },
  }
  const requests = [asked, plain, { value: 1, small: null, list: null, parts: null, by_name: null }]
  const spine = join(dir, 'spine.ndjson')
  const lines = requests.map((each) => `${JSON.stringify({ ...key, at, ...each })}\n`)
  await writeFile(spine, lines.join(''))
  const answer = await daemon.http.inject({
    method: 'POST',
    url: '/v1/features/echo',
    payload: { keys: requests.map(() => key), requests },
  })
  const { rows } = JSON.parse(answer.body) as { rows: { values: Record<string, unknown> }[] }
  const json = await readFile(await make('echo', spine, 'ndjson'), 'utf8')
  const made = json
    .trimEnd()
    .split('\n')
    .map((line) => {
      const row = JSON.parse(line) as Record<string, unknown>
      return Object.fromEntries(Object.entries(row).slice(8))
    })
  // A whole number is one there, and here text.
  const served = rows.map(({ values }) => {
    const parts = values['parts'] as { x: unknown; n: string | null } | null
    const n = parts?.n === undefined || parts.n === null ? null : Number(parts.n)
    return { ...values, parts: parts === null ? null : { x: parts.x, n } }
  })
  const named = served.map((each) =>
    Object.fromEntries(Object.entries(each).map(([name, value]) => [`echo__${name}`, value])),
  )
  assert.deepEqual(made, named)
  const [first] = await rowsOf(await make('echo', spine, 'parquet'))
  assert.deepEqual(first!.slice(8, 10), [NaN, -Infinity])
  assert.deepEqual(first![10], [Infinity, null, 1.5, NaN])
})
