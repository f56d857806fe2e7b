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

// Every cell of declared type × wire type: a value, or the code of the refusal.

const type = Symbol('EVENT_FIELD_TYPE')
const range = Symbol('EVENT_FIELD_RANGE')
const time = Symbol('EVENT_TIME')
type Cell = Value | symbol

const i64Max = 2n ** 63n - 1n
const second = 1_000_000_000n

const wires: readonly [string, unknown][] = [
  ['true', true],
  ['0', 0],
  ['-0', -0],
  ['5', 5],
  ['5n', 5n],
  ['1.5', 1.5],
  ['2^31', 2 ** 31],
  ['2^53', 2 ** 53],
  ['2^53n', 2n ** 53n],
  ['2^63-1', i64Max],
  ['2^63', 2n ** 63n],
  ['-2^63', -(2n ** 63n)],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['1e300', 1e300],
  ['text', 'text'],
  ['"5"', '5'],
  ['"-9223372036854775808"', '-9223372036854775808'],
  ['"9223372036854775808"', '9223372036854775808'],
  ['"05"', '05'],
  ['"1.5"', '1.5'],
  ['""', ''],
  ['time text', '1970-01-01T00:00:01Z'],
  ['ill-formed', 'a\ud800'],
  ['timestamp', new MsgpackTimestamp(second + 1n)],
  ['binary', Uint8Array.of(1)],
  ['array', [5]],
  ['map', { a: 5 }],
]

const text = (accepted: string): Cell => accepted

const table: Readonly<Record<ScalarKind, Readonly<Record<string, Cell>>>> = {
  Int64: {
    '0': 0n,
    '-0': 0n,
    '5': 5n,
    '5n': 5n,
    '2^31': 2n ** 31n,
    '2^53': range,
    '2^53n': 2n ** 53n,
    '2^63-1': i64Max,
    '2^63': range,
    '-2^63': -(2n ** 63n),
    NaN: range,
    Infinity: range,
    '-Infinity': range,
    '1e300': range,
    '"5"': 5n,
    '"-9223372036854775808"': -(2n ** 63n),
    '"9223372036854775808"': range,
  },
  Int32: {
    '0': 0,
    '-0': 0,
    '5': 5,
    '5n': 5,
    '2^31': range,
    '2^53': range,
    '2^53n': range,
    '2^63-1': range,
    '2^63': range,
    '-2^63': range,
    NaN: range,
    Infinity: range,
    '-Infinity': range,
    '1e300': range,
    '"5"': 5,
    '"-9223372036854775808"': range,
    '"9223372036854775808"': range,
  },
  Float64: {
    '0': 0,
    '-0': 0,
    '5': 5,
    '5n': 5,
    '1.5': 1.5,
    '2^31': 2 ** 31,
    '2^53': 2 ** 53,
    '2^53n': range,
    '2^63-1': range,
    '2^63': range,
    '-2^63': range,
    NaN: range,
    Infinity: range,
    '-Infinity': range,
    '1e300': 1e300,
  },
  Float32: {
    '0': 0,
    '-0': 0,
    '5': 5,
    '5n': 5,
    '1.5': 1.5,
    '2^31': 2 ** 31,
    '2^53': 2 ** 53,
    '2^53n': range,
    '2^63-1': range,
    '2^63': range,
    '-2^63': range,
    NaN: range,
    Infinity: range,
    '-Infinity': range,
    '1e300': range,
  },
  String: {
    text: text('text'),
    '"5"': text('5'),
    '"-9223372036854775808"': text('-9223372036854775808'),
    '"9223372036854775808"': text('9223372036854775808'),
    '"05"': text('05'),
    '"1.5"': text('1.5'),
    '""': text(''),
    'time text': text('1970-01-01T00:00:01Z'),
  },
  Bool: { true: true },
  Timestamp: {
    '0': 0n,
    '-0': 0n,
    '5': 5_000_000n,
    '5n': 5_000_000n,
    '1.5': time,
    '2^31': 2n ** 31n * 1_000_000n,
    '2^53': time,
    '2^53n': time,
    '2^63-1': time,
    '2^63': time,
    '-2^63': time,
    NaN: time,
    Infinity: time,
    '-Infinity': time,
    '1e300': time,
    text: time,
    '"5"': time,
    '"-9223372036854775808"': time,
    '"9223372036854775808"': time,
    '"05"': time,
    '"1.5"': time,
    '""': time,
    'time text': second,
    'ill-formed': time,
    timestamp: second + 1n,
  },
}

function converted(declared: DataType, wire: unknown): { value: Value; problems: Problem[] } {
  const problems: Problem[] = []
  const value = convertValue(declared, wire, '/x', problems)
  return { value, problems }
}

for (const [kind, row] of Object.entries(table)) {
  test(`${kind} takes exactly the wire values that the table says`, () => {
    for (const [name, wire] of wires) {
      const { value, problems } = converted({ kind: kind as ScalarKind, nullable: false }, wire)
      const cell = row[name] ?? type
      if (typeof cell === 'symbol') {
        assert.equal(problems[0]?.code, cell.description, `${kind} ← ${name}`)
        assert.equal(problems[0]?.path, '/x')
        assert.equal(problems.length, 1)
      } else {
        assert.deepEqual(problems, [], `${kind} ← ${name}`)
        assert.ok(Object.is(value, cell), `${kind} ← ${name}`)
      }
    }
  })

  test(`${kind} takes null and absence only when it is nullable`, () => {
    for (const wire of [null, undefined]) {
      const nullable = converted({ kind: kind as ScalarKind, nullable: true }, wire)
      assert.deepEqual(nullable, { value: null, problems: [] })
      const code = wire === null ? 'EVENT_FIELD_TYPE' : 'EVENT_FIELD_MISSING'
      const required = converted({ kind: kind as ScalarKind, nullable: false }, wire)
      assert.equal(required.problems[0]?.code, code)
    }
  })
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
  assert.match(messageOf('Float64', 2n ** 53n), /integers that are exact as a float/)
})

test('a Map may not have the key __proto__, wherever the map comes from', () => {
  const map: DataType = { kind: 'Map', value: { kind: 'Int64', nullable: false }, nullable: false }
  for (const value of [new Map([['__proto__', 1n]]), JSON.parse('{"__proto__": 1}') as unknown]) {
    const problems: Problem[] = []
    convertValue(map, value, '/m', problems, 'canonical')
    assert.deepEqual(
      problems.map(({ code, path }) => [code, path]),
      [['EVENT_FIELD_TYPE', '/m/__proto__']],
    )
  }
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
    new MsgpackTimestamp(2n ** 63n * second),
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

test('nested containers refuse everything else', () => {
  const list: DataType = { kind: 'Array', element: int64, nullable: false }
  const struct: DataType = { kind: 'Struct', fields: [], nullable: false }
  const map: DataType = { kind: 'Map', value: int64, nullable: false }
  for (const [declared, accepted] of [
    [list, 'array'],
    [struct, 'map'],
    [map, 'map'],
  ] as const) {
    for (const [name, wire] of wires) {
      if (name === accepted) continue
      assert.equal(converted(declared, wire).problems[0]?.code, 'EVENT_FIELD_TYPE', name)
    }
    assert.equal(converted(declared, new Map()).problems[0]?.code, 'EVENT_FIELD_TYPE')
    assert.equal(converted(declared, new Date(0)).problems[0]?.code, 'EVENT_FIELD_TYPE')
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
