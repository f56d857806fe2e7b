import assert from 'node:assert/strict'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { DirGuard } from '../../src/daemon/dir-guard.ts'
import { temporaryDir } from '../helpers/daemons.ts'

async function setUp(t: TestContext) {
  const dir = await temporaryDir(t)
  const folder = join(dir, 'journal')
  await mkdir(folder)
  const file = join(folder, 'segment')
  await writeFile(file, '')
  let paths: readonly string[] = [folder, file]
  const guard = new DirGuard(() => paths)
  await guard.look()
  return { dir, folder, file, guard, write: (now: readonly string[]) => (paths = now) }
}

test('what is written to is where it was, until it is removed', async (t) => {
  const { file, guard } = await setUp(t)
  await writeFile(file, 'grows')
  await guard.look()
  await rm(file)
  await assert.rejects(guard.look(), { code: 'STORE_GONE', details: { file } })
})

test('another file of the same name, or another folder, is not the same', async (t) => {
  const { dir, folder, file, guard } = await setUp(t)
  await rename(folder, join(dir, 'elsewhere'))
  await mkdir(folder)
  await writeFile(file, '')
  await assert.rejects(guard.look(), { code: 'STORE_GONE', details: { file: folder } })
})

test('what is no longer written to may go', async (t) => {
  const { folder, file, guard, write } = await setUp(t)
  const next = join(folder, 'next')
  await writeFile(next, '')
  write([folder, next])
  await rm(file)
  await guard.look()
})
