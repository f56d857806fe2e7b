/**
 * Spines as people have them: every row is a question or is told, and nothing of it is guessed.
 */
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  aggregate,
  entity,
  featureService,
  pushSource,
  streamFeatureView,
  t as type,
} from '../../src/index.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { openDatabase } from '../../src/duckdb/database.ts'
import type { TrainingManifest } from '../../src/training/manifest.ts'
import { ofSchema } from '../../src/training/of-schema.ts'
import { resolveTrainingOptions } from '../../src/training/options.ts'
import { runPass } from '../../src/training/pass.ts'
import { makeTrainingSet } from '../../src/training/training-set.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const till = entity({ name: 'till', joinKeys: { till: type.String() } })
const shop = entity({ name: 'shop', joinKeys: { shop: type.Int64() } })

const catalog = (() => {
  const sales = pushSource({
    name: 'sales',
    schema: {
      till: type.String(),
      shop: type.Int64(),
      at: type.Timestamp(),
      amount: type.Int64(),
    },
    timestampField: 'at',
  })
  const features = [aggregate('amount', 'sum', '1d')]
  const ofTill = streamFeatureView({ name: 'tills', source: sales, entities: [till], features })
  const ofShop = streamFeatureView({ name: 'shops', source: sales, entities: [shop], features })
  const both = featureService({ name: 'both', features: [ofTill, ofShop] })
  const built = buildCatalog([both])
  const sql = `SELECT * FROM (VALUES
    ('t1', 2, TIMESTAMP_NS '2024-05-01 10:00:00.000000001', 5),
    ('ABCDEF00-0000-4000-8000-00000000ABCD', 2, TIMESTAMP_NS '2024-05-01 10:00:00', 70)
  ) v(till, shop, "at", amount)`
  const batch = { from: { kind: 'query' as const, sql }, query: null }
  return { ...built, sources: built.sources.map((source) => ({ ...source, batch })) }
})()

interface Made {
  readonly text: string
  readonly out: string
  readonly manifest: TrainingManifest
}

/** The set of a spine of a name and a text. */
async function made(
  t: TestContext,
  spine: { readonly name: string; readonly text: string },
  { service = 'both', ending = 'csv', timeColumn = undefined as string | undefined } = {},
): Promise<Made> {
  const dir = await temporaryDirectory(t)
  const [file, out] = [join(dir, spine.name), join(dir, `out.${ending}`)]
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, spine.text)
  const asked = { features: [], service, spine: file, out, threads: 1 }
  const options = resolveTrainingOptions({ ...asked, ...(timeColumn && { timeColumn }) })
  const pool = {
    run: (task: Parameters<typeof runPass>[1]) => runPass(ofSchema(catalog), task),
    close: () => Promise.resolve(),
  }
  const manifest = await makeTrainingSet({ options, catalog, pool })
  return { text: await readFile(out, 'utf8'), out, manifest }
}

const csv = (text: string, name = 'spine.csv') => ({ name, text })
const ndjson = (text: string) => ({ name: 'spine.ndjson', text })

async function refusal(made: Promise<Made>): Promise<string> {
  const error = await made.then(
    () => assert.fail('it was made'),
    (thrown: unknown) => thrown as Error & { code: string },
  )
  assert.equal(error.code, 'SPINE_INVALID', error.message)
  return error.message.split('cannot be used: ')[1]!
}

test('a spine without rows makes a set without rows, with all columns', async (t) => {
  const header = 'till,shop,at,label'
  const { text, manifest } = await made(t, csv(`${header}\n`))
  assert.equal(text, `${header},tills__amount_sum_1d,shops__amount_sum_1d\n`)
  assert.deepEqual(
    [manifest.spine.rows, manifest.spine.timeColumn, manifest.out.rows],
    [0, null, 0],
  )
  const parquet = await made(t, csv(`${header}\n`), { ending: 'parquet' })
  const database = await openDatabase({ threads: 1, memoryBytesMax: 2 ** 28 })
  t.after(() => database.close())
  const columns = await database.columnsOf(`FROM '${parquet.out}'`)
  assert.deepEqual(
    columns.map(({ name }) => name),
    parquet.manifest.out.columns,
  )
})

test('views know nothing of a key with a null, and the others answer', async (t) => {
  const rows = 't1,2,2024-05-01 11:00:00\n,2,2024-05-01 11:00:00\nt1,,2024-05-01 11:00:00\n'
  const { text } = await made(t, csv(`till,shop,at\n${rows},,2024-05-01 11:00:00\n`))
  assert.deepEqual(text.split('\n').slice(1, -1), [
    't1,2,2024-05-01 11:00:00,5,75',
    ',2,2024-05-01 11:00:00,,75',
    't1,,2024-05-01 11:00:00,5,',
    ',,2024-05-01 11:00:00,,',
  ])
  const lines = `{"shop":2,"till":null,"at":"2024-05-01 11:00:00"}\n`
  const json = await made(t, ndjson(lines), { ending: 'ndjson' })
  assert.deepEqual(JSON.parse(json.text), {
    shop: 2,
    till: null,
    at: '2024-05-01 11:00:00',
    tills__amount_sum_1d: null,
    shops__amount_sum_1d: 75,
  })
})

test('a key is what is written, and not what it may be rounded to', async (t) => {
  const options = { service: 'shops' }
  for (const [key, ending] of ['1.5', '2.0000001', 'x', '9007199254740993.0'].flatMap((key) =>
    ['csv', 'parquet'].map((ending) => [key, ending] as const),
  )) {
    const spine = csv(`shop,at\n2,2024-05-01 11:00:00\n${key},2024-05-01 11:00:00\n`)
    const message = await refusal(made(t, spine, { ...options, ending }))
    assert.equal(message, '"shop" of row 2 is no join key', key)
  }
  const whole = await made(t, ndjson(`{"shop":2.0,"at":"2024-05-01 11:00:00"}\n`), {
    ...options,
    ending: 'ndjson',
  })
  assert.match(whole.text, /"shops__amount_sum_1d":75/)
})

test('what looks like an id, a comment or a pattern is what it is', async (t) => {
  const id = 'ABCDEF00-0000-4000-8000-00000000ABCD'
  const row = { till: id, at: '2024-05-01T11:00:00Z', n: 9007199254740993n, also: id }
  const line = `{"till":"${id}","at":"${row.at}","n":${row.n},"also":"${id}","day":"01/02/2024"}`
  const json = await made(t, ndjson(`${line}\n`), { service: 'tills', ending: 'ndjson' })
  assert.equal(json.text, `${line.slice(0, -1)},"tills__amount_sum_1d":70}\n`)
  const rows = 'till,at\nt1,2024-05-01 11:00:00\n#t1,2024-05-01 11:00:00\n'
  for (const name of ['spine.csv', '[a]*.csv', 'till=5/at=6/spine.csv']) {
    const { text } = await made(t, csv(rows, name), { service: 'tills' })
    assert.deepEqual(text.split('\n'), [
      'till,at,tills__amount_sum_1d',
      't1,2024-05-01 11:00:00,5',
      '"#t1",2024-05-01 11:00:00,',
      '',
    ])
  }
})

test('a moment keeps its nanoseconds and its zone, and is never a guess', async (t) => {
  for (const ending of ['csv', 'ndjson']) {
    for (const spine of [
      csv(
        'till,at\nt1,2024-05-01 10:00:00.000000001\nt1,2024-05-01T11:00:00+01:00\n' +
          't1,2024-05-01T10:00:00.000001Z\n',
      ),
      ndjson(
        '{"till":"t1","at":"2024-05-01 10:00:00.000000001"}\n' +
          '{"till":"t1","at":"2024-05-01T11:00:00+01:00"}\n' +
          '{"till":"t1","at":"2024-05-01T10:00:00.000001Z"}\n',
      ),
    ]) {
      const { text } = await made(t, spine, { service: 'tills', ending })
      const values = text.split('\n').filter((line) => line.includes('t1'))
      const isKnown = values.map((line) => /[,:]5}?$/.test(line))
      assert.deepEqual(isKnown, [true, false, true], `${spine.name} to ${ending}`)
    }
  }
  const guess = csv('till,at\nt1,01/05/2024 11:00:00\n')
  for (const ending of ['csv', 'parquet']) {
    const options = { service: 'tills', ending, timeColumn: 'at' }
    const message = await refusal(made(t, guess, options))
    assert.equal(message, '"at" of row 1 is no time from 1900 to 2200')
  }
})

test('where a line is no row, it is told which and why', async (t) => {
  const row = 't1,2024-05-01 11:00:00,a\n'
  for (const [lines, expected] of [
    [`${row}\n${row}t1,2024-05-01\n`, 'row 3 is none: it has fewer values than there are columns'],
    [`${row}t1,2024-05-01,a,b\n`, 'row 2 is none: it has more values than there are columns'],
    [`t1,2024-05-01,"a\n`, 'row 1 is none: a quote is not closed, or something stands behind it'],
  ] as const) {
    const spine = csv(`till,at,label\n${lines}`)
    assert.equal(await refusal(made(t, spine, { service: 'tills' })), expected)
  }
  const empty = await refusal(made(t, csv(''), { service: 'tills' }))
  assert.equal(empty, 'it is empty: its first line has to name the columns')
  const cut = '{"till":"t1","at":"2024-05-01T11:00:00Z"}\n{"till"\n'
  assert.match(await refusal(made(t, ndjson(cut), { service: 'tills' })), /^row 2 is none: /)
  const parquet = { name: 'spine.parquet', text: 'PAR1' }
  assert.match(await refusal(made(t, parquet, { service: 'tills' })), /small|magic/)
})

test('from CSV to CSV, an empty text is not taken for null', async (t) => {
  const { text } = await made(t, csv('till,at,label\nt1,2024-05-01 11:00:00,""\n'), {
    service: 'tills',
  })
  assert.match(text, /\nt1,2024-05-01 11:00:00,"",5\n$/)
})

test('where a moment is none, the row is told', async (t) => {
  const rows = 'till,at,label\nt1,2024-05-01 11:00:00,a\nt1,yesterday,b\n'
  const options = { service: 'tills' }
  const expected = '"at" of row 2 is no time from 1900 to 2200'
  assert.equal(await refusal(made(t, csv(rows), options)), expected)
  const lines = '{"till":"t1","at":"2024-05-01T11:00:00Z"}\n{"till":"t1","at":"yesterday"}\n'
  assert.equal(await refusal(made(t, ndjson(lines), options)), expected)
})

test('the moment is not in the one of two columns with times that has fewer digits', async (t) => {
  const line = '{"till":"t1","at":"2024-05-01T11:00:00.000000001Z","born":"1990-01-01"}\n'
  const message = await refusal(made(t, ndjson(line), { service: 'tills' }))
  assert.match(message, /^times are in (?:at, born|born, at); name the column of the moment$/)
})

test('columns of one name, and names that are taken, are refused', async (t) => {
  for (const [header, expected] of [
    ['till,at,x,x', 'two of its columns are named "x", upper case or lower'],
    ['till,at,x,X', 'two of its columns are named "X", upper case or lower'],
    ['till,at,x,Millrace_row', 'it has a column "Millrace_row", and names that begin with '],
    ['till,at,x,TILLS__amount_sum_1d', 'it has a column "tills__amount_sum_1d", which is a '],
  ] as const) {
    const spine = csv(`${header}\nt1,2024-05-01 11:00:00,1,2\n`)
    const message = await refusal(made(t, spine, { service: 'tills' }))
    assert.ok(message.startsWith(expected), message)
  }
  const line = '{"till":"t1","at":"2024-05-01 11:00:00","x":1,"X":2}\n'
  const message = await refusal(made(t, ndjson(line), { service: 'tills' }))
  assert.match(message, /^two of its columns are named "[xX]"/)
  const free = csv('till,at,k0,time_ns,spine_row\nt1,2024-05-01 11:00:00,1,2,3\n')
  const { text } = await made(t, free, { service: 'tills' })
  assert.match(text, /\nt1,2024-05-01 11:00:00,1,2,3,5\n$/)
})
