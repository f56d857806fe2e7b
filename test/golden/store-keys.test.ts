// The bytes under which state is stored: a change here is a new format of the store.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  chunkKeyBytes,
  chunkPrefix,
  headerKey,
  readChunkKey,
  readStateKey,
  stateKeyBytes,
  statePrefix,
  writeChunkKey,
  writeStateKey,
} from '../../src/persist/store-keys.ts'

const place = { view: 258, keyHash: 0x99352143, key: Buffer.from('010061', 'hex') }

test('the keys of a store are what they always were', () => {
  assert.equal(headerKey.toString('hex'), '00')
  const state = Buffer.alloc(stateKeyBytes(place.key))
  writeStateKey(state, place)
  assert.equal(state.toString('hex'), '01010299352143010061')
  assert.equal(state[0], statePrefix)
  assert.deepEqual(readStateKey(state), place)
})

test('the keys of chunks are what they always were', () => {
  const key = '02010299352143' + '0003' + '010061'
  const golden: readonly [number, number, string][] = [
    [0, 0, '800000000000' + '00000000000000'],
    [-1, 1, '7fffffffffff' + '00000000000001'],
    [340_000_000, 2 ** 53 - 1, '80001443fd00' + '1fffffffffffff'],
  ]
  for (const [tile, part, hex] of golden) {
    const chunk = Buffer.alloc(chunkKeyBytes(place.key))
    writeChunkKey(chunk, { ...place, tile, part })
    assert.equal(chunk.toString('hex'), key + hex)
    assert.equal(chunk[0], chunkPrefix)
    assert.deepEqual(readChunkKey(chunk), { tile, part })
  }
})
