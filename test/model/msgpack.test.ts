import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { MillraceError } from '../../src/base/errors.ts'
import {
  createDecoder,
  createEncoder,
  eventMsgpackLimits,
  MsgpackTimestamp,
  wireInteger,
} from '../../src/model/msgpack.ts'

const decoder = createDecoder(eventMsgpackLimits)
const encoder = createEncoder()

/** Why bytes are refused; fails when they are not, or with anything but `EVENT_DECODE`. */
function reasonFor(...bytes: number[]): string {
  try {
    decoder.decode(Uint8Array.from(bytes))
  } catch (thrown) {
    assert.ok(thrown instanceof MillraceError, String(thrown))
    assert.equal(thrown.code, 'EVENT_DECODE')
    return String(thrown.details['reason'])
  }
  assert.fail('decoded')
}

test('64-bit integers are exact both ways', () => {
  for (const integer of [0n, 5n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 64n - 1n, -(2n ** 63n)]) {
    assert.equal(decoder.decode(encoder.encode(integer)), integer)
  }
  assert.deepEqual(encoder.encode([5n]), Uint8Array.of(0x91, 0xcf, 0, 0, 0, 0, 0, 0, 0, 5))
})

test('an integer number beyond 32 bits is written as an integer when it is wrapped', () => {
  assert.equal(encoder.encode(wireInteger(2 ** 32 - 1))[0], 0xce)
  assert.equal(encoder.encode(wireInteger(2 ** 32))[0], 0xcf)
  assert.equal(encoder.encode(wireInteger(-(2 ** 31)))[0], 0xd2)
  assert.equal(encoder.encode(wireInteger(-(2 ** 31) - 1))[0], 0xd3)
  assert.equal(decoder.decode(encoder.encode(wireInteger(2 ** 40))), 2n ** 40n)
})

test('instants keep their nanoseconds in every form of the extension', () => {
  const lengths = new Set<number>()
  for (const ns of [0n, 1n, -1n, 4_294_967_296_000_000_000n, 17_179_869_184n * 10n ** 9n]) {
    const bytes = encoder.encode(new MsgpackTimestamp(ns))
    lengths.add(bytes.length)
    assert.deepEqual(decoder.decode(bytes), new MsgpackTimestamp(ns))
  }
  assert.deepEqual(lengths, new Set([6, 10, 15]))
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), (ns) => {
      assert.deepEqual(decoder.decode(encoder.encode(new MsgpackTimestamp(ns))), {
        ns,
        __proto__: MsgpackTimestamp.prototype,
      })
    }),
    { seed: 42, numRuns: 200 },
  )
})

test('a Date is written as the library writes it', () => {
  for (const ms of [0, 1, 999, 1_700_000_000_123, -1, 2 ** 42]) {
    assert.deepEqual(encoder.encode(new Date(ms)), encode(new Date(ms)))
  }
})

test('a timestamp of a wrong size or with too many nanoseconds is refused', () => {
  assert.match(reasonFor(0xd5, 0xff, 0, 0), /timestamp has 2 bytes/)
  assert.match(reasonFor(0xd8, 0xff, ...Array<number>(16).fill(0)), /./)
  assert.match(reasonFor(0xd7, 0xff, 0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0), /nanoseconds/)
  assert.match(
    reasonFor(0xc7, 12, 0xff, 0x3b, 0x9a, 0xca, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    /nanoseconds/,
  )
})

test('other extensions are refused', () => {
  assert.match(reasonFor(0xd4, 0x01, 0), /extension type 1 /)
  assert.match(reasonFor(0x81, 0xa1, 0x61, 0xc7, 0, 0x05), /extension type 5 /)
  assert.match(reasonFor(0xc9, 0, 0, 0, 0, 1), /0xc9/)
})

test('a map key that is no string is refused', () => {
  assert.match(reasonFor(0x81, 0xc0, 1), /key/)
  assert.match(reasonFor(0x81, 0x80, 1), /key/)
  assert.match(reasonFor(0x81, 0xc4, 1, 0x61, 1), /key/)
  assert.match(reasonFor(0x81, 0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 1), /key/)
  assert.match(reasonFor(0x81, 0x01, 1), /key/)
})

test('a map key that comes twice is refused, at any depth', () => {
  const twice = [0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2]
  assert.match(reasonFor(...twice), /twice/)
  assert.match(reasonFor(0x81, 0xa1, 0x62, ...twice), /twice/)
  assert.match(reasonFor(0x81, 0xa1, 0x62, 0x91, ...twice), /twice/)
  // The same name in a short and in a long form of string.
  assert.match(reasonFor(0x82, 0xa1, 0x61, 1, 0xd9, 1, 0x61, 2), /twice/)
})

test('a key that would reach a prototype is refused or a plain key', () => {
  const name = [...new TextEncoder().encode('__proto__')]
  assert.match(reasonFor(0x81, 0xa9, ...name, 0x81, 0xa1, 0x78, 1), /__proto__/)
  assert.match(reasonFor(0x81, 0xa1, 0x61, 0x81, 0xa9, ...name, 0x80), /__proto__/)
  assert.equal('x' in {}, false)
  const decoded = decoder.decode(encoder.encode({ constructor: 1, toString: 2 })) as object
  assert.deepEqual(Object.keys(decoded), ['constructor', 'toString'])
})

test('bytes before the end of the range must be one whole value', () => {
  assert.match(reasonFor(), /truncated/)
  assert.match(reasonFor(0xc1), /0xc1/)
  assert.match(reasonFor(0x01, 0x02), /follow/)
  assert.match(reasonFor(0xa5, 0x61), /truncated/)
  assert.match(reasonFor(0xce, 0, 0), /truncated/)
  assert.match(reasonFor(0x92, 1), /truncated|longer/)
  assert.equal(decoder.decode(Uint8Array.of(9, 0x05, 9), 1, 2), 5)
})

test('a decoder can be used again after every refusal', () => {
  assert.match(reasonFor(0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2), /twice/)
  assert.deepEqual(decoder.decode(Uint8Array.of(0x81, 0xa1, 0x61, 1)), { a: 1 })
})

test('what would lose data on the way out is refused', () => {
  const lossy = [new Map([['a', 1]]), new Set([1]), [2n ** 64n], { a: -(2n ** 63n) - 1n }]
  for (const value of [...lossy, new Date(NaN), [[{ a: new Map() }]]]) {
    assert.throws(() => encoder.encode(value), { code: 'EVENT_DECODE' })
  }
})

test('values that the dialect knows come back as they were', () => {
  const scalar = fc.oneof(
    fc.constantFrom(null, true, false),
    fc.integer(),
    fc.double({ noNaN: true }).filter((n) => !Object.is(n, -0) && !Number.isSafeInteger(n)),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.string({ unit: 'binary' }).filter((text) => !text.startsWith('\ufeff')),
    fc.uint8Array({ maxLength: 40 }),
  )
  const key = fc.string({ unit: 'binary' }).filter((k) => k !== '__proto__' && k[0] !== '\ufeff')
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'tree' },
      scalar,
      fc.array(tie('value'), { maxLength: 6, depthIdentifier: 'tree' }),
      fc.dictionary(key, tie('value'), { maxKeys: 6, noNullPrototype: true }),
    ),
  }))
  fc.assert(
    fc.property(tree.value, (value) => {
      assert.deepEqual(decoder.decode(encoder.encode(value)), value)
    }),
    { seed: 42, numRuns: 150 },
  )
})
