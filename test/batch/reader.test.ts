/**
 * What becomes of the rows of files and queries: events as a producer would have sent them.
 */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { csv, duckdb, ndjson, parquet } from '../../src/define/batch.ts'
import { t } from '../../src/define/types.ts'
import { parseTimestamp } from '../../src/model/timestamp.ts'
import { at, madeBySql as made, noonNs, orderFields, readBatch } from '../helpers/batches.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const order = { user_id: 'u1', at: noonNs, amount: 1.5, shop: 7n }

test('rows of Parquet files are events, each with its file and its row', async (context) => {
  const dir = await temporaryDirectory(context)
  const row = `SELECT 'u1' AS user_id, TIMESTAMP '2024-05-01 12:00:00' AS at,
    1.5::DOUBLE AS amount, 7::BIGINT AS shop, 'more' AS other`
  await made(
    `COPY (${row}) TO '${dir}/a.parquet'`,
    `COPY (${row} UNION ALL SELECT NULL,
      TIMESTAMP '2024-05-01 12:00:01.000001', NULL, 9007199254740993, '') TO '${dir}/b.parquet'`,
  )
  const { rows, places } = await readBatch(parquet(`${dir}/*.parquet`))
  assert.deepEqual(rows, [order, order, 'EVENT_FIELD_TYPE /user_id'])
  assert.deepEqual(places, ['a.parquet:1', 'b.parquet:1', 'b.parquet:2'])
})

test('texts of any length and times of any age come as they are', async () => {
  const texts = [
    '',
    'ä',
    'twelve bytes',
    'thirteen byte',
    'zwölf Bytes',
    'x'.repeat(300),
    'é'.repeat(6),
  ]
  const times = [
    '1950-01-01T00:00:00.000001Z',
    '1970-01-01T00:00:00Z',
    '2150-07-01T12:00:00.999999Z',
  ]
  const expected = texts.map((text, n) => [text, times[n % times.length]!] as const)
  const values = expected.map(([text, time]) => `('${text}', TIMESTAMP '${time.slice(0, -1)}')`)
  const sql = `SELECT * FROM (VALUES ${values.join(', ')}) AS t(name, "at")`
  const { rows } = await readBatch(duckdb(sql), { name: t.String(), at: t.Timestamp() })
  const events = expected.map(([name, time]) => ({ name, at: parseTimestamp(time) }))
  assert.deepEqual(rows, events)
})

test('of CSV, an empty text is one where the field is a text, else null', async (context) => {
  const dir = await temporaryDirectory(context)
  const file = join(dir, 'a.csv')
  const time = '2024-05-01T12:00:00Z'
  writeFileSync(file, `note,amount,at\n"","",${time}\n,,"${time}"\n"""","1",${time}\n`)
  const { rows } = await readBatch(csv(file), {
    note: t.nullable(t.String()),
    amount: t.nullable(t.Float64()),
    at: t.Timestamp(),
  })
  assert.deepEqual(rows, [
    { note: '', amount: null, at: noonNs },
    { note: null, amount: null, at: noonNs },
    { note: '"', amount: 1, at: noonNs },
  ])
})

test('a cell of CSV becomes what the schema says, or is refused alone', async (context) => {
  const dir = await temporaryDirectory(context)
  writeFileSync(join(dir, 'a.csv'), 'shop,user_id,at,amount\n7,u1,2024-05-01T12:00:00Z,1.5\n')
  writeFileSync(
    join(dir, 'b.csv'),
    [
      'shop,user_id,at,amount',
      '7,u1,2024-05-01 14:00:00+02:00,1.5',
      'seven,u1,2024-05-01,1.5',
      '7,u1,2024-05-01,much',
      '7,u1,at noon,1.5',
      '7,u1',
      '9007199254740993,05,2024-05-01,',
      '',
    ].join('\n'),
  )
  const { rows, places } = await readBatch(csv(`${dir}/*.csv`))
  assert.deepEqual(rows, [
    order,
    order,
    'EVENT_FIELD_TYPE /shop',
    'EVENT_FIELD_TYPE /amount',
    'EVENT_TIME /at',
    { user_id: '05', at: noonNs - 43_200_000_000_000n, amount: null, shop: 9007199254740993n },
    'BATCH_ROW ',
  ])
  assert.deepEqual(places.slice(0, 3), ['a.csv:1', 'b.csv:1', 'b.csv:2'])
  assert.deepEqual(places.slice(-2), ['b.csv:6', 'b.csv:5'])
})

test('a line of NDJSON that is wrong is refused alone, and integers are exact', async (context) => {
  const dir = await temporaryDirectory(context)
  const lines = [
    '{"user_id":"u1","at":"2024-05-01T12:00:00Z","amount":1.5,"shop":7}',
    `{"shop":9007199254740993,"user_id":"\\u00fc","at":${at},"more":{"a":1}}`,
    '{"user_id":5,"at":"2024-05-01T12:00:00Z","shop":7}',
    'no json',
    '{"user_id":"u1","at":"2024-05-01T12:00:00Z","shop":"7"}',
  ]
  writeFileSync(join(dir, 'a.ndjson'), lines.join('\n'))
  const { rows, places } = await readBatch(ndjson(`${dir}/a.ndjson`))
  assert.deepEqual(rows, [
    order,
    { user_id: 'ü', at: noonNs, amount: null, shop: 9007199254740993n },
    'EVENT_FIELD_TYPE /user_id',
    { ...order, amount: null },
    'BATCH_ROW ',
  ])
  assert.deepEqual(
    places,
    [1, 2, 3, 5, 4].map((row) => `a.ndjson:${row}`),
  )
})

test('a range holds the events from one moment on and before another, by time', async () => {
  const rows = [3, 1, 2, 0].map(
    (second) => `('u${second}', TIMESTAMP_NS '2024-05-01 12:00:0${second}.000000001', 1.5, 7)`,
  )
  const sql = `SELECT * FROM (VALUES ${rows.join(', ')}) AS v(user_id, "at", amount, shop)`
  const read = await readBatch(duckdb(sql), orderFields, {
    fromNs: noonNs + 1_000_000_001n,
    toNs: noonNs + 3_000_000_001n,
    isOrdered: true,
  })
  assert.deepEqual(read.places, ['undefined:2', 'undefined:3'])
  assert.deepEqual(
    read.rows.map((row) => (row as { at: bigint }).at - noonNs),
    [1_000_000_001n, 2_000_000_001n],
  )
})

test('a post-processor may be a query over what is there', async (context) => {
  const dir = await temporaryDirectory(context)
  mkdirSync(join(dir, 'shop=7'))
  await made(`COPY (SELECT 'U1' AS id, ${at} AS ms, 150 AS cents) TO '${dir}/shop=7/a.parquet'`)
  const batch = parquet(`${dir}/*/*.parquet`, {
    hivePartitions: true,
    postProcessor: 'SELECT lower(id) AS user_id, ms AS at, cents / 100 AS amount, shop FROM batch;',
  })
  assert.deepEqual((await readBatch(batch)).rows, [order])
})

test('a post-processor may be a function, and what it refuses is told with its row', async () => {
  const batch = duckdb(
    `SELECT * FROM (VALUES ('u1', 1.5), ('skip', 2), ('throw', 3), ('late', 4), ('u2', NULL))
      v(id, amount)`,
    {
      inputSchema: { id: t.String(), amount: t.nullable(t.Float64()) },
      postProcessor: ({ id, amount }) => {
        if (id === 'throw') throw new Error('no')
        const row = { user_id: id, at: id === 'late' ? 0n : noonNs, amount, shop: 7n }
        return id === 'skip' ? null : row
      },
    },
  )
  const read = await readBatch(batch, orderFields, { fromNs: 1n, toNs: null, isOrdered: true })
  assert.deepEqual(read.rows, [
    'POST_PROCESSOR_FAILED ',
    order,
    { ...order, user_id: 'u2', amount: null },
  ])
  assert.deepEqual(read.places, ['undefined:3', 'undefined:1', 'undefined:5'])
})

test('every column that does not fit is named before anything is read', async () => {
  const sql = `SELECT 1 AS user_id, DATE '2024-05-01' AS at, [1.5] AS amount, 'x' AS "SHOPS"`
  await assert.rejects(readBatch(duckdb(sql)), {
    code: 'BATCH_COLUMNS',
    message:
      'the batch source of "orders" does not fit: column "user_id" is INTEGER, which cannot be ' +
      'String; column "amount" is DECIMAL(2,1)[], which cannot be Float64; there is no column ' +
      '"shop"',
  })
})

test('files that are not there, and queries that are wrong, are refused', async () => {
  await assert.rejects(readBatch(duckdb('SELECT FROM')), { code: 'QUERY_FAILED' })
  await assert.rejects(readBatch(parquet('nowhere/*.parquet')), {
    code: 'BATCH_FILE',
    message: 'batch source of "orders": nowhere/*.parquet: there is no such file',
  })
})

test('lists, structs, maps and instants keep their values', async () => {
  const fields = {
    at: t.Timestamp(),
    items: t.Array(t.Struct({ sku: t.String(), sold: t.nullable(t.Timestamp()) })),
    tags: t.Map(t.Int64()),
    flag: t.Bool(),
    small: t.Float32(),
  }
  const sql = `SELECT TIMESTAMPTZ '2024-05-01 14:00:00+02' AS at, true AS flag, 0.1 AS small,
    [{sku: 'a', more: 1, sold: TIMESTAMP_NS '2024-05-01 12:00:00.000000001'}] AS items,
    MAP {'x': 9223372036854775807} AS tags`
  const { rows } = await readBatch(duckdb(sql), fields)
  assert.equal(rows.length, 1)
  const row = rows[0] as Record<string, unknown>
  assert.equal(row['at'], noonNs)
  assert.deepEqual(row['tags'], new Map([['x', 9223372036854775807n]]))
  assert.equal(row['small'], Math.fround(0.1))
  assert.deepEqual(
    JSON.stringify(row['items'], (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)),
    `[{"sku":"a","sold":"${noonNs + 1n}"}]`,
  )
})
