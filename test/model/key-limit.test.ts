import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBytes } from '../../src/base/hash.ts'
import { newKeysMaxAt, newKeysMaxOfShard } from '../../src/model/key-limit.ts'
import { shardOf } from '../../src/model/partition.ts'

test('a limit is for the batches behind its position, until the next', () => {
  const limits = [
    { since: 100, max: 5 },
    { since: 200, max: 9 },
  ]
  const found = [100, 101, 200, 201].map((position) => newKeysMaxAt(limits, position))
  assert.deepEqual(found, [Infinity, 5, 5, 9])
})

test('one shard has all of a limit, and none of several more than that', () => {
  assert.equal(newKeysMaxOfShard(1000, 1), 1000)
  assert.equal(newKeysMaxOfShard(10, 4), 10)
  assert.equal(newKeysMaxOfShard(0, 4), 0)
  assert.equal(newKeysMaxOfShard(100_000_000, 16), 6_265_000)
})

test('as many keys as a view may have find room in its shards', () => {
  const shards = 16
  for (const [k0, max] of [10, 100, 1000, 10_000, 50_000].entries()) {
    const counts = Array<number>(shards).fill(0)
    for (let n = 0; n < max; n++) {
      const key = Buffer.from(`user ${n}`)
      counts[shardOf(hashBytes(key, 0, key.length, { k0, k1: 7 }), shards)]! += 1
    }
    assert.ok(Math.max(...counts) <= newKeysMaxOfShard(max, shards), `${max}: ${counts.join()}`)
  }
})
