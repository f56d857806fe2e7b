import assert from 'node:assert/strict'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  createSeed,
  directoryFormat,
  openDirectory,
  type Manifest,
} from '../../src/persist/directory.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const manifest: Manifest = {
  format: directoryFormat,
  shards: 4,
  seed: { k0: 1, k1: -2 },
  views: { clicks: { id: 0, since: 0, canonical: '{}' } },
  nextViewId: 1,
  sources: { events: '{}' },
}

test('a new directory is made, for its owner only, and has no manifest', async (context) => {
  const path = join(await temporaryDirectory(context), 'deep', 'data')
  const directory = await openDirectory(path)
  assert.equal(directory.manifest, null)
  assert.equal((await stat(path)).mode & 0o777, 0o700)
  assert.deepEqual((await readdir(path)).toSorted(), ['lock.1', 'shards'])
  await directory.release()
})

test('the manifest that was written is read by whoever comes next', async (context) => {
  const path = await temporaryDirectory(context)
  const directory = await openDirectory(path)
  await directory.writeManifest({ ...manifest, shards: 1 })
  await directory.writeManifest(manifest)
  await directory.release()
  const again = await openDirectory(path)
  assert.deepEqual(again.manifest, manifest)
  await again.release()
  assert.deepEqual((await readdir(path)).toSorted(), ['lock.2', 'shards', 'store.json'])
})

test('a store of another format is refused and left unlocked', async (context) => {
  const path = await temporaryDirectory(context)
  const other = { ...manifest, format: directoryFormat + 1 }
  await writeFile(join(path, 'store.json'), JSON.stringify(other))
  const refused = { code: 'STORE_FORMAT', message: /format 2, expected 1/ }
  await assert.rejects(openDirectory(path), refused)
  await assert.rejects(openDirectory(path), refused)
})

test('a manifest that is not what was written is refused', async (context) => {
  const path = await temporaryDirectory(context)
  await mkdir(path, { recursive: true })
  await writeFile(join(path, 'store.json'), JSON.stringify(manifest).slice(0, 40))
  await assert.rejects(openDirectory(path), { code: 'STORE_CORRUPT' })
})

test('no two stores have the same seed', () => {
  const seeds = new Set(Array.from({ length: 20 }, () => JSON.stringify(createSeed())))
  assert.equal(seeds.size, 20)
})
