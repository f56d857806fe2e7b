/**
 * Keys chosen by somebody who knows the hash, but not the secret of the store.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashBytes, type HashSeed } from '../../src/base/hash.ts'
import { encodeKey } from '../../src/model/key.ts'
import { shardOf } from '../../src/model/partition.ts'
import { field } from '../helpers/event-catalog.ts'

const shards = 16
const name = field('name', 'String')

function shardIn(seed: HashSeed, text: string): number {
  const key = encodeKey([name], { name: text }) as Uint8Array
  return shardOf(hashBytes(key, 0, key.length, seed), shards)
}

test('M31: keys that all fall into one shard of one store spread over those of another', () => {
  const known = { k0: 0, k1: 0 }
  const crafted: string[] = []
  for (let n = 0; crafted.length < 1600; n++) {
    if (shardIn(known, `k${n}`) === 0) crafted.push(`k${n}`)
  }
  const counts = Array<number>(shards).fill(0)
  for (const text of crafted) counts[shardIn({ k0: 0x9e3779b9, k1: 0x7f4a7c15 }, text)]! += 1
  assert.ok(Math.max(...counts) < (3 * crafted.length) / shards, counts.join())
})
