/**
 * `millrace training-set`: of a batch source, and of what a daemon had received.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import { runCli } from '../../src/cli/run.ts'
import type { TrainingManifest } from '../../src/training/manifest.ts'
import { pushSource, streamFeatureView } from '../../src/index.ts'
import { sales, sold } from '../fixtures/till-sales.ts'
import { startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { testIo, type TestIo } from '../helpers/io.ts'
import { offlinePaths } from '../helpers/offline-rows.ts'
import { root } from '../helpers/repository.ts'

const salesFile = join(root, 'test/fixtures/till-sales.ts')

/** Runs the command over a spine, and returns what it has said and made. */
function trainingSet(
  dir: string,
  spine: readonly string[],
  ...args: readonly string[]
): ReturnType<typeof trainingSetOf> {
  return trainingSetOf(salesFile, dir, spine, ...args)
}

async function trainingSetOf(
  features: string,
  dir: string,
  spine: readonly string[],
  ...args: readonly string[]
): Promise<TestIo & { readonly exitCode: number; readonly rows: readonly string[] }> {
  const [file, out] = [join(dir, 'spine.csv'), join(dir, 'out.csv')]
  await writeFile(file, `${spine.join('\n')}\n`)
  const io = testIo()
  const asked = ['training-set', features, '--service', 'sold', '--spine', file, '--out', out]
  const exitCode = await runCli([...asked, '--threads', '1', ...args], io)
  const made = exitCode === 0 ? await readFile(out, 'utf8') : ''
  return { ...io, exitCode, rows: made.trimEnd().split('\n') }
}

test('a set is made of a batch source, in which an id counts once in its horizon', async (t) => {
  const dir = await temporaryDir(t)
  const { exitCode, rows, outLines } = await trainingSet(dir, [
    'till,at,label',
    't1,2024-05-01 11:00:00,first',
    't1,2024-05-01 11:00:01,second',
    't2,2024-05-01 11:00:00,third',
    't1,2024-05-01 09:00:00,fourth',
    't1,2024-05-01 11:00:00,first',
  ])
  assert.equal(exitCode, 0)
  assert.deepEqual(rows, [
    'till,at,label,sold__total,sold__receipts',
    't1,2024-05-01 11:00:00,first,12,2',
    't1,2024-05-01 11:00:01,second,1012,2',
    't2,2024-05-01 11:00:00,third,,',
    't1,2024-05-01 09:00:00,fourth,,',
    't1,2024-05-01 11:00:00,first,12,2',
  ])
  const bytes = await readFile(join(dir, 'out.csv'))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  assert.deepEqual(outLines, [
    `out.csv has 5 rows of 5 columns, sha256 ${sha256}`,
    'of "sales", rows were rejected: 1 EVENT_ID',
    '  row 5: not usable as an event id: empty string',
  ])
  const manifest = await readFile(join(dir, 'out.csv.manifest.json'), 'utf8')
  const { out, spine, as } = JSON.parse(manifest) as TrainingManifest
  assert.equal(out.sha256, sha256)
  assert.deepEqual([spine.rows, spine.timeColumn, as], [5, 'at', 'event-time'])
})

/** A features file with a past of JSON lines. */
async function lineFeatures(dir: string, lines: readonly string[]): Promise<string> {
  const [file, past] = [join(dir, 'features.mjs'), join(dir, 'past.ndjson')]
  await writeFile(past, lines.join('\n'))
  await writeFile(
    file,
    `import { aggregate, entity, ndjson, pushSource, streamFeatureView, t } from 'millrace'
    const source = pushSource({
      name: 'sales',
      schema: { till: t.String(), at: t.Timestamp(), amount: t.Int64() },
      timestampField: 'at',
      batch: ndjson(${JSON.stringify(past)}),
    })
    const till = entity({ name: 'till', joinKeys: { till: t.String() } })
    export const sold = streamFeatureView({
      name: 'sold',
      source,
      entities: [till],
      features: [aggregate('amount', 'sum', '30d', { name: 'total' })],
    })`,
  )
  return file
}

test('rows that were rejected are named by their file and number', async (t) => {
  const dir = await temporaryDir(t)
  const line = (amount: string): string =>
    `{"till":"t1","at":"2024-05-01T10:00:00Z","amount":${amount}}`
  const features = await lineFeatures(dir, [line('1'), '[1]', line('"x"'), line('2'), '{"till":'])
  const spine = ['till,at', 't1,2024-05-01 11:00:00']
  const { outLines, rows } = await trainingSetOf(features, dir, spine)
  assert.deepEqual(rows.slice(1), ['t1,2024-05-01 11:00:00,3'])
  const file = join(dir, 'past.ndjson')
  assert.deepEqual(outLines.slice(1), [
    'of "sales", rows were rejected: 2 BATCH_ROW, 1 EVENT_FIELD_TYPE',
    `  ${file}, row 2: the line is no row: it is no JSON object`,
    `  ${file}, row 5: the line is no row: it is no JSON`,
    `  ${file}, row 3: expected Int64, got string`,
  ])
  const manifest = await readFile(join(dir, 'out.csv.manifest.json'), 'utf8')
  const [source] = (JSON.parse(manifest) as TrainingManifest).sources
  assert.deepEqual(source!.firstRejected[2], {
    code: 'EVENT_FIELD_TYPE',
    path: '/amount',
    message: 'expected Int64, got string',
    file,
    row: 3,
  })
})

test('a past that does not fit is a fault of the configuration', async (t) => {
  const dir = await temporaryDir(t)
  const features = await lineFeatures(dir, ['{"till":"t1"}'])
  const spine = ['till,at', 't1,2024-05-01 11:00:00']
  const { exitCode, errLines } = await trainingSetOf(features, dir, spine)
  assert.equal(exitCode, 78)
  assert.match(errLines[0]!, /there is no column "at"; there is no column "amount"/)
})

/** The definitions of the file for a daemon that has the stream alone. */
function ofStream(options: { readonly offline: boolean }): readonly unknown[] {
  const { batch: _batch, ...definition } = sales
  const source = pushSource({ ...definition, ...options } as never)
  return [streamFeatureView({ ...sold, source } as never)]
}

const startMs = Date.UTC(2024, 4, 2, 12)

function sale(receipt: string, at: number, amount: number) {
  return { till: 't1', receipt, at, amount }
}

test('as served, an event counts when it has arrived, of a daemon that runs', async (t) => {
  const [dataDir, dir] = [await temporaryDir(t), await temporaryDir(t)]
  const clock = new ManualClock(startMs)
  const served: string[] = []
  const spine = ['till,at']
  const known = { dataDir, clock, shards: 1 }
  let daemon = await startDaemon(t, { ...known, features: ofStream({ offline: false }) })
  const read = async (): Promise<void> => {
    const { values } = await daemon.get('sold', { till: 't1' })
    const iso = new Date(clock.nowMs()).toISOString()
    const at = iso.replace('T', ' ').replace(/0*Z/, '').replace(/\.$/, '')
    const [total, receipts] = [values['total'], values['receipts']] as (bigint | null)[]
    served.push(`t1,${at},${total ?? ''},${receipts ?? ''}`)
    spine.push(`t1,${at}`)
    clock.advance(1)
  }
  await read()
  await daemon.ingest('sales', [sale('r1', startMs - 60_000, 1)])
  await read()
  // Late, one that was there before, and one that is a little ahead.
  await daemon.ingest('sales', [sale('r2', startMs - 120_000, 20), sale('r1', startMs, 300)])
  await daemon.ingest('sales', [sale('r3', clock.nowMs() + 1, 4000)])
  await read()
  await read()
  await daemon.drain()

  // From now on there is an offline log, which has the rest.
  daemon = await startDaemon(t, { ...known, features: ofStream({ offline: true }) })
  await daemon.ingest('sales', [sale('r4', clock.nowMs(), 50_000), sale('r2', startMs, 6)])
  await read()
  await daemon.writeOffline()
  await daemon.ingest('sales', [sale('r5', startMs - 90_000, 700_000)])
  await read()
  const made = await trainingSet(dir, spine, '--as', 'served', '--data', dataDir)
  assert.deepEqual(made.errLines, [])
  assert.deepEqual(made.rows, ['till,at,sold__total,sold__receipts', ...served])
  assert.deepEqual(
    served.map((row) => row.split(',')[2]),
    ['', '1', '21', '4021', '54021', '754021'],
  )
  assert.equal(made.outLines.length, 1)
  // What comes later changes nothing of what was before.
  await daemon.ingest('sales', [sale('r6', startMs - 90_000, 8)])
  const again = await trainingSet(dir, spine, '--as', 'served', '--data', dataDir)
  assert.deepEqual(again.rows, made.rows)
})

test('as served, a view with a batch source begins with its stream, and says so', async (t) => {
  const [dataDir, dir] = [await temporaryDir(t), await temporaryDir(t)]
  const clock = new ManualClock(startMs)
  const daemon = await startDaemon(t, { dataDir, clock, features: salesFile })
  await daemon.ingest('sales', [sale('r1', startMs - 1000, 1), sale('r2', startMs, 20)])
  const spine = ['till,at', 't1,2024-05-02 12:00:01']
  const made = await trainingSet(dir, spine, '--as', 'served', '--data', dataDir)
  assert.deepEqual(made.rows.slice(1), ['t1,2024-05-02 12:00:01,20,1'])
  assert.deepEqual(made.outLines.slice(1), [
    '"sold" begins at 2024-05-02T12:00:00.000Z: ' +
      'what was before is from a batch source, and is left out',
  ])
  const within = ['--as', 'served', '--data', dataDir, '--out', join(dataDir, 'out.csv')]
  const refused = await trainingSet(dir, spine, ...within)
  assert.equal(refused.exitCode, 78)
  assert.match(refused.errLines[0]!, /out: .*out\.csv is in the data directory/)
})

test('where the journal is gone, the offline log has what was served while whole', async (t) => {
  const [dataDir, dir] = [await temporaryDir(t), await temporaryDir(t)]
  const clock = new ManualClock(startMs)
  const features = ofStream({ offline: true })
  const known = { dataDir, clock, shards: 1, features, retainBytesMax: 0, retainMsMax: 1 }
  for (let start = 0; start < 3; start++) {
    const daemon = await startDaemon(t, known)
    await daemon.ingest('sales', [sale(`r${start}`, clock.nowMs(), 10 ** start)])
    clock.advance(1000)
    await daemon.writeOffline()
    await daemon.checkpoint()
    await daemon.close()
  }
  const at = new Date(clock.nowMs()).toISOString()
  const [log] = await offlinePaths(join(dataDir, 'offline'))
  const make = () => trainingSet(dir, ['till,at', `t1,${at}`], '--as', 'served', '--data', dataDir)
  const whole = await make()
  assert.equal(whole.rows[1], `t1,${at},111,3`)
  assert.equal(whole.outLines.length, 1)
  // The first file is put elsewhere.
  await rename(join(dataDir, 'offline', log!), join(dataDir, 'elsewhere'))
  const lacking = await make()
  assert.equal(lacking.rows[1], `t1,${at},110,2`)
  assert.match(lacking.outLines.at(-1)!, /it is not known any more what arrived before 2024-05-02T/)
})

test('approximate functions hash as the store does that is named', async (t) => {
  const [dataDir, dir] = [await temporaryDir(t), await temporaryDir(t)]
  const clock = new ManualClock(startMs)
  const daemon = await startDaemon(t, { dataDir, clock, features: ofStream({ offline: false }) })
  const receipts = Array.from({ length: 400 }, (_, n) => sale(`r${n}`, startMs - n, 1))
  await daemon.ingest('sales', receipts)
  clock.advance(1)
  const { values } = await daemon.get('sold', { till: 't1' })
  const spine = ['till,at', `t1,${new Date(clock.nowMs()).toISOString()}`]
  const made = await trainingSet(dir, spine, '--as', 'served', '--data', dataDir)
  assert.equal(made.rows[1]!.split(',').at(-1), String(values['receipts']))
})

test('what cannot be meant is refused', async (t) => {
  const dir = await temporaryDir(t)
  const spine = ['till,at', 't1,2024-05-01 11:00:00']
  for (const [args, exitCode, message] of [
    [['--as', 'seen'], 64, /--as takes event-time or served/],
    [['--as', 'served'], 78, /dataDir/],
    [['--as', 'served', '--data', dir], 66, /there is no data directory/],
    [['--out', join(dir, 'out.txt')], 78, /ends in none of/],
    [['--service', 'bought'], 1, /"bought"/],
    [['--time', 'when'], 65, /there is no column "when"/],
  ] as const) {
    const made = await trainingSet(dir, spine, ...args)
    assert.match(made.errLines.join(' '), message)
    assert.equal(made.exitCode, exitCode, args.join(' '))
  }
})
