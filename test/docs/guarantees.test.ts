/**
 * The page of guarantees, held against the tests that it names.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { projectFiles } from '../helpers/repository.ts'

const files = new Map(projectFiles().map(({ path, text }) => [path, text]))
const page = files.get('docs/reference/guarantees.md')!
const rows = page.split('\n').filter((line) => /^\| (?!promise|---)/.test(line))

test('every guarantee is one sentence, with a test and where it ends', () => {
  assert.ok(rows.length > 20, `${rows.length} rows`)
  for (const row of rows) {
    const [promise, heldBy, end] = row.split('|').slice(1, -1)
    assert.match(promise!.trim(), /^[A-Z][^.]*\.$/, row)
    assert.match(heldBy!, /`test\/[\w/-]+\.test\.ts`: /, row)
    assert.match(end!.trim(), /^–$|\.$|`test\//, row)
  }
})

test('every test that a guarantee names exists under its name in its file', () => {
  const named = rows.flatMap((row) =>
    [...row.matchAll(/`(test\/[\w/-]+\.test\.ts)`: ([^|]+?) *(?=\|)/g)].map(([, path, name]) => ({
      path: path!,
      name: name!,
    })),
  )
  assert.ok(named.length >= rows.length)
  for (const { path, name } of named) {
    const text = files.get(path)
    assert.ok(text !== undefined, `${path} does not exist`)
    assert.ok(
      text.includes(`('${name}'`) && !text.includes(`skip('${name}'`),
      `${path} has no test "${name}"`,
    )
  }
})
