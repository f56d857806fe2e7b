import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDirectory } from '../../src/persist/directory.ts'
import {
  createIncarnation,
  createSeed,
  directoryFormat,
  readManifest,
  type Manifest,
} from '../../src/persist/manifest.ts'
import { sealJson } from '../../src/base/sealed-json.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const formats = { journal: 1, store: 5 }

const manifest: Manifest = {
  format: directoryFormat,
  formats,
  incarnation: '0123456789abcdef0123456789abcdef',
  shards: 4,
  seed: { k0: 1, k1: -2 },
  views: { clicks: { id: 0, since: 0, keyLimits: [], canonical: '{"a":"é\\n"}' } },
  nextViewId: 1,
  nextBackfillId: 1,
  sources: { events: '{}' },
}

test('a new directory is made, for its owner only, and has no manifest', async (context) => {
  const path = join(await temporaryDirectory(context), 'deep', 'data')
  const directory = await openDirectory(path, formats)
  assert.equal(directory.manifest, null)
  assert.equal((await stat(path)).mode & 0o777, 0o700)
  assert.deepEqual((await readdir(path)).toSorted(), ['lock.1', 'shards'])
  await directory.release()
})

test('the manifest that was written is read by whoever comes next', async (context) => {
  const path = await temporaryDirectory(context)
  const directory = await openDirectory(path, formats)
  await directory.writeManifest({ ...manifest, shards: 1 })
  await directory.writeManifest(manifest)
  await directory.release()
  const again = await openDirectory(path, formats)
  assert.deepEqual(again.manifest, manifest)
  await again.release()
  assert.deepEqual((await readdir(path)).toSorted(), ['lock.2', 'shards', 'store.json'])
})

/** What a directory holds: names, and contents of files. */
async function contentOf(path: string): Promise<unknown> {
  const names = (await readdir(path, { recursive: true })).toSorted()
  const read = async (name: string): Promise<[string, string | null]> => [
    name,
    await readFile(join(path, name), 'hex').catch(() => null),
  ]
  return Promise.all(names.map(read))
}

const others: Readonly<Record<string, [text: string, code: string, message: RegExp]>> = {
  'of a later directory': [
    sealJson({ ...manifest, format: directoryFormat + 1 }),
    'STORE_FORMAT',
    new RegExp(`format directory ${directoryFormat + 1}, expected directory ${directoryFormat}`),
  ],
  'of the directory before there was a CRC': [
    JSON.stringify({ ...manifest, format: 1 }),
    'STORE_FORMAT',
    new RegExp(`format directory 1, expected directory ${directoryFormat}`),
  ],
  'of a later journal': [
    sealJson({ ...manifest, formats: { ...formats, journal: 2 } }),
    'STORE_FORMAT',
    /format journal 2, expected journal 1/,
  ],
  'of a part that is not known': [
    sealJson({ ...manifest, formats: { ...formats, index: 1 } }),
    'STORE_FORMAT',
    /format index 1, expected index unknown/,
  ],
  'without a part': [
    sealJson({ ...manifest, formats: { journal: 1 } }),
    'STORE_FORMAT',
    /format store unknown, expected store 5/,
  ],
  'that is empty': ['', 'STORE_CORRUPT', /store\.json: is not what was written/],
  'that is null': ['null', 'STORE_CORRUPT', /is not what was written/],
  'that is a list': ['[]', 'STORE_CORRUPT', /is not what was written/],
  'that says nothing': ['{}', 'STORE_CORRUPT', /is not what was written/],
  'of this format without its CRC': [
    JSON.stringify(manifest),
    'STORE_CORRUPT',
    /is not what was written/,
  ],
}

for (const [what, [text, code, message]] of Object.entries(others)) {
  test(`a manifest ${what} is refused, and nothing is changed`, async (context) => {
    const path = await temporaryDirectory(context)
    await writeFile(join(path, 'store.json'), text)
    await writeFile(join(path, 'lock.7'), '')
    const before = await contentOf(path)
    for (let n = 0; n < 2; n++)
      await assert.rejects(openDirectory(path, formats), { code, message })
    assert.deepEqual(await contentOf(path), before)
  })
}

test('a manifest with any changed or missing byte is refused', async (context) => {
  const path = await temporaryDirectory(context)
  const file = join(path, 'store.json')
  const bytes = Buffer.from(sealJson(manifest))
  const isRefused = async (damaged: Uint8Array, what: string): Promise<void> => {
    await writeFile(file, damaged)
    await assert.rejects(readManifest(file, formats), { code: 'STORE_CORRUPT' }, what)
  }
  for (let place = 0; place < bytes.length; place++) {
    const damaged = Buffer.from(bytes)
    damaged[place]! ^= 1
    await isRefused(damaged, `byte ${place}`)
    await isRefused(bytes.subarray(0, place), `${place} bytes`)
  }
  await writeFile(file, bytes)
  assert.deepEqual(await readManifest(file, formats), manifest)
})

test('shards without the manifest that they were stored under are refused', async (context) => {
  const path = await temporaryDirectory(context)
  await mkdir(join(path, 'shards', '000'), { recursive: true })
  await assert.rejects(openDirectory(path, formats), {
    code: 'STORE_CORRUPT',
    message: /store\.json: is missing/,
  })
})

test('no two stores have the same seed or the same name', () => {
  for (const create of [createSeed, createIncarnation]) {
    const made = new Set(Array.from({ length: 20 }, () => JSON.stringify(create())))
    assert.equal(made.size, 20)
  }
})
