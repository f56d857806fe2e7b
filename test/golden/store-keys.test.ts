// The bytes under which state is stored: a change here is a new format of the store.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeEventId, writeIntegerId } from '../../src/model/event-id.ts'
import { encodeKeyValues } from '../../src/model/key.ts'
import { KeyOrder } from '../../src/model/key-order.ts'
import {
  chunkKeyBytes,
  chunkPrefix,
  hashOfId,
  headerKey,
  idKeyBytesMax,
  idPrefix,
  idRouteBytes,
  indexKey,
  readChunkKey,
  readIdKey,
  readStateKey,
  stateKeyBytes,
  statePrefix,
  storedRoute,
  writeChunkKey,
  writeId,
  writeIdRoute,
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

test('the keys of ids are what they always were', () => {
  const route = storedRoute('orders', ['user', 'shop'])
  assert.equal(Buffer.from(route).toString('hex'), '3719fbc8edfa56b9')
  assert.notDeepEqual(storedRoute('orders', ['shop', 'user']), route)
  const stored = Buffer.alloc(idKeyBytesMax)
  writeIdRoute(stored, route)
  const { keyHash, key: bytes } = place
  const id = Buffer.from('696421', 'hex')
  const end = writeId(stored, {
    eventIndex: 0,
    keyHash,
    bytes,
    keyStart: 0,
    keyEnd: bytes.length,
    id,
    idBytes: 2,
  })
  const written = stored.subarray(0, end)
  assert.equal(
    written.toString('hex'),
    '03' + '3719fbc8edfa56b9' + '99352143' + '0003' + '010061' + '6964',
  )
  assert.equal(written[0], idPrefix)
  assert.equal(hashOfId(written.subarray(idRouteBytes)), keyHash)
  const read = { route: Buffer.from(route), keyHash, key: bytes, id: id.subarray(0, 2) }
  assert.deepEqual(readIdKey(written), read)
  assert.ok(idKeyBytesMax <= 1978, 'LMDB takes no longer key')
})

test('the keys of a serving index are what they always were', () => {
  assert.equal(indexKey(258, place.key).toString('hex'), '04' + '0102' + '010061')
  const text = { kind: 'String', nullable: false } as const
  const integer = { kind: 'Int64', nullable: false } as const
  const joinKeys = [
    { name: 'a', type: text },
    { name: 'b', type: integer },
    { name: 'c', type: text },
  ]
  const key = encodeKeyValues(joinKeys, ['x', 5n, 'yz']) as Uint8Array
  const order = new KeyOrder(joinKeys, ['b'])
  const reordered = order.reorder(key)
  assert.equal(Buffer.from(reordered).toString('hex'), '0500000000000000' + '010078' + '0200797a')
  assert.equal(Buffer.from(order.indexOf(reordered)).toString('hex'), '0500000000000000')
  assert.deepEqual(Buffer.from(order.restore(reordered)), Buffer.from(key))
})

test('the bytes of ids are what they always were', () => {
  const to = Buffer.alloc(256)
  const golden: readonly [string | bigint | number, string][] = [
    ['id-1', '69642d31'],
    ['\u00fc\u{1f600}', 'c3bcf09f9880'],
    [1n, '0100000000000000'],
    [-2, 'feffffffffffffff'],
    [2n ** 63n - 1n, 'ffffffffffffff7f'],
  ]
  for (const [id, hex] of golden) {
    assert.equal(to.toString('hex', 0, writeEventId(to, id)), hex)
    if (typeof id === 'string') continue
    const [high, low] = [Number(BigInt(id) >> 32n), Number(BigInt.asUintN(32, BigInt(id)))]
    assert.equal(to.toString('hex', 0, writeIntegerId(to, high, low)), hex)
  }
})
