import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ValuePool } from '../../src/aggregate/value-pool.ts'
import type { Value } from '../../src/model/types.ts'

test('place 0 is no value and is never given out', () => {
  const pool = new ValuePool()
  assert.equal(pool.get(0), null)
  assert.notEqual(pool.add('a'), 0)
  pool.release(0)
  assert.notEqual(pool.add('b'), 0)
})

test('a place keeps its value until it is released, and is used again after', () => {
  const pool = new ValuePool()
  const first = pool.add('first')
  const second = pool.add('second')
  pool.release(first)
  assert.equal(pool.add('third'), first)
  assert.equal(pool.get(second), 'second')
  pool.replace(second, 'changed')
  assert.equal(pool.get(second), 'changed')
})

test('the pool says how much it holds: as much as is put in comes out', () => {
  const value: fc.Arbitrary<Value> = fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.array(fc.string()),
    fc.dictionary(fc.string(), fc.string()).map((parts) => new Map(Object.entries(parts))),
    fc.record({ a: fc.string(), b: fc.array(fc.bigInt()) }),
  )
  const property = fc.property(fc.array(value), (values) => {
    const pool = new ValuePool()
    const places = values.map((each) => pool.add(each))
    assert.ok(pool.bytes >= values.length * 16)
    for (const place of places) pool.replace(place, 'x'.repeat(100))
    assert.ok(pool.bytes >= values.length * 100)
    for (const place of places) pool.release(place)
    assert.equal(pool.bytes, 0)
  })
  fc.assert(property, { seed: 42, numRuns: 200 })
})

test('what a container holds counts', () => {
  const bytesOf = (value: Value): number => {
    const pool = new ValuePool()
    pool.add(value)
    return pool.bytes
  }
  const text = 'x'.repeat(1000)
  for (const value of [[text], new Map([['k', text]]), { field: text }, [[[text]]]]) {
    assert.ok(bytesOf(value) > 1000)
  }
})

test('a state says how it grows, and goes with all that it has grown to', () => {
  const pool = new ValuePool()
  const list = [1]
  const place = pool.hold(list, 100)
  list.push(2)
  pool.put(place, list, 8)
  assert.equal(pool.bytes, 108)
  const other = [3]
  pool.put(place, other, -50)
  assert.equal(pool.bytes, 58)
  assert.equal(pool.state(place), other)
  // A place that merging owns is negative in its cell.
  assert.equal(pool.state(-place), other)
  pool.release(place)
  assert.equal(pool.bytes, 0)
})
