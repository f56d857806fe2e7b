/**
 * Files that do not fit, and rows that are none: each is named by its file and its number, and no
 * value is changed or lost without a word.
 */
import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { BatchReader } from '../../src/batch/reader.ts'
import { csv, duckdb, ndjson, parquet, type BatchSource } from '../../src/define/batch.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { pushSource } from '../../src/define/source.ts'
import { t, type Fields } from '../../src/define/types.ts'
import { openDatabase } from '../../src/duckdb/database.ts'
import { madeBySql, readBatch } from '../helpers/batches.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const fields = { id: t.String(), at: t.Timestamp(), n: t.nullable(t.Float64()) }
const time = '2024-05-01T12:00:00Z'

async function directory(context: TestContext, files: Readonly<Record<string, string>> = {}) {
  const dir = await temporaryDirectory(context)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}

/** Makes Parquet files of a row each, with what is different in them. */
async function parquets(dir: string, rows: Readonly<Record<string, string>>): Promise<void> {
  const statements = Object.entries(rows).map(
    ([name, columns]) =>
      `COPY (SELECT 'u1' AS id, TIMESTAMP '2024-05-01 12:00:00' AS at, ${columns})
        TO '${dir}/${name}.parquet'`,
  )
  await madeBySql(...statements)
}

/** That a source is refused, and why: file names are short. */
async function refused(
  batch: BatchSource,
  dir: string,
  code: string,
  reason: string,
  schema: Fields = fields,
): Promise<void> {
  const begin =
    code === 'BATCH_FILE' ? 'batch source of "orders"' : 'the batch source of "orders" does not fit'
  await assert.rejects(readBatch(batch, schema), (thrown: Error & { code: string }) => {
    assert.equal(thrown.message.replaceAll(`${dir}/`, ''), `${begin}: ${reason}`)
    return thrown.code === code
  })
}

/** The short names of places, and `n` or the code of each. */
async function numbersIn(batch: BatchSource): Promise<Readonly<Record<string, unknown>>> {
  const { rows, places } = await readBatch(batch, fields)
  return Object.fromEntries(
    rows.map((row, i) => [places[i], typeof row === 'string' ? row : (row as { n: unknown }).n]),
  )
}

test('Parquet files whose types differ are refused, and not cast', async (context) => {
  const dir = await directory(context)
  await parquets(dir, { a: '3 AS n, 1 AS more', b: '3 AS n', c: `3.5::DOUBLE AS n, 'x' AS more` })
  const reason = 'c.parquet: column "n" is DOUBLE, and INTEGER in a.parquet'
  await refused(parquet(`${dir}/*.parquet`), dir, 'BATCH_COLUMNS', reason)
})

test('columns that nobody reads may differ between Parquet files', async (context) => {
  const dir = await directory(context)
  await parquets(dir, { a: '3 AS n, 1 AS more', b: `4 AS n, 'x' AS more`, c: '5 AS n' })
  assert.deepEqual(await numbersIn(parquet(`${dir}/*.parquet`)), {
    'a.parquet:1': 3,
    'b.parquet:1': 4,
    'c.parquet:1': 5,
  })
})

test('types within lists and structs are compared, too', async (context) => {
  const dir = await directory(context)
  const schema = { ...fields, s: t.Struct({ x: t.Array(t.Float64()) }) }
  await parquets(dir, { a: '3 AS n, {x: [1::INT]} AS s', b: '3 AS n, {x: [1.5::DOUBLE]} AS s' })
  const reason =
    'b.parquet: column "s" is STRUCT("x" DOUBLE[]), and STRUCT("x" INTEGER[]) in a.parquet'
  await refused(parquet(`${dir}/*.parquet`), dir, 'BATCH_COLUMNS', reason, schema)
})

test('a column that a later Parquet file does not have is named with the file', async (context) => {
  const dir = await directory(context)
  await parquets(dir, { a: '3 AS n', b: '3 AS m' })
  const reason = 'b.parquet: there is no column "n", as there is in a.parquet'
  await refused(parquet(`${dir}/*.parquet`), dir, 'BATCH_COLUMNS', reason)
  const query = parquet(`${dir}/*.parquet`, { postProcessor: 'SELECT * FROM batch' })
  await refused(query, dir, 'BATCH_COLUMNS', reason)
})

test('the first Parquet file is named when it is the wrong one', async (context) => {
  const dir = await directory(context)
  await parquets(dir, { a: `'x' AS n, [1] AS m` })
  const reason = 'a.parquet: column "m" is INTEGER[], which cannot be Int64'
  const schema = { ...fields, n: t.String(), m: t.Int64() }
  await refused(parquet(`${dir}/*.parquet`), dir, 'BATCH_COLUMNS', reason, schema)
})

test('what is no Parquet file is named before anything is read', async (context) => {
  const dir = await directory(context, { 'b.parquet': 'hello' })
  await parquets(dir, { a: '3 AS n', c: '4 AS n' })
  const why = `Invalid Input Error: File 'b.parquet' too small to be a Parquet file`
  await refused(parquet(`${dir}/*.parquet`), dir, 'BATCH_FILE', `b.parquet: ${why}`)
})

test('a file whose name looks like a pattern is read itself, and once', async (context) => {
  const dir = await directory(context)
  await parquets(dir, { 'x[1]': '3 AS n', x1: '4 AS n' })
  assert.deepEqual(await numbersIn(parquet([`${dir}/x*.parquet`, `${dir}//x1.parquet`])), {
    'x1.parquet:1': 4,
    'x[1].parquet:1': 3,
  })
})

test('a row is in its file also where a range leaves out folders before it', async (context) => {
  const dir = await directory(context)
  for (const day of ['2024-05-01', '2024-05-02', '2024-05-03']) {
    mkdirSync(join(dir, `at=${day}`))
    await madeBySql(`COPY (SELECT 'u1' AS id, 1 AS n) TO '${dir}/at=${day}/${day}.parquet'`)
  }
  const { places } = await readBatch(
    parquet(`${dir}/*/*.parquet`, { hivePartitions: true }),
    fields,
    {
      fromNs: BigInt(Date.UTC(2024, 4, 2)) * 1_000_000n,
      toNs: null,
      isOrdered: true,
    },
  )
  assert.deepEqual(places, ['2024-05-02.parquet:1', '2024-05-03.parquet:1'])
})

test('rows of CSV are numbered by records, whatever is broken, empty or long', async (context) => {
  const lines = [
    'id,at,n',
    `"u\n1",${time},1`,
    '',
    `u1,${time}`,
    `u1,${time},3`,
    '',
    `u1,${time},4,5`,
    `"u""\n\n1",${time},5`,
    `u1,"x"y,6`,
    `u1,${time},7`,
  ]
  const expected = (file: string): object => ({
    [`${file}:1`]: 1,
    [`${file}:3`]: 3,
    [`${file}:5`]: 5,
    [`${file}:7`]: 7,
    [`${file}:2`]: 'BATCH_ROW ',
    [`${file}:4`]: 'BATCH_ROW ',
    [`${file}:6`]: 'BATCH_ROW ',
  })
  const text = lines.join('\n')
  const dir = await directory(context, { 'a.csv': text, 'b.csv': text.replaceAll('\n', '\r\n') })
  writeFileSync(join(dir, 'c.csv.gz'), gzipSync(text))
  assert.deepEqual(await numbersIn(csv([`${dir}/*.csv`, `${dir}/*.gz`])), {
    ...expected('a.csv'),
    ...expected('b.csv'),
    ...expected('c.csv.gz'),
  })
})

test('a row of CSV that is not in UTF-8, or too long, is rejected alone', async (context) => {
  const long = 'x'.repeat(3_000_000)
  const rows = [`u1,${time},1`, 'x', `u1,${time},3`, `\xff,${time},4`, long, `u1,${time},6`]
  const text = ['\xef\xbb\xbf"id",at,n', ...rows, ''].join('\n')
  const dir = await directory(context)
  writeFileSync(join(dir, 'a.csv'), Buffer.from(text, 'latin1'))
  assert.deepEqual(await numbersIn(csv(`${dir}/a.csv`)), {
    'a.csv:1': 1,
    'a.csv:2': 'BATCH_ROW ',
    'a.csv:3': 3,
    'a.csv:4': 'BATCH_ROW ',
    'a.csv:5': 'BATCH_ROW ',
    'a.csv:6': 6,
  })
})

test('CSV files may have their columns in any order, and others beside them', async (context) => {
  const dir = await directory(context, {
    'a.csv': `id,at,n\nu1,${time},1\n`,
    'b.csv': `n,more,more,AT,id\n2,x,y,${time},u1\n3,,,${time},u1\n`,
    'c.csv': `id,at,n\nu1,${time},4\n`,
  })
  assert.deepEqual(await numbersIn(csv(`${dir}/*.csv`)), {
    'a.csv:1': 1,
    'b.csv:1': 2,
    'b.csv:2': 3,
    'c.csv:1': 4,
  })
})

test('a CSV file with no row but the header is one without rows', async (context) => {
  const dir = await directory(context, {
    'a.csv': 'id,at,n',
    'b.csv': `id,at,n\nu1,${time},1\n`,
    'c.csv': 'id,at,n\n',
  })
  assert.deepEqual(await numbersIn(csv(`${dir}/*.csv`)), { 'b.csv:1': 1 })
})

test('a CSV file whose header does not fit is named, with what to do about it', async (context) => {
  const dir = await directory(context, {
    'empty.csv': '',
    'blank.csv': `\nid,at,n\n`,
    'semicolons.csv': `id;at;n\nu1;${time};1\n`,
    'twice.csv': `id,at,n,N\nu1,${time},1,2\n`,
    'quote.csv': `id,"at,n\nu1,${time},1\n`,
    'mixed.csv': `id,at,n\r\nu1,${time},1\nu1,${time},1\r\n`,
  })
  const no = ['id', 'at', 'n'].map((name) => `there is no column "${name}"`).join('; ')
  const cases = {
    empty: ['BATCH_FILE', 'it is empty: its first line has to name the columns'],
    blank: ['BATCH_FILE', 'its first line is empty: its first line has to name the columns'],
    semicolons: [
      'BATCH_COLUMNS',
      `${no}; its values are separated by ";", not by commas: read it by duckdb("SELECT * FROM ` +
        `read_csv('…', delim = ';')")`,
    ],
    twice: ['BATCH_COLUMNS', 'there is more than one column "n"'],
    quote: ['BATCH_FILE', 'a quote in its first line is not closed'],
    mixed: ['BATCH_FILE', 'its lines do not all end in the same way: with \\n, or all with \\r\\n'],
  }
  for (const [name, [code, reason]] of Object.entries(cases)) {
    await refused(csv(`${dir}/${name}.csv`), dir, code!, `${name}.csv: ${reason}`)
  }
})

test('a quote that is not closed rejects what it swallows, by its row', async (context) => {
  const dir = await directory(context, {
    'a.csv': `id,at,n\nu1,${time},1\n"u1,${time},2\nu1,${time},3\n`,
    'b.csv': `id,at,n\nu1,${time},1\n"u1,${time},2\n"u1",${time},3\n"u1",${time},4\n`,
    'c.csv': `n,id,at\n1,u1,${time}\n"2" x,u1,${time}\n"3",u1,${time}\n`,
  })
  assert.deepEqual(await numbersIn(csv(`${dir}/*.csv`)), {
    'a.csv:1': 1,
    'a.csv:2': 'BATCH_ROW ',
    'b.csv:1': 1,
    'b.csv:2': 'BATCH_ROW ',
    'b.csv:3': 4,
    'c.csv:1': 1,
    'c.csv:2': 'BATCH_ROW ',
    'c.csv:3': 3,
  })
})

test('a line of NDJSON that is no object is rejected alone, by its number', async (context) => {
  const line = (n: number): string => `{"id":"u1","at":"${time}","n":${n}}`
  const dir = await directory(context, {
    'a.ndjson': ['[1]', line(2), '', '"x"', `{"id":"u1","at":"${time}","n":1,"n":2}`].join('\n'),
    'b.ndjson': ['null', line(2), `${line(3)}${line(4)}`, ` ${line(4)}\r`, '{"id":"u1","at'].join(
      '\n',
    ),
    'c.ndjson': '',
  })
  assert.deepEqual(await numbersIn(ndjson(`${dir}/*.ndjson`)), {
    'a.ndjson:1': 'BATCH_ROW ',
    'a.ndjson:2': 2,
    'a.ndjson:3': 'BATCH_ROW ',
    'a.ndjson:4': 'BATCH_ROW ',
    'b.ndjson:1': 'BATCH_ROW ',
    'b.ndjson:2': 2,
    'b.ndjson:3': 'BATCH_ROW ',
    'b.ndjson:4': 4,
    'b.ndjson:5': 'BATCH_ROW ',
  })
})

test('what is JSON for DuckDB alone rejects its row', async (context) => {
  const dir = await directory(context, {
    'a.ndjson': `{"id":"u1","at":"${time}","n":NaN}\n{"id":NaN,"at":"${time}","n":1}\n`,
  })
  const { rows } = await readBatch(ndjson(`${dir}/a.ndjson`), fields)
  assert.deepEqual(rows, ['EVENT_FIELD_RANGE /n', 'EVENT_FIELD_TYPE /id'])
})

test('folders are columns of NDJSON and CSV, too', async (context) => {
  const dir = await directory(context)
  mkdirSync(join(dir, 'n=5'))
  writeFileSync(join(dir, 'n=5/a.ndjson'), `{"id":"u1","at":"${time}"}\n`)
  writeFileSync(join(dir, 'n=5/a.csv'), `id,at\nu1,${time}\n`)
  const text = { ...fields, n: t.String() }
  for (const batch of [ndjson, csv]) {
    const files = batch(`${dir}/*/*.${batch.name}`, { hivePartitions: true })
    assert.equal(((await readBatch(files, text)).rows[0] as { n: string }).n, '5')
  }
})

test('folders that name other columns than those of the first file are told', async (context) => {
  const dir = await directory(context)
  for (const folder of ['n=5', 'o=5']) {
    mkdirSync(join(dir, folder))
    writeFileSync(join(dir, folder, 'a.ndjson'), `{"id":"u1","at":"${time}"}\n`)
  }
  const batch = ndjson(`${dir}/*/*.ndjson`, { hivePartitions: true })
  const reason = 'o=5/a.ndjson: its folders name "o", and "n" those of n=5/a.ndjson'
  await refused(batch, dir, 'BATCH_COLUMNS', reason)
})

test('lines that are no rows end a query over them, by file and line', async (context) => {
  const dir = await directory(context, {
    'a.ndjson': `{"id":"u1","at":"${time}","n":1}\n{"id":"u1","at`,
    'a.csv': `id,at,n\nu1,${time},1\nu1,${time}\n`,
  })
  const postProcessor = 'SELECT * FROM batch'
  const why = { ndjson: 'it is no JSON', csv: 'it has fewer values than there are columns' }
  for (const batch of [ndjson, csv]) {
    const files = batch(`${dir}/a.${batch.name}`, { postProcessor })
    const reason = `a.${batch.name}: row 2 is none: ${why[batch.name as keyof typeof why]}`
    await refused(files, dir, 'BATCH_FILE', reason)
  }
})

test('a line of NDJSON that breaks off takes no other with it', async (context) => {
  const line = `{"id":"u1","at":"${time}","n":1}`
  const dir = await directory(context, { 'a.ndjson': [line, '{"id":', line, '[', line].join('\n') })
  assert.deepEqual(await numbersIn(ndjson(`${dir}/a.ndjson`)), {
    'a.ndjson:1': 1,
    'a.ndjson:3': 1,
    'a.ndjson:5': 1,
    'a.ndjson:2': 'BATCH_ROW ',
    'a.ndjson:4': 'BATCH_ROW ',
  })
})

test('a query with two columns of one name is refused, and one may end in a comment', async () => {
  const sql = `SELECT 'u1' AS id, TIMESTAMP '2024-05-01' AS at, 1 AS n -- the last`
  assert.equal((await readBatch(duckdb(sql), fields)).rows.length, 1)
  await assert.rejects(readBatch(duckdb(sql.replace('n --', 'n, 2 AS N --')), fields), {
    code: 'BATCH_COLUMNS',
    message: 'the batch source of "orders" does not fit: there is more than one column "n"',
  })
})

test('a file that goes or grows while it is read is told', async (context) => {
  const ends = {
    'it is gone': (file: string) => rmSync(file),
    'it was changed while it was read': (file: string) => appendFileSync(file, `u1,${time},9\n`),
  }
  for (const [reason, end] of Object.entries(ends)) {
    for (const isOrdered of [false, true]) {
      const dir = await directory(context, { 'a.csv': `id,at,n\nu1,${time},1\n` })
      const batch = csv(`${dir}/a.csv`)
      const [source] = buildCatalog([
        pushSource({ name: 'orders', schema: fields, timestampField: 'at', batch } as never),
      ]).sources
      const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
      const reader = await BatchReader.open(database, source!, source!.batch!)
      end(join(dir, 'a.csv'))
      await assert.rejects(
        async () => {
          for await (const _ of reader.read({ fromNs: null, toNs: null, isOrdered })) continue
        },
        {
          code: 'BATCH_FILE',
          message: `batch source of "orders": ${dir}/a.csv: ${reason}`,
        },
      )
      await database.close()
    }
  }
})
