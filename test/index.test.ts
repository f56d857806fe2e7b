/**
 * What a program sees of the package, as its compiler sees it.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from './helpers/repository.ts'

/** The declarations that were compiled with this test. */
const declarations = join(import.meta.dirname, '../src/index.d.ts')

test('the types of the package need ES2022 and typebox, and no types of Node', () => {
  const folder = join(root, '.build', `types-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022'],
    types: [],
    module: 'nodenext',
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    listFiles: true,
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: [declarations] }),
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  assert.equal(status, 0, stdout)
  const files = stdout.trim().split('\n')
  assert.ok(files.some((file) => file.endsWith('src/index.d.ts')))
  // What is installed here for the tests is not installed there.
  const packages = files.map((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1])
  assert.deepEqual(
    [...new Set(packages)].filter((name) => name !== undefined && !/typescript/.test(name)),
    ['typebox'],
  )
})
