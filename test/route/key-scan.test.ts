import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { eventDepthMax, eventNodesMax, keyBytesMax } from '../../src/base/limits.ts'
import { encodeKey } from '../../src/model/key.ts'
import { createDecoder, eventMsgpackLimits } from '../../src/model/msgpack.ts'
import type { Field, ScalarKind, Value } from '../../src/model/types.ts'
import { createKeyScan, unusual } from '../../src/route/key-scan.ts'
import { bytesOf, intForms, mapOf, stringForm } from '../helpers/msgpack-forms.ts'

const decoder = createDecoder(eventMsgpackLimits)
const field = (name: string, kind: ScalarKind): Field => ({ name, type: { kind, nullable: false } })

/** The key of an event that stands in the middle of other bytes; null when it is unusual. */
function scanned(joinKeys: readonly Field[], event: Uint8Array): Buffer | null {
  const scan = createKeyScan({ joinKeys })
  const around = bytesOf(0x81, 0xa1, event, 0xc3, 0xc3, 0xc3)
  const length = scan.scan(around, 2, 2 + event.length)
  if (length === unusual) return null
  const key = Buffer.from(scan.words.buffer, 0, length)
  assert.ok(Buffer.from(scan.words.buffer, length, -length & 3).every((byte) => byte === 0))
  return Buffer.from(key)
}

/** The full way: the dialect's decoder, the conversion of join keys, the key's encoding. */
function decodedKey(joinKeys: readonly Field[], event: Uint8Array): Buffer {
  const decoded = decoder.decode(event) as Record<string, unknown>
  const values: Record<string, Value> = {}
  for (const { name, type } of joinKeys) {
    const value = decoded[name]
    switch (type.kind) {
      case 'String':
        assert.equal(typeof value, 'string')
        break
      case 'Bool':
        assert.equal(typeof value, 'boolean')
        break
      default: {
        assert.ok(typeof value === 'bigint' || Number.isSafeInteger(value))
        const bits = type.kind === 'Int32' ? 32 : 64
        const int = BigInt(value as number)
        assert.equal(BigInt.asIntN(bits, int), int)
      }
    }
    values[name] = value as Value
  }
  const key = encodeKey(joinKeys, values)
  assert.ok(key instanceof Uint8Array, 'the full way refuses what the scan took')
  return Buffer.from(key)
}

const user = field('user', 'String')
const account = field('account', 'Int64')
const device = field('device', 'Int32')
const isTest = field('isTest', 'Bool')

test('finds the key of an ordinary event', () => {
  const event = encode({ at: new Date(0), user: 'user-1', account: 7, clicked: true, tags: ['a'] })
  assert.deepEqual(scanned([user], event), bytesOf(6, 0, 'user-1'))
  assert.deepEqual(scanned([account], event), bytesOf(7, 0, 0, 0, 0, 0, 0, 0))
})

test('writes several join keys in their own order, wherever the event has them', () => {
  const keys = [user, isTest, account]
  const key = bytesOf(1, 0, 'u', 1, 255, 255, 255, 255, 255, 255, 255, 255)
  assert.deepEqual(scanned(keys, encode({ user: 'u', isTest: true, account: -1 })), key)
  assert.deepEqual(scanned(keys, encode({ account: -1, x: {}, isTest: true, user: 'u' })), key)
})

test('reads an integer in every wire form', () => {
  const values = [0n, 127n, 128n, 255n, 65535n, 2n ** 31n - 1n, 2n ** 32n - 1n, 2n ** 53n + 1n]
  for (const value of [...values, 2n ** 63n - 1n, ...values.map((value) => -value - 1n)]) {
    for (const form of intForms(value)) {
      const event = mapOf([[stringForm('account', 0), form]])
      const key = Buffer.alloc(8)
      key.writeBigInt64LE(value)
      assert.deepEqual(scanned([account], event), key, `${value} as ${form.toString('hex')}`)
      const narrow = mapOf([[stringForm('device', 0), form]])
      const isNarrow = BigInt.asIntN(32, value) === value
      assert.deepEqual(scanned([device], narrow), isNarrow ? key : null, `Int32 ${value}`)
    }
  }
})

test('reads names and strings with every length field but the 4-byte one', () => {
  for (const lengthBytes of [0, 1, 2]) {
    const event = mapOf([[stringForm('user', lengthBytes), stringForm('Zoë', lengthBytes)]])
    assert.deepEqual(scanned([user], event), bytesOf(4, 0, 'Zoë'))
  }
  for (const [name, value] of [
    [4, 0],
    [0, 4],
  ] as const) {
    assert.equal(scanned([user], mapOf([[stringForm('user', name), stringForm('u', value)]])), null)
  }
})

test('reads names of any length', () => {
  for (const length of [1, 3, 4, 5, 8, 31, 32, 33, 255, 256, 1000]) {
    const key = field('n'.repeat(length), 'Int64')
    const other = `${'n'.repeat(length - 1)}m`
    assert.deepEqual(scanned([key], encode({ [other]: 1, [key.name]: 2 }))?.[0], 2)
    assert.equal(scanned([key], encode({ [other]: 1 })), null)
  }
})

test('leaves what is not in its plain form to the full way', () => {
  const named = (value: Uint8Array): Buffer => mapOf([[stringForm('user', 0), value]])
  const account = field('user', 'Int64')
  const unusualEvents: [string, Field, Uint8Array][] = [
    ['missing', user, encode({ users: 'u' })],
    ['null', user, encode({ user: null })],
    ['empty', user, encode({ user: '' })],
    ['a number', user, encode({ user: 1 })],
    ['a bin', user, encode({ user: new Uint8Array(3) })],
    ['too long', user, encode({ user: 'u'.repeat(keyBytesMax - 1) })],
    ['not UTF-8', user, named(stringForm(Uint8Array.of(0x61, 0xff), 0))],
    ['a surrogate', user, named(stringForm(Uint8Array.of(0xed, 0xa0, 0x80), 0))],
    ['a byte order mark', user, named(stringForm('\ufeffu', 0))],
    ['a float', account, encode({ user: 1.5 })],
    ['a whole float', account, encode({ user: 1 }, { forceIntegerToFloat: true })],
    ['text', account, encode({ user: '1' })],
    ['above 63 bits', account, named(intForms(2n ** 63n)[0]!)],
    ['not a Bool', field('user', 'Bool'), encode({ user: 1 })],
    ['not a map', user, encode(['user', 'u'])],
    ['empty map', user, encode({})],
    [
      'a numbered field',
      user,
      mapOf([
        [bytesOf(1), bytesOf(1)],
        [stringForm('user', 0), stringForm('u', 0)],
      ]),
    ],
    [
      'the unused byte',
      user,
      mapOf([
        [stringForm('x', 0), bytesOf(0xc1)],
        [stringForm('user', 0), stringForm('u', 0)],
      ]),
    ],
    ['map 32', user, bytesOf(0xdf, 0, 0, 0, 1, encode({ user: 'u' }).subarray(1))],
  ]
  for (const [what, key, event] of unusualEvents) assert.equal(scanned([key], event), null, what)
  assert.equal(scanned([user], encode({ user: 'u'.repeat(keyBytesMax - 2) }))?.length, keyBytesMax)
})

test('leaves what follows the last join key to the shard', () => {
  const key = bytesOf(1, 0, 'u')
  const head = [stringForm('user', 0), stringForm('u', 0)] as const
  assert.deepEqual(scanned([user], bytesOf(encode({ user: 'u' }), 0xc0)), key)
  assert.deepEqual(scanned([user], mapOf([head, [stringForm('x', 0), bytesOf(0xc1)]])), key)
  assert.deepEqual(scanned([user], mapOf([head, [bytesOf(1), bytesOf(1)]])), key)
  assert.deepEqual(scanned([user], mapOf([head, [head[0], stringForm('v', 0)]])), key)
  // With more to come, a join key that comes twice is seen.
  const twice = mapOf([head, head, [stringForm('account', 0), bytesOf(1)]])
  assert.equal(scanned([user, account], twice), null)
})

test('sees a truncated event at every length up to its key', () => {
  const value = { list: [1, [2, 'x'.repeat(40)], { a: new Uint8Array(300) }], at: new Date(5) }
  const event = encode({ ...value, user: 'someone' })
  assert.ok(scanned([user], event))
  for (let length = 0; length < event.length; length++) {
    assert.equal(scanned([user], event.subarray(0, length)), null, `${length} bytes`)
  }
})

test('refuses bombs without walking what they claim', () => {
  const head = [stringForm('user', 0), stringForm('u', 0)] as const
  const bomb = (value: Uint8Array): Buffer => mapOf([[stringForm('bomb', 0), value], head])
  const count32 = Buffer.from([0xff, 0xff, 0xff, 0xff])
  const bombs: [string, Uint8Array][] = [
    ['array of 2³² - 1', bomb(bytesOf(0xdd, count32))],
    ['map of 2³² - 1', bomb(bytesOf(0xdf, count32))],
    ['nested claims', bomb(Buffer.concat(Array(2000).fill(bytesOf(0xdd, 0, 0, 4, 0))))],
    ['string of 2³² - 1', bomb(bytesOf(0xdb, count32))],
    ['bin of 2³² - 1', bomb(bytesOf(0xc6, count32))],
    ['ext 32', bomb(bytesOf(0xc9, 0, 0, 0, 1, 5, 0))],
    ['depth of 60 000', bomb(Buffer.alloc(60_000, 0x91))],
    ['values, 60 000', bomb(bytesOf(0xdc, 0xea, 0x60, Buffer.alloc(60_000)))],
    ['empty maps, 60 000', bomb(bytesOf(0xdc, 0xea, 0x60, Buffer.alloc(60_000, 0x80)))],
    ['fields, 30 000', bytesOf(0xde, 0x75, 0x30, Buffer.alloc(60_000, 0xa0))],
  ]
  for (const [what, event] of bombs) assert.equal(scanned([user], event), null, what)
})

test('takes events up to the bounds of depth and number of values', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
  assert.ok(scanned([user], encode({ deep: nested(eventDepthMax - 1), user: 'u' })))
  assert.equal(
    scanned([user], encode({ deep: nested(eventDepthMax), user: 'u' }, { maxDepth: 99 })),
    null,
  )
  // The map, two fields with their values, and the elements.
  const list = (values: number): unknown => ({ list: Array(values - 5).fill(0), user: 'u' })
  assert.ok(scanned([user], encode(list(eventNodesMax))))
  assert.equal(scanned([user], encode(list(eventNodesMax + 1))), null)
})

test('knows nothing of the events before', () => {
  const scan = createKeyScan({ joinKeys: [user] })
  const first = encode({ user: 'someone' })
  assert.equal(scan.scan(first, 0, first.length), 9)
  const second = encode({ other: 'someone' })
  assert.equal(scan.scan(second, 0, second.length), unusual)
})

// Goal: what the scan takes, the full way takes with the same key. Method: events of random fields
// in random wire forms, half of them with bytes changed afterwards.
test('agrees with a full decode about every event it takes', () => {
  const joinKeys = [user, account, device, isTest]
  const lengthBytes = fc.constantFrom(0, 0, 1, 2, 4)
  const string = fc
    .tuple(fc.string({ unit: 'grapheme', maxLength: 40 }), lengthBytes)
    .map(([text, bytes]) => stringForm(text, bytes))
  const int = (min: bigint, max: bigint): fc.Arbitrary<Buffer> =>
    fc.tuple(fc.bigInt(min, max), fc.nat()).map(([value, pick]) => {
      const forms = intForms(value)
      return forms[pick % forms.length]!
    })
  const wide = int(-(2n ** 63n), 2n ** 64n - 1n)
  const narrow = int(-(2n ** 31n), 2n ** 31n)
  const bool = fc.constantFrom(bytesOf(0xc2), bytesOf(0xc3))
  const any = fc.anything({ withDate: true, maxDepth: 3 }).map((value) => plain(value))
  const right = fc
    .tuple(string, wide, narrow, bool)
    .map((values) => joinKeys.map(({ name }, n) => [stringForm(name, 0), values[n]!] as const))
  const name = fc
    .tuple(fc.constantFrom('use', 'devise', 'x', 'y', 'account', 'user'), lengthBytes)
    .map(([name, bytes]) => stringForm(name, bytes))
  const extra = fc.array(fc.tuple(name, fc.oneof(string, wide, bool, any)), { maxLength: 3 })
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 })
  let taken = 0
  fc.assert(
    fc.property(right, extra, fc.nat(), changes, (right, extra, turn, changes) => {
      const fields = turn % 3 === 0 ? [...extra, ...right] : [...right, ...extra].reverse()
      const event = mapOf(fields)
      if (turn % 2 === 0) for (const [at, byte] of changes) event[at % event.length] = byte
      const key = scanned(joinKeys, event)
      if (key === null) return
      taken += 1
      let decoded: Buffer
      try {
        decoded = decodedKey(joinKeys, event)
      } catch (error) {
        // What follows the join keys may be what the decoder refuses.
        if (error instanceof assert.AssertionError) throw error
        return
      }
      assert.deepEqual(key, decoded)
    }),
    { seed: 42, numRuns: 4000 },
  )
  assert.ok(taken > 400, `${taken} events taken`)
})

/** Any value in msgpack; nil for what has no form in it. */
function plain(value: unknown): Uint8Array {
  try {
    return encode(value, { useBigInt64: true })
  } catch {
    return bytesOf(0xc0)
  }
}
