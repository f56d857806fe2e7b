// The bytes of a key, its hash and its shard are stored: a change here is a new store format.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBytes } from '../../src/base/hash.ts'
import { encodeKey } from '../../src/model/key.ts'
import { shardOf } from '../../src/model/partition.ts'
import type { ScalarKind, Value } from '../../src/model/types.ts'

const seed = { k0: 0x6d696c6c, k1: 0x72616365 }
const kinds: Readonly<Record<string, ScalarKind>> = {
  S: 'String',
  L: 'Int64',
  I: 'Int32',
  B: 'Bool',
}

// Kinds of the join keys, their values, the bytes, the hash under the seed, the shard of 8.
const golden: readonly [string, readonly Value[], string, number, number][] = [
  ['S', ['a'], '010061', 0x99352143, 4],
  ['S', ['user_42'], '0700757365725f3432', 0x590f3133, 2],
  ['S', ['ATL'], '030041544c', 0xac4f5cd3, 5],
  ['S', ['é'], '0200c3a9', 0x8144aa66, 4],
  ['S', ['é'], '030065cc81', 0x82334bbf, 4],
  ['S', ['😀'], '0400f09f9880', 0xb12fea00, 5],
  ['S', ['a\u0000b'], '0300610062', 0x18591cd7, 0],
  ['S', ['1'], '010031', 0xc66515f2, 6],
  ['L', [0n], '0000000000000000', 0x6383049a, 3],
  ['L', [1n], '0100000000000000', 0xf8367cf9, 7],
  ['L', [-1n], 'ffffffffffffffff', 0xf0643f43, 7],
  ['L', [9007199254740993n], '0100000000002000', 0x75a650c6, 3],
  ['L', [9223372036854775807n], 'ffffffffffffff7f', 0x6c3df9a8, 3],
  ['L', [-9223372036854775808n], '0000000000000080', 0xe179234f, 7],
  ['I', [1], '0100000000000000', 0xf8367cf9, 7],
  ['I', [-2147483648], '00000080ffffffff', 0xc09bfe85, 6],
  ['B', [true], '01', 0x2a41d97d, 1],
  ['B', [false], '00', 0x5d48ce8c, 2],
  ['SL', ['shop', 7n], '040073686f700700000000000000', 0x694031e6, 3],
  ['LSB', [7n, 'shop', true], '0700000000000000040073686f7001', 0xdcb50669, 6],
]

test('the bytes of a key are what they always were', () => {
  for (const [forms, values, hex] of golden) {
    assert.equal(Buffer.from(bytesOf(forms, values)).toString('hex'), hex)
  }
})

test('the hash and the shard of a key are what they always were', () => {
  for (const [forms, values, , hash, shard] of golden) {
    const bytes = bytesOf(forms, values)
    assert.equal(hashBytes(bytes, 0, bytes.length, seed), hash)
    assert.equal(shardOf(hash, 8), shard)
  }
})

function bytesOf(forms: string, values: readonly Value[]): Uint8Array {
  const joinKeys = forms.split('').map((form, i) => {
    return { name: `key${i}`, type: { kind: kinds[form]!, nullable: false } }
  })
  const key = encodeKey(joinKeys, Object.fromEntries(values.map((value, i) => [`key${i}`, value])))
  assert.ok(key instanceof Uint8Array)
  return key
}
