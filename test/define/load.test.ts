/**
 * Features files as users write them, in a temporary directory: compiled, imported, and wrong in
 * every way; each error must point into the file as it was written.
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { MillraceError } from '../../src/base/errors.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { compileFeatures, importFeatures } from '../../src/define/load.ts'

let directory: string

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-load-'))
})

after(() => rm(directory, { recursive: true, force: true }))

/** Writes files below the directory and returns the path of the first. */
async function write(files: Record<string, string>): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), text)
  }
  return join(directory, Object.keys(files)[0]!)
}

async function load(file: string): Promise<readonly unknown[]> {
  return importFeatures(await compileFeatures(file, join(directory, 'out')))
}

/** The error that loading the file throws. */
async function errorOf(files: Record<string, string>): Promise<MillraceError> {
  const file = await write(files)
  try {
    buildCatalog(await load(file))
  } catch (error) {
    assert.ok(error instanceof MillraceError)
    return error
  }
  throw new Error('nothing was thrown')
}

const definitions = `
import { aggregate, entity, pushSource, streamFeatureView, t } from 'millrace'
import { hour } from './windows/hour'

export const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
export const impressions = pushSource({
  name: 'impressions',
  schema: { user_id: t.String(), timestamp: t.Timestamp(), clicked: t.Int64() },
})
export const userClicks = streamFeatureView({
  name: 'user_clicks',
  source: impressions,
  entities: [user],
  transform: (event) => (event.clicked > 0n ? event : null),
  features: [aggregate('clicked', 'sum', hour)],
})
export type Ignored = typeof userClicks
`
const hour = `export const hour = '1h' as const`

describe('a features file', () => {
  it('is TypeScript with relative imports, and millrace in it is this package', async () => {
    const file = await write({ 'good/features.ts': definitions, 'good/windows/hour.ts': hour })
    const catalog = buildCatalog(await load(file))
    assert.equal(catalog.views[0]!.features[0]!.name, 'clicked_sum_1h')
    const keep = catalog.views[0]!.transform!
    const event = { user_id: 'u', timestamp: 0n, clicked: 1n }
    assert.deepEqual([keep(event), keep({ ...event, clicked: 0n })], [event, null])
  })

  it('gives the same module for the same sources, and another one for others', async () => {
    const first = await write({ 'same/features.mjs': 'export const a = 1' })
    const outDir = join(directory, 'same-out')
    const url = await compileFeatures(first, outDir)
    assert.equal(await compileFeatures(first, outDir), url)
    await write({ 'same/features.mjs': 'export const a = 2' })
    assert.notEqual(await compileFeatures(first, outDir), url)
    assert.equal((await readdir(outDir)).length, 2)
  })

  it('may be imported in a worker thread', async () => {
    const file = await write({ 'work/features.ts': definitions, 'work/windows/hour.ts': hour })
    const url = await compileFeatures(file, join(directory, 'out'))
    const loader = new URL('../../src/define/load.js', import.meta.url)
    const worker = new Worker(
      `import('${loader.href}')
        .then(({ importFeatures }) => importFeatures('${url}'))
        .then((values) => require('node:worker_threads').parentPort.postMessage(values.length))`,
      { eval: true },
    )
    const count = await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    await worker.terminate()
    assert.equal(count, 3)
  })

  it('may import packages from where it stands, Node modules, and its own URL', async () => {
    const file = await write({
      'pack age/features.ts': `
        import { basename } from 'path'
        import { readFileSync } from 'node:fs'
        import { answer } from 'some-package'
        export const values = [answer, basename(import.meta.url)]
        export const text = readFileSync(new URL('./data.txt', import.meta.url), 'utf8')
        export const later = await Promise.resolve(3)`,
      'pack age/data.txt': 'data',
      'pack age/node_modules/some-package/package.json':
        '{ "name": "some-package", "type": "module", "exports": { "import": "./main.js" } }',
      'pack age/node_modules/some-package/main.js': 'export const answer = 42',
    })
    assert.deepEqual(await load(file), [3, 'data', [42, 'features.ts']])
  })
})

describe('an error in a features file', () => {
  it('of syntax points to the line and column', async () => {
    const error = await errorOf({ 'syntax/features.ts': `const a = 1\nexport const b = = a\n` })
    assert.equal(error.code, 'DEFINITION_LOAD')
    assert.equal(error.details['file'], `${join(directory, 'syntax/features.ts')}:2:18`)
    assert.match(error.message, /^cannot load .*features\.ts:2:18: Unexpected "="$/)
    assert.ok(error.cause instanceof Error)
  })

  it('in a file that it imports points there', async () => {
    const error = await errorOf({
      'nested/features.ts': `export * from './more.ts'`,
      'nested/more.ts': `export const x: number = 1\nthrow new RangeError('too much')`,
    })
    assert.equal(error.details['file'], `${join(directory, 'nested/more.ts')}:2:7`)
  })

  it('thrown while it runs points to the first frame of the file, and is the cause', async () => {
    const error = await errorOf({
      'throws/features.ts': `
interface A {
  b: string
}
function fail(a: A): never {
  throw new TypeError(a.b)
}
export const c = fail({ b: 'no' })`,
    })
    assert.equal(error.code, 'DEFINITION_LOAD')
    assert.match(error.message, /^cannot load .*throws\/features\.ts:6:9: no$/)
    assert.ok(error.cause instanceof TypeError)
  })

  it('thrown by millrace points to the line that called it', async () => {
    const error = await errorOf({
      'wrong-type/features.ts': `
import { t } from 'millrace'
export const a = t.Array('String')`,
    })
    assert.match(error.message, /wrong-type\/features\.ts:3:20: .*not a type made with t/)
  })

  it('of a name that millrace does not export points to the import', async () => {
    const error = await errorOf({
      'name/features.ts': `
import { aggregat } from 'millrace'
export const a = aggregat`,
    })
    assert.match(error.message, /name\/features\.ts:2: .*does not provide an export named/)
  })

  it('of a file or a package that is not there points to the import', async () => {
    const missing = await errorOf({ 'gone/features.ts': `\nimport './other.ts'\n` })
    assert.match(missing.message, /gone\/features\.ts:2:8: Could not resolve "\.\/other\.ts"$/)
    const unknown = await errorOf({ 'gone/two.ts': `import 'no-such-package'\n` })
    assert.match(unknown.message, /gone\/two\.ts:1:8: Could not resolve "no-such-package"$/)
    await assert.rejects(compileFeatures(join(directory, 'none.ts'), directory), {
      code: 'DEFINITION_LOAD',
    })
  })

  it('of a member that is written twice points to the second', async () => {
    const text = definitions.replace('clicked: t.Int64()', 'clicked: t.Int64(), clicked: t.Bool()')
    const error = await errorOf({ 'twice/features.ts': text, 'twice/windows/hour.ts': hour })
    assert.equal(error.code, 'DEFINITION_LOAD')
    assert.match(
      error.message,
      /twice\/features\.ts:8:80: Duplicate key "clicked" in object literal/,
    )
    const member = await errorOf({ 'twice/class.ts': 'export class A {\n  b() {}\n  b() {}\n}' })
    assert.match(member.message, /twice\/class\.ts:3:3: Duplicate member "b" in class body/)
  })

  it('something thrown that is no Error names the file', async () => {
    const error = await errorOf({ 'odd/features.ts': `throw 'plain text'` })
    assert.match(error.message, /odd\/features\.ts: plain text$/)
  })

  it('of a definition points to the line that defines it', async () => {
    const text = definitions.replace(`aggregate('clicked', 'sum'`, `aggregate('clickd', 'sum'`)
    const error = await errorOf({ 'wrong/features.ts': text, 'wrong/windows/hour.ts': hour })
    assert.equal(error.code, 'DEFINITION_INVALID')
    assert.equal(
      error.message,
      'user_clicks.features[0]: no column is named "clickd"; they are user_id, ' +
        `timestamp, clicked (${join(directory, 'wrong/features.ts')}:15:14)`,
    )
  })
})
