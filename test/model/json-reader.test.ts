import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { MillraceError } from '../../src/base/errors.ts'
import { jsonDepthMax } from '../../src/base/http-limits.ts'
import { JsonReader } from '../../src/model/json-reader.ts'
import { createDecoder } from '../../src/model/msgpack.ts'
import { MsgpackWriter } from '../../src/model/msgpack-writer.ts'
import type { DataType, Value } from '../../src/model/types.ts'
import { plain } from '../helpers/plain.ts'

const limits = { depthMax: 32, nodesMax: 1_000_000, bytesMax: 1_000_000 }

/** The msgpack of a JSON text, by the reader. */
function transcode(text: string | Uint8Array, type: DataType | null = null): Buffer {
  const reader = new JsonReader(typeof text === 'string' ? Buffer.from(text) : text)
  const out = new MsgpackWriter(0)
  reader.write(out, type)
  reader.end()
  return out.written
}

/** What a decoder makes of it. */
function read(text: string, type: DataType | null = null): Value {
  return plain(createDecoder(limits).decode(transcode(text, type)) as Value) as Value
}

/** Where a text is refused; null when it is not. */
function refusedAt(text: string | Uint8Array): number | null {
  try {
    transcode(text)
    return null
  } catch (thrown) {
    assert.equal((thrown as MillraceError).code, 'JSON_INVALID')
    return Number((thrown as MillraceError).details['offset'])
  }
}

/** Integers as msgpack has them: `bigint` beyond 32 bits, and no negative zero. */
function asDecoded(value: unknown): unknown {
  if (typeof value === 'number') {
    if (Object.is(value, -0)) return 0
    const isWide = Number.isSafeInteger(value) && (value >= 2 ** 32 || value < -(2 ** 31))
    return isWide ? BigInt(value) : value
  }
  if (Array.isArray(value)) return value.map(asDecoded)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, asDecoded(each)]))
}

const names = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('a', 'é', '"', '\\', '\n'))
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false, 0, -0, 1e21, 1e-7, 2 ** 53 - 1, -(2 ** 53) + 1),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'grapheme' }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(names, tie('value'), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value

describe('a JSON reader', () => {
  test('makes of every value what a parser makes of it', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space)
        // A parser has no such integers.
        fc.pre(!/(?<![.\d])\d{16,}(?![.\d])/.test(text))
        assert.deepEqual(read(text), asDecoded(JSON.parse(text)))
      }),
      { seed: 11, numRuns: 2000 },
    )
  })

  test('takes the texts that a parser takes, and no others', () => {
    const mutation = fc.tuple(
      fc.nat(),
      fc.constantFrom(...'{}[]",:0-.eE+ \\utfn\u0001'.split('')),
      fc.nat(2),
    )
    fc.assert(
      fc.property(json, fc.array(mutation, { maxLength: 3 }), (value, mutations) => {
        let text = JSON.stringify(value)
        for (const [at, inserted, removed] of mutations) {
          const place = at % (text.length + 1)
          text = text.slice(0, place) + inserted + text.slice(place + removed)
        }
        fc.pre(text.isWellFormed())
        assert.equal(refusedAt(text) === null, isJson(text), JSON.stringify(text))
      }),
      { seed: 12, numRuns: 5000 },
    )
  })

  test('keeps every digit of an integer of 64 bits', () => {
    for (const text of [
      '9007199254740993',
      '-9007199254740993',
      '9223372036854775807',
      '-9223372036854775808',
      '18446744073709551615',
    ]) {
      assert.equal(read(text), BigInt(text))
    }
    assert.equal(read('18446744073709551616'), 2 ** 64)
    assert.equal(read('-9223372036854775809'), -(2 ** 63))
    assert.equal(read(`1${'0'.repeat(400)}`), Infinity)
    assert.equal(read('9007199254740993.0'), 2 ** 53)
  })

  test('reads a number as the nearest double where a float is declared', () => {
    const float: DataType = { kind: 'Float64', nullable: true }
    const int: DataType = { kind: 'Int64', nullable: true }
    const fields = [
      { name: 'f', type: float },
      { name: 'i', type: int },
      { name: 'fs', type: { kind: 'Array' as const, element: float, nullable: false } },
      { name: 'fm', type: { kind: 'Map' as const, value: float, nullable: false } },
    ]
    const type: DataType = { kind: 'Struct', fields, nullable: false }
    const wide = '1152921504606847000'
    const text = `{"i":${wide},"f":${wide},"fs":[${wide}],"fm":{"i":${wide}},"x":{"f":${wide}}}`
    assert.deepEqual(read(text, type), {
      i: BigInt(wide),
      f: 2 ** 60,
      fs: [2 ** 60],
      fm: { i: 2 ** 60 },
      x: { f: BigInt(wide) },
    })
  })

  test('leaves a name that comes twice to whoever decodes the event', () => {
    assert.throws(() => read('{"a":1,"a":2}'), /a name comes twice/)
    assert.throws(() => read('{"a":1,"\\u0061":2}'), /a name comes twice/)
    const reader = new JsonReader(Buffer.from('{"a":1,"a":2}'))
    assert.throws(() => reader.object(() => reader.skip()), /a name comes twice/)
  })

  test('refuses text that is not well-formed', () => {
    assert.notEqual(refusedAt('"\\ud800"'), null)
    assert.notEqual(refusedAt('{"\\udc00x":1}'), null)
    assert.notEqual(refusedAt(Buffer.from([0x22, 0xff, 0x22])), null)
    assert.notEqual(refusedAt('\ufeff1'), null)
    assert.equal(refusedAt('"\\ud83d\\ude00"'), null)
  })

  test('nests as deep as it may, and no deeper', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    assert.equal(refusedAt(nested(jsonDepthMax)), null)
    assert.equal(refusedAt(nested(jsonDepthMax + 1)), jsonDepthMax)
    assert.equal(refusedAt(nested(1_000_000)), jsonDepthMax)
    assert.equal(refusedAt('{"a":'.repeat(100_000)), jsonDepthMax * 5)
  })

  test('says where a text goes wrong', () => {
    assert.equal(refusedAt('{"a":1,}'), 7)
    assert.equal(refusedAt('[1 2]'), 3)
    assert.equal(refusedAt('[1] 2'), 4)
    assert.equal(refusedAt('[01]'), 2)
    assert.equal(refusedAt('"a'), 2)
    assert.equal(refusedAt(''), 0)
  })

  test('writes containers and strings of every size', () => {
    for (const size of [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536]) {
      const text = 'x'.repeat(size)
      assert.equal(read(JSON.stringify(text)), text)
      const list = Array.from({ length: size }, () => 1)
      assert.deepEqual(read(JSON.stringify([list])), [list])
    }
    for (const size of [0, 15, 16, 65_536]) {
      const map = Object.fromEntries(Array.from({ length: size }, (_, n) => [`k${n}`, n]))
      assert.deepEqual(read(JSON.stringify({ map })), { map })
    }
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
