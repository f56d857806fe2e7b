import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBytes } from '../../src/base/hash.ts'

const counting = Uint8Array.from({ length: 64 }, (_, i) => i)

test('the hash is HalfSipHash-1-3', () => {
  // Published vectors of the Linux kernel's hsiphash for 32-bit machines: bytes 0, 1, 2… of each
  // length under the key 00 01 … 07.
  const vectors = [
    0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6,
    0x577999b1, 0xc839caed, 0xe4fa32cf, 0x959246ee, 0x6b28096c, 0x66dd9cd6, 0x16658a7c, 0xd0257b04,
  ]
  const seed = { k0: 0x03020100, k1: 0x07060504 }
  for (const [length, hash] of vectors.entries()) {
    assert.equal(hashBytes(counting, 0, length, seed), hash)
  }
})

test('the hash is of the range and of nothing around it', () => {
  const seed = { k0: 1, k1: 2 }
  for (let length = 0; length < 9; length++) {
    const copy = counting.slice(7, 7 + length)
    assert.equal(hashBytes(counting, 7, 7 + length, seed), hashBytes(copy, 0, length, seed))
  }
})

test('a bit of the key or of the seed changes half of the bits of the hash', () => {
  const bytes = Uint8Array.from(counting.subarray(0, 12))
  const seed = { k0: 0x12345678, k1: -0x12345678 }
  const hash = hashBytes(bytes, 0, 12, seed)
  let changed = 0
  for (let bit = 0; bit < 96; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    changed += ones(hash ^ hashBytes(bytes, 0, 12, seed))
    bytes[bit >> 3]! ^= 1 << (bit & 7)
  }
  for (let bit = 0; bit < 32; bit++) {
    changed += ones(hash ^ hashBytes(bytes, 0, 12, { ...seed, k0: seed.k0 ^ (1 << bit) }))
    changed += ones(hash ^ hashBytes(bytes, 0, 12, { ...seed, k1: seed.k1 ^ (1 << bit) }))
  }
  const mean = changed / 160
  assert.ok(mean > 15 && mean < 17, `${mean} bits`)
})

function ones(bits: number): number {
  let count = 0
  for (let rest = bits >>> 0; rest !== 0; rest >>>= 1) count += rest & 1
  return count
}
