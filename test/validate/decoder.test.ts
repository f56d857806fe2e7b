import assert from 'node:assert/strict'
import { test } from 'node:test'
import Type from 'typebox'
import { errorMessage } from '../../src/base/errors.ts'
import { eventBytesMax } from '../../src/base/limits.ts'
import type { Problem } from '../../src/model/convert.ts'
import { MsgpackTimestamp } from '../../src/model/msgpack.ts'
import type { Value } from '../../src/model/types.ts'
import { createEventDecoder, isProblem, type DecodedEvent } from '../../src/validate/decoder.ts'
import { field, packed, sourceOf } from '../helpers/event-catalog.ts'

const source = sourceOf([
  field('user', 'String'),
  field('at', 'Timestamp'),
  field('count', 'Int64'),
  field('price', 'Float64', true),
  field('tags', {
    kind: 'Array',
    element: { kind: 'String', nullable: false },
    nullable: true,
  }),
])
const decoder = createEventDecoder(source)
const good = { user: 'ada', at: '2024-05-01T12:00:00.000000001Z', count: 3n }

function decode(event: unknown, by = decoder): DecodedEvent | Problem {
  const bytes = packed(event)
  const around = new Uint8Array(bytes.length + 10)
  around.set(bytes, 5)
  return by.decode(around, 5, 5 + bytes.length)
}

function problemOf(event: unknown, by = decoder): Problem {
  const decoded = decode(event, by)
  assert.ok(isProblem(decoded), 'decoded')
  assert.equal(JSON.stringify(decoded).includes('secret'), false)
  return decoded
}

function valuesOf(event: unknown): Readonly<Record<string, Value>> {
  const decoded = decode(event)
  assert.ok(!isProblem(decoded))
  return decoded.values
}

test('a good event becomes its canonical values and its time', () => {
  const decoded = decode({ ...good, price: 2 ** 53, tags: ['a', 'é'] })
  assert.ok(!isProblem(decoded))
  assert.deepEqual(
    { ...decoded.values },
    {
      user: 'ada',
      at: 1_714_564_800_000_000_001n,
      count: 3n,
      price: 2 ** 53,
      tags: ['a', 'é'],
    },
  )
  assert.deepEqual(Object.keys(decoded.values), ['user', 'at', 'count', 'price', 'tags'])
  assert.equal(decoded.timeMs, 1_714_564_800_000)
  assert.equal(decoded.timeNs, 1)
})

test('the time before the epoch is split downwards', () => {
  const decoded = decode({ ...good, at: new MsgpackTimestamp(-1n) })
  assert.ok(!isProblem(decoded))
  assert.deepEqual([decoded.timeMs, decoded.timeNs], [-1, 999_999])
})

test('integers beyond 2^53 stay exact', () => {
  assert.equal(valuesOf({ ...good, count: 2n ** 53n + 1n })['count'], 2n ** 53n + 1n)
  assert.equal(valuesOf({ ...good, count: '-9223372036854775808' })['count'], -(2n ** 63n))
})

test('a negative zero becomes zero', () => {
  assert.ok(Object.is(valuesOf({ ...good, price: -0 })['price'], 0))
})

test('each bad field is answered with its code and its path', () => {
  const cases: [Record<string, unknown>, string, string][] = [
    [{ user: undefined }, 'EVENT_FIELD_TYPE', '/user'],
    [{ user: null }, 'EVENT_FIELD_TYPE', '/user'],
    [{ user: 7 }, 'EVENT_FIELD_TYPE', '/user'],
    [{ user: ['secret'] }, 'EVENT_FIELD_TYPE', '/user'],
    [{ count: 'secret' }, 'EVENT_FIELD_TYPE', '/count'],
    [{ count: 1.5 }, 'EVENT_FIELD_TYPE', '/count'],
    [{ count: true }, 'EVENT_FIELD_TYPE', '/count'],
    [{ count: 2 ** 53 }, 'EVENT_FIELD_RANGE', '/count'],
    [{ count: 2n ** 64n - 1n }, 'EVENT_FIELD_RANGE', '/count'],
    [{ price: NaN }, 'EVENT_FIELD_RANGE', '/price'],
    [{ price: Infinity }, 'EVENT_FIELD_RANGE', '/price'],
    [{ price: -Infinity }, 'EVENT_FIELD_RANGE', '/price'],
    [{ price: '5' }, 'EVENT_FIELD_TYPE', '/price'],
    [{ tags: ['a', 5] }, 'EVENT_FIELD_TYPE', '/tags/1'],
    [{ tags: { a: 1 } }, 'EVENT_FIELD_TYPE', '/tags'],
    [{ secre: 1 }, 'EVENT_FIELD_UNKNOWN', '/secre'],
    [{ constructor: 1 }, 'EVENT_FIELD_UNKNOWN', '/constructor'],
    [{ hasOwnProperty: 1 }, 'EVENT_FIELD_UNKNOWN', '/hasOwnProperty'],
    [{ at: 'secret' }, 'EVENT_TIME', '/at'],
    [{ at: '2024-13-01T00:00:00Z' }, 'EVENT_TIME', '/at'],
    [{ at: NaN }, 'EVENT_TIME', '/at'],
    [{ at: 2 ** 53 }, 'EVENT_TIME', '/at'],
    [{ at: new MsgpackTimestamp((2n ** 63n - 1n) * 1_000_000_000n) }, 'EVENT_TIME', '/at'],
    [{ at: true }, 'EVENT_FIELD_TYPE', '/at'],
    [{ at: null }, 'EVENT_FIELD_TYPE', '/at'],
  ]
  for (const [change, code, path] of cases) {
    const problem = problemOf({ ...good, ...change })
    assert.deepEqual([problem.code, problem.path], [code, path])
    assert.equal(errorMessage(problem.code, problem.details).includes('{'), false)
  }
  const { count, ...without } = good
  assert.equal(count, 3n)
  assert.deepEqual(problemOf(without), { code: 'EVENT_FIELD_MISSING', path: '/count', details: {} })
})

test('bytes that are no msgpack map are EVENT_DECODE', () => {
  const bombs: Record<string, readonly number[]> = {
    nothing: [],
    unused: [0xc1],
    truncated: [0x81, 0xa4, 0x75, 0x73],
    trailing: [0x80, 0x80],
    'array of 30 million': [0xdd, 0x01, 0xc9, 0xc3, 0x80],
    'map of 4 billion': [0xdf, 0xff, 0xff, 0xff, 0xff],
    'string of 4 GiB': [0xdb, 0xff, 0xff, 0xff, 0xff],
    nested: Array<number>(60_000).fill(0x91),
    'unknown extension': [0x81, 0xa1, 0x61, 0xd4, 0x05, 0x00],
    'extension of 4 GiB': [0xc9, 0xff, 0xff, 0xff, 0xff, 0x01],
    'short timestamp': [0x81, 0xa2, 0x61, 0x74, 0xd5, 0xff, 0, 0],
    'nil key': [0x81, 0xc0, 0x01],
    'integer key': [0x81, 0x01, 0x01],
    'map key': [0x81, 0x80, 0x01],
    'two equal keys': [0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2],
    'ill-formed text': [0x81, 0xa4, 0x75, 0x73, 0x65, 0x72, 0xa2, 0xff, 0xfe],
    'overlong text': [0x81, 0xa4, 0x75, 0x73, 0x65, 0x72, 0xa2, 0xc0, 0xaf],
    surrogate: [0x81, 0xa4, 0x75, 0x73, 0x65, 0x72, 0xa3, 0xed, 0xa0, 0x80],
    nil: [0xc0],
    integer: [0x05],
    'array of maps': [0x91, 0x80],
    binary: [0xc4, 0x01, 0x80],
    timestamp: [0xd6, 0xff, 0, 0, 0, 0],
  }
  for (const [name, bytes] of Object.entries(bombs)) {
    const { code, path } = problemOf(Uint8Array.from(bytes))
    assert.deepEqual([code, path], ['EVENT_DECODE', ''], name)
  }
})

test('an event with more bytes or values than allowed is refused', () => {
  const text = (length: number) => ({ ...good, tags: ['x'.repeat(length)] })
  const most = eventBytesMax - packed(text(1000)).length + 1000
  assert.equal(isProblem(decode(text(most))), false)
  assert.deepEqual(problemOf(text(most + 1)), {
    code: 'EVENT_TOO_LARGE',
    path: '',
    details: { size: eventBytesMax + 1, max: eventBytesMax },
  })
  assert.equal(problemOf({ ...good, tags: Array<string>(4096).fill('') }).code, 'EVENT_DECODE')
})

test('a key named __proto__ changes nothing and is refused', () => {
  const name = new TextEncoder().encode('__proto__')
  const event = Uint8Array.from([0x81, 0xa9, ...name, 0x81, 0xa1, 0x78, 0x01])
  assert.equal(problemOf(event).code, 'EVENT_DECODE')
  assert.equal('x' in {}, false)
})

test('a field that every object seems to have must be in the event itself', () => {
  const strange = createEventDecoder(
    sourceOf([field('toString', 'String'), field('at', 'Timestamp')]),
  )
  assert.deepEqual(problemOf({ at: 0 }, strange), {
    code: 'EVENT_FIELD_MISSING',
    path: '/toString',
    details: {},
  })
  assert.equal(isProblem(decode({ at: 0, toString: 'x' }, strange)), false)
})

test('text with controls, direction marks and any scalar value is kept as it is', () => {
  const user = 'a\u0000\r\n\u001b\u202e\ufeff😀e\u0301'
  assert.equal(valuesOf({ ...good, user })['user'], user)
})

test('rules that only the schema states are enforced, without values in the answer', () => {
  const refined = {
    ...source,
    schema: Type.Object({
      user: Type.String({ maxLength: 5, pattern: '^[a-z]*$' }),
      count: Type.BigInt({ minimum: 1n }),
      price: Type.Union([Type.Number({ exclusiveMaximum: 10 }), Type.Null()]),
      tags: Type.Union([Type.Array(Type.String(), { maxItems: 1 }), Type.Null()]),
    }),
  }
  const by = createEventDecoder(refined)
  const cases: [Record<string, unknown>, string, string, RegExp][] = [
    [{ user: 'secrets' }, 'EVENT_FIELD_RANGE', '/user', /maxLength 5/],
    [{ user: 'A1' }, 'EVENT_FIELD_TYPE', '/user', /"pattern"/],
    [{ count: 0n }, 'EVENT_FIELD_RANGE', '/count', /minimum 1/],
    [{ price: 10 }, 'EVENT_FIELD_RANGE', '/price', /exclusiveMaximum 10/],
    [{ tags: ['a', 'b'] }, 'EVENT_FIELD_RANGE', '/tags', /maxItems 1/],
  ]
  for (const [change, code, path, message] of cases) {
    const problem = problemOf({ ...good, ...change }, by)
    assert.deepEqual([problem.code, problem.path], [code, path])
    assert.match(errorMessage(problem.code, problem.details), message)
  }
  const closed = { ...source, schema: Type.Object({ more: Type.String() }) }
  assert.deepEqual(problemOf(good, createEventDecoder(closed)), {
    code: 'EVENT_FIELD_MISSING',
    path: '/more',
    details: {},
  })
  const empty = { ...source, schema: Type.Object({}, { additionalProperties: false }) }
  assert.equal(problemOf(good, createEventDecoder(empty)).code, 'EVENT_FIELD_UNKNOWN')
})

test('an event whose nullable time is null has no time', () => {
  const by = createEventDecoder(sourceOf([field('user', 'String'), field('at', 'Timestamp', true)]))
  assert.deepEqual(problemOf({ user: 'ada' }, by), {
    code: 'EVENT_TIME',
    path: '/at',
    details: { reason: 'null' },
  })
})
