import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplayMarks } from '../../src/ledger/marks.ts'

test('an entry is marked or not, wherever it is', () => {
  const marks = new ReplayMarks()
  const ids = [1, 8, 32_767, 32_768, 65_535, 65_536, 2 ** 40]
  marks.add(ids)
  for (const id of ids) {
    assert.ok(marks.has(id), String(id))
    assert.equal(marks.has(id + 2), false, String(id + 2))
  }
})

test('marks of entries that are gone are forgotten in parts, and no others', () => {
  const marks = new ReplayMarks()
  marks.add([5, 40_000, 70_000])
  marks.dropBefore(32_767)
  assert.ok(marks.has(5))
  marks.dropBefore(65_000)
  assert.deepEqual(
    [5, 40_000, 70_000].map((id) => marks.has(id)),
    [false, true, true],
  )
})
