import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeKey } from '../../src/model/key.ts'
import { createEventValidator, createKeyResolver } from '../../src/validate/key-resolver.ts'
import { catalogOf, field, packed, sourceOf } from '../helpers/event-catalog.ts'

const id = field('id', 'Int64')
const name = field('name', 'String')
const at = field('at', 'Timestamp')

function resolve(fields: readonly [typeof id, ...(typeof id)[]], event: unknown) {
  const bytes = packed(event)
  const catalog = catalogOf(sourceOf(fields), [])
  return createKeyResolver(catalog)(0, bytes, 0, bytes.length)
}

test('a key is the same whatever wire form its value came in', () => {
  const expected = encodeKey([id], { id: 5_000_000_000n })
  for (const form of [5_000_000_000n, 5_000_000_000, '5000000000']) {
    assert.deepEqual(resolve([id, at], { id: form, at: 0 }), expected)
  }
})

test('an event without a usable key is EVENT_KEY', () => {
  assert.deepEqual(resolve([name, at], { name: '', at: 0 }), {
    code: 'EVENT_KEY',
    path: '/name',
    message: 'not usable as an entity key: empty string',
  })
  const long = resolve([name, at], { name: 'x'.repeat(2000), at: 0 })
  assert.ok(!(long instanceof Uint8Array))
  assert.equal(long.code, 'EVENT_KEY')
})

test('an event that is wrong elsewhere is answered as a shard would answer', () => {
  assert.deepEqual(resolve([name, at], { name: 'a', at: 'never' }), {
    code: 'EVENT_TIME',
    path: '/at',
    message: 'not a valid event time: not a time such as 2024-05-01T12:00:00.123456789Z',
  })
  const twice = Uint8Array.of(0x82, 0xa2, 0x69, 0x64, 1, 0xa2, 0x69, 0x64, 2)
  const refused = resolve([id, at], twice)
  assert.ok(!(refused instanceof Uint8Array))
  assert.equal(refused.code, 'EVENT_DECODE')
})

test('what an event says is escaped and cut in the answer', () => {
  const refused = resolve([name, at], { name: 'a', at: 0, ['\u001b'.repeat(500)]: 1 })
  assert.ok(!(refused instanceof Uint8Array))
  assert.equal(refused.code, 'EVENT_FIELD_UNKNOWN')
  assert.ok(refused.path.startsWith('/\\u001b\\u001b'))
  assert.equal(refused.path.includes('\u001b'), false)
})

test('events that no view reads are checked all the same', () => {
  const validate = createEventValidator(catalogOf(sourceOf([name, at]), []))
  const good = packed({ name: 'a', at: 0 })
  const bad = packed({ name: 'a' })
  assert.equal(validate(0, good, 0, good.length), null)
  assert.equal(validate(0, bad, 0, bad.length)?.code, 'EVENT_FIELD_MISSING')
})
