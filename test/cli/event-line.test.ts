import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseEvent } from '../../src/cli/event-line.ts'

const twice = 'a name comes twice in a JSON object'
const notObject = 'not a JSON object'

test('a line is an event if it is one JSON object', () => {
  assert.deepEqual(parseEvent('{"a": 1, "b": {"a": []}}'), { a: 1, b: { a: [] } })
  assert.deepEqual(parseEvent('{}'), {})
  for (const line of [
    '',
    '[]',
    'null',
    '5',
    '"a"',
    '{"a": 1} {"a": 1}',
    '{"a": NaN}',
    "{'a': 1}",
  ]) {
    assert.equal(parseEvent(line), notObject, line)
  }
})

test('a name that comes twice is refused, at any depth and however it is escaped', () => {
  for (const line of [
    '{"a": 1, "a": 2}',
    '{"a": 1, "\\u0061": 1}',
    '{"b": [{"a": 1, "a" : 2}]}',
    '{"b": {"a": null, "c": 1, "a": null}}',
    '{"__proto__": 1, "__proto__": 2}',
    '{"": 1, "": 2}',
  ]) {
    assert.equal(parseEvent(line), twice, line)
  }
})

test('what only looks like a name is none', () => {
  const line = '{"a": "\\"b\\": 1, \\"b\\": 2", "c\\\\": ["d", ":", {"a": "a"}], "1": 1, "0": 0}'
  assert.deepEqual(parseEvent(line), JSON.parse(line))
})

test('nothing that JSON can say is taken for a name that comes twice', () => {
  const object = fc
    .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4 }))
    .map((value) => JSON.stringify(value, null, value['a'] === undefined ? 1 : 0))
  fc.assert(
    fc.property(object, (line) => {
      assert.deepEqual(parseEvent(line), JSON.parse(line))
    }),
    { seed: 42, numRuns: 500 },
  )
})

test('a line that nests very deep is looked through', () => {
  const deep = `{"a": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  assert.deepEqual(Object.keys(parseEvent(deep) as object), ['a'])
})
