import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DataType, Value } from '../../src/model/types.ts'
import { toJson } from '../../src/serve/json.ts'

function scalar(kind: 'Int64' | 'Int32' | 'Float64' | 'Float32' | 'String' | 'Bool' | 'Timestamp') {
  return { kind, nullable: true } as const
}

function textOf(type: DataType, value: Value): string {
  return JSON.stringify(toJson(type, value))
}

test('an Int64 is a decimal string, exact beyond 2^53', () => {
  assert.equal(textOf(scalar('Int64'), 9_007_199_254_740_993n), '"9007199254740993"')
  assert.equal(textOf(scalar('Int64'), -(2n ** 63n)), '"-9223372036854775808"')
})

test('an Int32, a Bool and a String are themselves', () => {
  assert.equal(textOf(scalar('Int32'), -5), '-5')
  assert.equal(textOf(scalar('Bool'), false), 'false')
  assert.equal(textOf(scalar('String'), 'é"'), '"é\\""')
})

test('a Float that JSON has no number for is a string', () => {
  assert.equal(textOf(scalar('Float64'), 0.1), '0.1')
  assert.equal(textOf(scalar('Float64'), Number.NaN), '"NaN"')
  assert.equal(textOf(scalar('Float32'), Number.POSITIVE_INFINITY), '"Infinity"')
  assert.equal(textOf(scalar('Float32'), Number.NEGATIVE_INFINITY), '"-Infinity"')
})

test('a Timestamp keeps its nanoseconds', () => {
  const at = 1_714_564_800_000_000_001n
  assert.equal(textOf(scalar('Timestamp'), at), '"2024-05-01T12:00:00.000000001Z"')
  assert.equal(textOf(scalar('Timestamp'), -1n), '"1969-12-31T23:59:59.999999999Z"')
})

test('an Array, a Struct and a Map are converted within', () => {
  const array: DataType = { kind: 'Array', element: scalar('Int64'), nullable: true }
  assert.equal(textOf(array, [1n, null]), '["1",null]')
  const struct: DataType = {
    kind: 'Struct',
    fields: [
      { name: 'n', type: scalar('Int64') },
      { name: 'list', type: array },
    ],
    nullable: true,
  }
  assert.equal(textOf(struct, { n: 1n, list: [2n] }), '{"n":"1","list":["2"]}')
  const map: DataType = { kind: 'Map', value: struct, nullable: true }
  assert.equal(
    textOf(map, new Map([['k', { n: null, list: null }]])),
    '{"k":{"n":null,"list":null}}',
  )
})

test('a name such as __proto__ is a name like any other', () => {
  const map: DataType = { kind: 'Map', value: scalar('Int32'), nullable: true }
  const json = textOf(map, new Map([['__proto__', 1]]))
  assert.equal(json, '{"__proto__":1}')
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

test('null is null in every type', () => {
  assert.equal(textOf(scalar('Int64'), null), 'null')
  assert.equal(textOf({ kind: 'Map', value: scalar('Int32'), nullable: true }, null), 'null')
})
