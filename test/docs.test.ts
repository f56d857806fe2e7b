/**
 * The documentation, checked against the code: its tables are current and its examples compile.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { generatedPages, renderErrors, withTable } from '../docs/generate.ts'
import { errorTable } from '../src/base/errors.ts'
import { codeBlocks } from './helpers/markdown.ts'
import { projectFiles, root, type TextFile } from './helpers/repository.ts'

const pages = projectFiles().filter(({ path }) => /^(README\.md|docs\/.*\.md)$/.test(path))

test('the README and the reference of errors exist', () => {
  const paths = pages.map(({ path }) => path)
  assert.ok(paths.includes('README.md'))
  assert.ok(paths.includes('docs/reference/errors.md'))
})

test('the table of errors has every code once, and no other', () => {
  const documented = [...renderErrors().matchAll(/^\| `(\w+)`/gm)].map(([, code]) => code)
  assert.deepEqual(documented, Object.keys(errorTable))
})

test('generated tables are current; `npm run docs` writes them', () => {
  for (const { path, render } of generatedPages) {
    const page = pages.find((one) => one.path === path)!.text
    assert.ok(page === withTable(page, render()), `${path} is out of date: run \`npm run docs\``)
  }
})

test('a page links to files that exist', () => {
  const known = new Set(projectFiles().map(({ path }) => path))
  const folders = new Set([...known].map((path) => dirname(path)))
  const broken = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)]
      .map(([, link]) => join(dirname(path), link!).replace(/\/$/, ''))
      .filter((target) => !known.has(target) && !folders.has(target))
      .map((target) => `${path} → ${target}`),
  )
  assert.deepEqual(broken, [])
})

test('code blocks are found with their names and lines, ignored ones left out', () => {
  const text =
    'a\n```ts\nb\n```\n\n```ts ignore\nc\n```\n```ts features.ts\nd\ne\n```\n```sh\nf\n```\n'
  assert.deepEqual(codeBlocks(text), [
    { line: 3, name: null, code: 'b\n' },
    { line: 10, name: 'features.ts', code: 'd\ne\n' },
  ])
})

test('a code block that does not compile is reported at its line of the page', () => {
  const text = '# A\n\n```ts\nexport const a: number = "b"\n```\n'
  assert.match(compile([{ path: 'planted/a.md', text }]), /a\.md\.4\.ts\(4,14\): error TS2322/)
})

test('the code blocks of the documentation compile', () => {
  assert.equal(compile(pages), '')
})

/**
 * Type-checks the code blocks of pages as files in folders of their own, each block at its line.
 * Returns what the compiler said; empty when all is well.
 */
function compile(from: readonly TextFile[]): string {
  const folder = join(root, '.build', `docs-${process.pid}`)
  let count = 0
  for (const { path, text } of from) {
    for (const { line, name, code } of codeBlocks(text)) {
      const file = join(folder, path, name ?? `${path.split('/').at(-1)}.${line}.ts`)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, '\n'.repeat(line - 1) + code)
      count += 1
    }
  }
  if (count === 0) return ''
  const config = {
    extends: relative(folder, join(root, 'tsconfig.json')),
    compilerOptions: {
      noEmit: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
      moduleDetection: 'force',
      rootDir: root,
      paths: { millrace: [join(root, 'src/index.ts')] },
    },
    include: ['**/*.ts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  return stdout + stderr
}
