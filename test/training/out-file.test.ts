/**
 * Where a training set is made: never over what it is made from, and whole or not at all.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { link, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  aggregate,
  csv,
  entity,
  featuresInRange,
  pushSource,
  streamFeatureView,
  t as type,
  trainingSet,
  type TrainingSetOptions,
} from '../../src/index.ts'
import { makeFile } from '../../src/training/out-file.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const spineText = 'till,at\nt1,2024-05-01 11:00:00\n'
const pastText = 'till,at,amount\nt1,2024-05-01 10:00:00,5\n'

async function inputs(t: TestContext) {
  const dir = await temporaryDirectory(t)
  const [spine, past] = [join(dir, 'spine.csv'), join(dir, 'past.csv')]
  await writeFile(spine, spineText)
  await writeFile(past, pastText)
  const sales = pushSource({
    name: 'sales',
    schema: { till: type.String(), at: type.Timestamp(), amount: type.Int64() },
    timestampField: 'at',
    batch: csv(join(dir, 'p*.csv')),
  })
  const sold = streamFeatureView({
    name: 'sold',
    source: sales,
    entities: [entity({ name: 'till', joinKeys: { till: type.String() } })],
    features: [aggregate('amount', 'sum', '1d')],
  })
  const make = (out: string, more: Partial<TrainingSetOptions> = {}) =>
    trainingSet({ features: [sold], service: 'sold', spine, out, threads: 1, ...more })
  const range = (out: string) =>
    featuresInRange({
      features: [sold],
      service: 'sold',
      from: '2024-05-01T00:00:00Z',
      to: '2024-05-02T00:00:00Z',
      out,
      threads: 1,
    })
  return { dir, spine, past, make, range }
}

test('what a set is made from is not overwritten, whatever its name', async (t) => {
  const { dir, spine, past, make, range } = await inputs(t)
  await symlink(spine, join(dir, 'symbolic.csv'))
  await link(spine, join(dir, 'hard.csv'))
  await symlink(dir, join(dir, 'folder'))
  await symlink(past, join(dir, 'a.csv.manifest.json'))
  const isSpine = /^out: .* is the spine, .*spine\.csv$/
  const isPast = /^out: .* is a file of the batch source of "sales", .*past\.csv$/
  const before = (await readdir(dir)).toSorted()
  for (const [out, message] of [
    ['spine.csv', isSpine],
    ['symbolic.csv', isSpine],
    ['hard.csv', isSpine],
    ['folder/spine.csv', isSpine],
    ['past.csv', isPast],
    ['folder/past.csv', isPast],
    ['a.csv', isPast],
  ] as const) {
    await assert.rejects(make(join(dir, out)), { code: 'CONFIG_INVALID', message }, out)
  }
  await assert.rejects(range(past), { code: 'CONFIG_INVALID', message: isPast })
  assert.deepEqual((await readdir(dir)).toSorted(), before)
  assert.equal(await readFile(spine, 'utf8'), spineText)
  assert.equal(await readFile(past, 'utf8'), pastText)
})

test('where no file can be made, that is said before anything runs', async (t) => {
  const { dir, make, range } = await inputs(t)
  await mkdir(join(dir, 'folder.csv'))
  await mkdir(join(dir, 'a.csv.manifest.json'))
  const before = (await readdir(dir)).toSorted()
  for (const [out, message] of [
    ['nowhere/out.csv', /cannot write .*out\.csv: there is no folder .*nowhere$/],
    ['past.csv/out.csv', /cannot write .*out\.csv: .*past\.csv is no folder$/],
    ['folder.csv', /cannot write .*folder\.csv: it is a folder$/],
    ['a.csv', /cannot write .*a\.csv\.manifest\.json: it is a folder$/],
  ] as const) {
    // The spine is none: it would be told if anybody looked at it.
    const made = make(join(dir, out), { spine: join(dir, 'none.csv') })
    await assert.rejects(made, { code: 'FILE_UNWRITABLE', message }, out)
    await assert.rejects(range(join(dir, out)), { code: 'FILE_UNWRITABLE', message }, out)
  }
  assert.deepEqual((await readdir(dir)).toSorted(), before)
})

test('a file is never beside a manifest that tells of another one', async (t) => {
  const dir = await temporaryDirectory(t)
  const out = join(dir, 'out.csv')
  const manifest = `${out}.manifest.json`
  await makeFile(out, async (unfinished) => {
    await writeFile(unfinished, 'one')
    return { is: 'one' }
  })
  assert.deepEqual(
    [await readFile(out, 'utf8'), JSON.parse(await readFile(manifest, 'utf8'))],
    ['one', { is: 'one' }],
  )
  const failed = makeFile(out, async (unfinished) => {
    await writeFile(unfinished, 'half')
    throw new RangeError('full')
  })
  await assert.rejects(failed, RangeError)
  assert.deepEqual((await readdir(dir)).toSorted(), [basename(out), basename(manifest)])
  assert.equal(await readFile(out, 'utf8'), 'one')
  // What cannot be put in place has taken the manifest of what was there.
  const blocked = makeFile(out, async (unfinished) => {
    await writeFile(unfinished, 'two')
    await rm(out)
    await mkdir(out)
    return { is: 'two' }
  })
  await assert.rejects(blocked, { code: 'FILE_UNWRITABLE' })
  assert.equal(existsSync(manifest), false)
})

test('features in range leave no manifest of the file that they replace', async (t) => {
  const { dir, make, range } = await inputs(t)
  const out = join(dir, 'out.csv')
  await make(out)
  await range(out)
  assert.equal(existsSync(`${out}.manifest.json`), false)
})
