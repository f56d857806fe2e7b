import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorMessage } from '../../src/base/errors.ts'
import {
  convertEvent,
  convertValue,
  pointer,
  type Problem,
  type ValueForm,
} from '../../src/model/convert.ts'
import { MsgpackTimestamp } from '../../src/model/msgpack.ts'
import type { DataType, ScalarKind, Value } from '../../src/model/types.ts'
import { field } from '../helpers/event-catalog.ts'

// What becomes of every kind of value is test/validate/types.test.ts.

function converted(declared: DataType, wire: unknown): { value: Value; problems: Problem[] } {
  const problems: Problem[] = []
  const value = convertValue(declared, wire, '/x', problems)
  return { value, problems }
}

test('a number that is not exact is told from one that is out of range', () => {
  const messageOf = (kind: ScalarKind, wire: unknown, form: ValueForm = 'wire'): string => {
    const problems: Problem[] = []
    convertValue({ kind, nullable: false }, wire, '', problems, form)
    return errorMessage(problems[0]!.code, problems[0]!.details)
  }
  const inexact = /range of numbers that are exact, ±2\^53; give it as a 64-bit integer or a dec/
  for (const wire of [2 ** 53, -(2 ** 53), 2 ** 62, -(2 ** 63)]) {
    assert.match(messageOf('Int64', wire), inexact)
    assert.match(messageOf('Int64', wire, 'canonical'), /give it as a bigint$/)
  }
  for (const wire of [2 ** 63, -1e300, Infinity, NaN, 2n ** 63n, '9223372036854775808']) {
    assert.match(messageOf('Int64', wire), /outside the range of Int64$/)
  }
  assert.match(messageOf('Int32', 2 ** 53), /outside the range of Int32$/)
  const gap = /outside the range of integers that a Float64 holds exactly$/
  for (const wire of [2n ** 53n + 1n, 10n ** 400n, -(2n ** 63n) + 1n]) {
    assert.match(messageOf('Float64', wire), gap)
    assert.match(messageOf('Float32', wire), gap)
  }
  assert.match(messageOf('Float32', 2n ** 200n), /outside the range of Float32$/)
})

test('a Map may not have a key that would be lost on its way, wherever the map comes from', () => {
  const map: DataType = { kind: 'Map', value: { kind: 'Int64', nullable: false }, nullable: false }
  for (const [key, path, actual] of [
    ['__proto__', '/m/__proto__', '__proto__'],
    ['\ufeffa', '/m/\ufeffa', 'string with a byte order mark'],
    ['\ud800', '/m', 'ill-formed string'],
  ] as const) {
    for (const value of [new Map([[key, 1n]]), JSON.parse(`{"${key}": 1}`) as unknown]) {
      const problems: Problem[] = []
      convertValue(map, value, '/m', problems, 'canonical')
      const details = { expected: 'another key', actual }
      assert.deepEqual(problems, [{ code: 'EVENT_FIELD_TYPE', path, details }])
    }
  }
})

test('text that is refused is told from text that is expected', () => {
  const messageOf = (wire: string): string => {
    const { problems } = converted({ kind: 'String', nullable: false }, wire)
    return errorMessage(problems[0]!.code, problems[0]!.details)
  }
  assert.equal(messageOf('\ufeff'), 'expected String, got string with a byte order mark')
  assert.equal(messageOf('\ud800'), 'expected String, got ill-formed string')
})

test('Float32 keeps the nearest single-precision number', () => {
  const float32: DataType = { kind: 'Float32', nullable: false }
  assert.equal(converted(float32, 0.1).value, Math.fround(0.1))
  assert.ok(Object.is(converted(float32, -1e-50).value, 0))
  assert.equal(converted(float32, 3.5e38).problems[0]?.code, 'EVENT_FIELD_RANGE')
})

test('a timestamp outside 1900 to 2200 is refused, however it is written', () => {
  const timestamp: DataType = { kind: 'Timestamp', nullable: false }
  for (const wire of [
    '1899-12-31T23:59:59.999999999Z',
    '2200-01-01T00:00:00.000000001Z',
    -2_208_988_800_001,
    7_258_118_400_001n,
    new MsgpackTimestamp(2n ** 63n * 1_000_000_000n),
  ]) {
    assert.equal(converted(timestamp, wire).problems[0]?.code, 'EVENT_TIME')
  }
  assert.deepEqual(converted(timestamp, '1900-01-01T00:00').problems, [])
  assert.deepEqual(converted(timestamp, 7_258_118_400_000).problems, [])
})

const int64: DataType = { kind: 'Int64', nullable: false }
const nullableText: DataType = { kind: 'String', nullable: true }

test('arrays, structs and maps are converted through and through', () => {
  const item: DataType = {
    kind: 'Struct',
    nullable: false,
    fields: [field('price', 'Float64'), field('note', nullableText)],
  }
  const list: DataType = { kind: 'Array', element: item, nullable: false }
  const byName: DataType = { kind: 'Map', value: list, nullable: false }
  const { value, problems } = converted(byName, { a: [{ price: 5n }], b: [] })
  assert.deepEqual(problems, [])
  const struct = Object.assign(Object.create(null), { price: 5, note: null }) as Value
  assert.deepEqual(
    value,
    new Map([
      ['a', [struct]],
      ['b', []],
    ]),
  )
})

test('objects that no wire has are no values', () => {
  const list: DataType = { kind: 'Array', element: int64, nullable: false }
  const struct: DataType = { kind: 'Struct', fields: [], nullable: false }
  const map: DataType = { kind: 'Map', value: int64, nullable: false }
  for (const declared of [int64, nullableText, list, struct, map]) {
    for (const object of [new Map(), new Set(), new Date(0), Symbol('a'), () => 1]) {
      assert.equal(converted(declared, object).problems[0]?.code, 'EVENT_FIELD_TYPE')
    }
  }
})

test('problems point into the event with JSON pointers', () => {
  const struct: DataType = { kind: 'Struct', fields: [field('p/q', int64)], nullable: false }
  const fields = [
    field('id', 'String'),
    field('items', { kind: 'Array', element: struct, nullable: false }),
    field('map', { kind: 'Map', value: int64, nullable: true }),
  ]
  const problems: Problem[] = []
  convertEvent(
    fields,
    { items: [{ 'p/q': 1 }, { 'p/q': 'no' }, { more: 1 }], map: { 'a~b': null }, extra: 1 },
    problems,
  )
  assert.deepEqual(
    problems.map(({ code, path }) => [code, path]),
    [
      ['EVENT_FIELD_MISSING', '/id'],
      ['EVENT_FIELD_TYPE', '/items/1/p~1q'],
      ['EVENT_FIELD_MISSING', '/items/2/p~1q'],
      ['EVENT_FIELD_UNKNOWN', '/items/2/more'],
      ['EVENT_FIELD_TYPE', '/map/a~0b'],
      ['EVENT_FIELD_UNKNOWN', '/extra'],
    ],
  )
  assert.equal(pointer('/a', '~/'), '/a/~0~1')
})

test('names that every object inherits are neither present nor special', () => {
  const fields = [field('toString', 'String'), field('constructor', nullableText)]
  const problems: Problem[] = []
  const values = convertEvent(fields, {}, problems)
  assert.deepEqual(
    problems.map(({ code, path }) => [code, path]),
    [['EVENT_FIELD_MISSING', '/toString']],
  )
  assert.equal(Object.getPrototypeOf(values), null)
  assert.equal(values['constructor'], null)
  const hostile = JSON.parse('{"toString":"x","__proto__":{"polluted":1}}') as Record<
    string,
    unknown
  >
  const more: Problem[] = []
  convertEvent(fields, hostile, more)
  assert.deepEqual(
    more.map(({ code, path }) => [code, path]),
    [['EVENT_FIELD_UNKNOWN', '/__proto__']],
  )
  assert.equal('polluted' in {}, false)
})

test('no problem carries a value of the event', () => {
  const problems: Problem[] = []
  convertEvent([field('n', 'Int32')], { n: 'secret' }, problems)
  convertEvent([field('n', 'Bool')], { n: 'secret' }, problems)
  convertEvent([field('n', 'Timestamp')], { n: 'secret' }, problems)
  assert.equal(problems.length, 3)
  assert.equal(JSON.stringify(problems).includes('secret'), false)
})

test('the canonical form takes nanoseconds and no numbers as text', () => {
  const canonical = (declared: DataType, value: unknown): unknown => {
    const problems: Problem[] = []
    const result = convertValue(declared, value, '', problems, 'canonical')
    return problems[0]?.code ?? result
  }
  const timestamp: DataType = { kind: 'Timestamp', nullable: false }
  assert.equal(canonical(timestamp, 5n), 5n)
  assert.equal(canonical(timestamp, 5), 'EVENT_FIELD_TYPE')
  assert.equal(canonical(timestamp, '1970-01-01T00:00Z'), 'EVENT_FIELD_TYPE')
  assert.equal(canonical(int64, '5'), 'EVENT_FIELD_TYPE')
  assert.equal(canonical(int64, 5), 5n)
  const map: DataType = { kind: 'Map', value: int64, nullable: false }
  assert.deepEqual(canonical(map, new Map([['a', 5n]])), new Map([['a', 5n]]))
  assert.equal(canonical(map, new Map([[1, 5n]])), 'EVENT_FIELD_TYPE')
})

test('only request data, and what is computed of it, has floats that are not finite', () => {
  const forms: readonly ValueForm[] = ['wire', 'canonical', 'request', 'json-request', 'computed']
  const takenAs = (kind: ScalarKind, wire: unknown): readonly (Value | string)[] =>
    forms.map((form) => {
      const problems: Problem[] = []
      const value = convertValue({ kind, nullable: false }, wire, '', problems, form)
      return problems.length === 0 ? value : problems[0]!.code.replace('EVENT_FIELD_', '')
    })
  for (const kind of ['Float64', 'Float32'] as const) {
    for (const value of [NaN, Infinity, -Infinity]) {
      assert.deepEqual(takenAs(kind, value), ['RANGE', 'RANGE', value, 'RANGE', value])
      assert.deepEqual(takenAs(kind, String(value)), ['TYPE', 'TYPE', value, value, 'TYPE'])
    }
    for (const text of ['nan', '+Infinity', 'inf', '1.5', '']) {
      assert.deepEqual(
        takenAs(kind, text),
        forms.map(() => 'TYPE'),
        text,
      )
    }
  }
  // What is finite, and does not fit, is still out of range.
  assert.deepEqual(
    takenAs('Float32', 1e39),
    forms.map(() => 'RANGE'),
  )
  assert.deepEqual(
    takenAs('Int64', NaN),
    forms.map(() => 'RANGE'),
  )
})
