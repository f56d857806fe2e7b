import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hashBytes } from '../../src/base/hash.ts'
import { keyBytesMax } from '../../src/base/limits.ts'
import { encodeKey } from '../../src/model/key.ts'
import { shardOf } from '../../src/model/partition.ts'
import type { Field, Value } from '../../src/model/types.ts'
import { field } from '../helpers/event-catalog.ts'

const name = field('name', 'String')
const id = field('id', 'Int64')

function reasonFor(joinKeys: readonly Field[], values: Readonly<Record<string, Value>>): string {
  const key = encodeKey(joinKeys, values)
  assert.ok(!(key instanceof Uint8Array), 'a usable key')
  return `${key.field}: ${key.reason}`
}

test('a value that names nobody is no key', () => {
  assert.match(reasonFor([name], { name: null }), /^name: null/)
  assert.match(reasonFor([name], {}), /^name: null/)
  assert.match(reasonFor([name], { name: '' }), /^name: empty/)
  assert.match(reasonFor([name], { name: 'a\udc00' }), /^name: not well-formed/)
  assert.match(reasonFor([name, id], { name: 'a', id: null }), /^id: null/)
  assert.match(reasonFor([field('name', 'Float64')], { name: 1 }), /Float64 cannot/)
})

test('a key has at most as many bytes as it may', () => {
  const longest = 'x'.repeat(keyBytesMax - 2)
  const key = encodeKey([name], { name: longest })
  assert.ok(key instanceof Uint8Array)
  assert.equal(key.length, keyBytesMax)
  assert.match(reasonFor([name], { name: `${longest}x` }), /whole key exceeds 1024 bytes/)
  assert.match(
    reasonFor([name], { name: 'é'.repeat(keyBytesMax / 2) }),
    /whole key exceeds 1024 bytes/,
  )
  assert.match(reasonFor([name, id], { name: longest, id: 1n }), /^id: the whole key exceeds/)
  assert.match(
    reasonFor([name, field('b', 'Bool')], { name: longest, b: true }),
    /^b: the whole key exceeds/,
  )
})

test('different keys have different bytes', () => {
  const keys = fc.record({ name: fc.string({ unit: 'grapheme', minLength: 1 }), id: fc.bigInt() })
  const both = [name, field('name2', 'String'), id]
  const bytesOf = (key: { name: string; id: bigint }): string => {
    const values = { name: key.name, name2: key.name, id: BigInt.asIntN(64, key.id) }
    return Buffer.from(encodeKey(both, values) as Uint8Array).toString('hex')
  }
  fc.assert(
    fc.property(keys, keys, (a, b) => {
      const same = a.name === b.name && BigInt.asIntN(64, a.id) === BigInt.asIntN(64, b.id)
      assert.equal(bytesOf(a) === bytesOf(b), same)
    }),
    { seed: 42, numRuns: 300 },
  )
  const pair = [name, field('name2', 'String')]
  assert.notDeepEqual(
    encodeKey(pair, { name: 'ab', name2: 'c' }),
    encodeKey(pair, { name: 'a', name2: 'bc' }),
  )
})

test('a shard is one of the shards, and keys are spread over all of them', () => {
  assert.equal(shardOf(0, 8), 0)
  assert.equal(shardOf(0xffffffff, 8), 7)
  assert.equal(shardOf(0xffffffff, 1), 0)
  const counts = new Float64Array(8)
  for (let n = 0; n < 8000; n++) {
    const key = encodeKey([id], { id: BigInt(n) }) as Uint8Array
    counts[shardOf(hashBytes(key, 0, key.length, { k0: 1, k1: 2 }), 8)]! += 1
  }
  for (const count of counts) assert.ok(count > 880 && count < 1120, `${count} of 1000`)
})
