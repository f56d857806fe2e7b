import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { EventBuffer } from '../../src/client/encode.ts'

function bin(event: unknown): Buffer {
  const buffer = new EventBuffer(3, new ArrayBuffer(16))
  buffer.event(event)
  return Buffer.from(buffer.view(3))
}

function roundTrip(event: unknown): unknown {
  return decode(decode(bin(event)) as Uint8Array, { useBigInt64: true })
}

function refusal(event: unknown): unknown {
  const buffer = new EventBuffer(0, new ArrayBuffer(16))
  try {
    buffer.event(event)
  } catch (error) {
    assert.equal(buffer.byteLength, 0)
    return (error as { details: unknown }).details
  }
  return assert.fail('the event was taken')
}

describe('the event encoder', () => {
  it('writes what a msgpack decoder reads back, with integers exact', () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ maxLength: 300 }))
    const scalar = fc.oneof(
      text,
      fc.double({ noNaN: true }).map((value) => value + 0),
      fc.maxSafeInteger().map((value) => value + 0),
      fc.boolean(),
      fc.constant(null),
    )
    const { tree } = fc.letrec((tie) => ({
      tree: fc.dictionary(
        text.filter((key) => key !== '__proto__'),
        tie('value'),
        { maxKeys: 20 },
      ),
      value: fc.oneof(
        { maxDepth: 4 },
        scalar,
        fc.array(tie('value'), { maxLength: 20 }),
        tie('tree'),
      ),
    }))
    const plain = (value: unknown): unknown => {
      if (typeof value === 'bigint') return Number(value)
      if (Array.isArray(value)) return value.map(plain)
      if (typeof value !== 'object' || value === null) return value === 0 ? 0 : value
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
    }
    fc.assert(
      fc.property(tree, (event) => {
        assert.deepEqual(plain(roundTrip(event)), plain(event))
      }),
      { seed: 42, numRuns: 100 },
    )
  })

  it('sends an integer as an integer and a bigint to its last digit', () => {
    const event = { a: 2 ** 40, b: -(2 ** 40), c: 2n ** 63n - 1n, d: -(2n ** 63n), e: 5n, f: -1 }
    assert.deepEqual(roundTrip(event), {
      ...event,
      a: 2n ** 40n,
      b: -(2n ** 40n),
      e: 5,
    })
  })

  it('uses the shortest form of every integer', () => {
    const sizes = [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, -32, -33, -129]
    const expected = [1, 1, 2, 2, 3, 3, 5, 5, 9, 1, 2, 3]
    const one = bin({ a: 0 }).length - 1
    assert.deepEqual(
      sizes.map((value) => bin({ a: value }).length - one),
      expected,
    )
  })

  it('sends a Date as a timestamp, before 1970 and after 2106 too', () => {
    const dates = [
      0,
      1_700_000_000_000,
      1_700_000_000_123,
      -1,
      -1500,
      2 ** 32 * 1000 + 5,
      2 ** 34 * 1000,
    ]
    const event = { dates: dates.map((ms) => new Date(ms)) }
    assert.deepEqual(roundTrip(event), event)
  })

  it('gives long events the longer bin headers', () => {
    for (const length of [200, 255, 256, 65_000, 70_000]) {
      const event = { text: 'x'.repeat(length), tail: 1 }
      assert.deepEqual(roundTrip(event), event)
    }
  })

  it('leaves out fields that are undefined and sends a Map of strings as a map', () => {
    const event = {
      a: undefined,
      b: new Map([['x', 1]]),
      c: Object.assign(Object.create(null), { d: 1 }),
    }
    assert.deepEqual(roundTrip(event), { b: { x: 1 }, c: { d: 1 } })
  })

  it('refuses what would arrive as something else, and says where it is', () => {
    class Point {
      x = 1
    }
    const at = (path: string, reason: string) => ({ path, reason })
    assert.deepEqual(refusal({ a: [1, () => 1] }), at('/a/1', 'function cannot be sent'))
    assert.deepEqual(refusal({ a: [undefined] }), at('/a/0', 'undefined cannot be sent'))
    assert.deepEqual(
      refusal({ 'a/b': { c: new Set() } }),
      at('/a~1b/c', 'Set cannot be sent; give a plain object'),
    )
    assert.deepEqual(
      refusal({ p: new Point() }),
      at('/p', 'Point cannot be sent; give a plain object'),
    )
    assert.deepEqual(refusal({ m: new Map([[1, 1]]) }), at('/m', 'the key of a Map is number'))
    assert.deepEqual(refusal({ n: 2n ** 63n }), at('/n', 'the bigint does not fit into 64 bits'))
    assert.deepEqual(refusal({ d: new Date(Number.NaN) }), at('/d', 'the Date is invalid'))
    assert.deepEqual(refusal({ s: '\ud800' }), at('/s', 'the text is not well-formed Unicode'))
    assert.deepEqual(refusal([1]), at('', 'an event is a plain object, got Array'))
    assert.deepEqual(refusal(null), at('', 'an event is a plain object, got null'))
  })

  it('refuses a cycle', () => {
    const event: Record<string, unknown> = {}
    event['self'] = event
    assert.match(JSON.stringify(refusal(event)), /nested deeper than 8/)
  })
})
