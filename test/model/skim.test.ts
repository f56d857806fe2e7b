import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Decoder } from '@msgpack/msgpack'
import fc from 'fast-check'
import { MillraceError } from '../../src/base/errors.ts'
import { createEncoder } from '../../src/model/msgpack.ts'
import { skim } from '../../src/model/skim.ts'

const loose = { depthMax: 32, nodesMax: 100_000, bytesMax: 100_000 }

/** The end that skim found, or the reason why it refused. */
function skimmed(bytes: Uint8Array, limits = loose): number | string {
  try {
    return skim(bytes, 0, bytes.length, limits)
  } catch (thrown) {
    assert.ok(thrown instanceof MillraceError, String(thrown))
    assert.equal(thrown.code, 'EVENT_DECODE')
    return String(thrown.details['reason'])
  }
}

/** Whether the library can decode all of the bytes, map keys and extensions of any kind allowed. */
function decodes(bytes: Uint8Array): boolean {
  const extensionCodec = { decode: () => null, tryToEncode: () => null }
  const decoder = new Decoder({ extensionCodec, useBigInt64: true, mapKeyConverter: () => 'key' })
  try {
    decoder.decode(bytes)
    return true
  } catch (thrown) {
    if (thrown instanceof Error && thrown.message.includes('__proto__')) return true
    return false
  }
}

/** Skim may refuse what the library takes only for these reasons. */
const stricter = /UTF-8|0xc9|deeper|more than/

function agree(bytes: Uint8Array): void {
  const found = skimmed(bytes)
  const expected = decodes(bytes)
  if (found === bytes.length) assert.ok(expected, 'skim took what the library refuses')
  else if (expected) assert.match(String(found), stricter)
}

const encoder = createEncoder()
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, 1e300, 0.5),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.string({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.date({ noInvalidDate: true }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 20 }),
  ),
})).value

test('skim finds the end of whatever the encoder writes', () => {
  fc.assert(
    fc.property(value, fc.uint8Array({ maxLength: 3 }), (value, rest) => {
      const bytes = encoder.encode(value)
      assert.equal(skimmed(bytes), bytes.length)
      assert.equal(skimmed(Uint8Array.from([...bytes, ...rest])), bytes.length)
    }),
    { seed: 42, numRuns: 500 },
  )
})

test('skim agrees with the library on random bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), agree), {
    seed: 42,
    numRuns: 5000,
  })
})

test('skim agrees with the library on encoded values that are then changed or cut', () => {
  const change = fc.tuple(fc.nat(), fc.nat(255))
  fc.assert(
    fc.property(value, fc.array(change, { maxLength: 3 }), fc.nat(), (value, changes, cut) => {
      const bytes = encoder.encode(value)
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      agree(bytes)
      agree(bytes.subarray(0, cut % bytes.length))
    }),
    { seed: 42, numRuns: 2000 },
  )
})

test('containers that claim more than there is are refused before anything is allocated', () => {
  for (const bomb of [
    [0xdd, 0x01, 0xc9, 0xc3, 0x80],
    [0xdd, 0xff, 0xff, 0xff, 0xff],
    [0xdf, 0xff, 0xff, 0xff, 0xff],
    [0xdf, 0x80, 0x00, 0x00, 0x00],
    [0xdc, 0xff, 0xff, 0x01],
    [0xde, 0x00, 0x02, 0xa1, 0x61, 0x01],
  ]) {
    assert.match(String(skimmed(Uint8Array.from(bomb))), /container is longer/)
  }
  for (const head of [0xdb, 0xc6, 0xda, 0xc5, 0xd9, 0xc4, 0xc7, 0xc8]) {
    const bytes = Uint8Array.of(head, 0xff, 0xff, 0xff, 0xff, 1)
    assert.match(String(skimmed(bytes)), /truncated/)
  }
})

test('nesting is bounded, the outermost container counted as 1', () => {
  const nested = (depth: number): Uint8Array =>
    Uint8Array.from([...Array<number>(depth - 1).fill(0x91), 0x90])
  const limits = { ...loose, depthMax: 8 }
  assert.equal(skimmed(nested(8), limits), 8)
  assert.match(String(skimmed(nested(9), limits)), /deeper than 8/)
  assert.match(String(skimmed(new Uint8Array(200_000).fill(0x91), limits)), /deeper than 8/)
  const arrays = Uint8Array.from({ length: 65_536 }, (_, i) => [0xdc, 0x04, 0x00][i % 3]!)
  assert.match(String(skimmed(arrays, limits)), /deeper than 8/)
})

test('the number of values is bounded', () => {
  const list = (length: number): Uint8Array =>
    Uint8Array.from([0xdc, length >> 8, length & 255, ...new Uint8Array(length)])
  const limits = { ...loose, nodesMax: 4096 }
  assert.equal(skimmed(list(4095), limits), 4098)
  assert.match(String(skimmed(list(4096), limits)), /more than 4096 values/)
})

test('a string must be plain UTF-8, whatever its length', () => {
  const text = (bytes: number[], length: number): Uint8Array => {
    const all = [...bytes, ...Array<number>(length - bytes.length).fill(0x61)]
    return Uint8Array.from([0xda, all.length >> 8, all.length & 255, ...all])
  }
  const broken = [
    [0xff, 0xfe],
    [0xc0, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xe2, 0x82],
    [0xf4, 0x90, 0x80, 0x80],
    [0xef, 0xbb, 0xbf],
  ]
  for (const length of [5, 300]) {
    for (const bytes of broken) {
      assert.match(String(skimmed(text(bytes, length))), /UTF-8/)
    }
    assert.equal(skimmed(text([0xf0, 0x9f, 0x98, 0x80], length)), length + 3)
    assert.equal(skimmed(text([0x61, 0xef, 0xbb, 0xbf], length)), length + 3)
  }
  // A key is a string as well; a binary is anything.
  assert.match(String(skimmed(Uint8Array.of(0x81, 0xa1, 0xff, 1))), /UTF-8/)
  assert.equal(skimmed(Uint8Array.of(0xc4, 1, 0xff)), 3)
})

test('skim reads nothing outside its range', () => {
  const bytes = Uint8Array.of(0x93, 0x92, 0x01, 0xa1, 0x61, 0x61)
  assert.equal(skim(bytes, 1, 6), 5)
  assert.throws(() => skim(bytes, 1, 4), { code: 'EVENT_DECODE' })
  assert.throws(() => skim(bytes, 3, 4), { code: 'EVENT_DECODE' })
  assert.throws(() => skim(bytes, 6, 6), { code: 'EVENT_DECODE' })
})
