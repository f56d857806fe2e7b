import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KeyTable } from '../../src/aggregate/key-table.ts'
import { SlotRecords } from '../../src/aggregate/slot-records.ts'

const bytesOf = (key: string): Uint8Array => new TextEncoder().encode(key)

/** A table and the Map that it must equal. Few hashes, so that keys collide. */
class Model {
  readonly table: KeyTable
  constructor(records?: SlotRecords) {
    this.table = new KeyTable(records)
  }
  readonly slots = new Map<string, number>()
  hashOf(key: string): number {
    return (key.length * 0x40000001 + key.charCodeAt(0)) >>> 0
  }
  find(key: string): number {
    const bytes = bytesOf(`--${key}--`)
    return this.table.find(this.hashOf(key), bytes, 2, bytes.length - 2)
  }
  insert(key: string): void {
    if (this.slots.has(key)) return
    const bytes = bytesOf(`--${key}--`)
    const slot = this.table.insert(this.hashOf(key), bytes, 2, bytes.length - 2)
    assert.notEqual(slot, 0)
    assert.equal([...this.slots.values()].includes(slot), false, 'a slot has one key')
    this.slots.set(key, slot)
  }
  remove(key: string): void {
    const slot = this.slots.get(key)
    if (slot === undefined) return
    this.table.remove(slot)
    this.slots.delete(key)
    assert.equal(this.table.has(slot), false)
  }
  check(): void {
    assert.equal(this.table.count, this.slots.size)
    for (const [key, slot] of this.slots) {
      assert.equal(this.find(key), slot)
      assert.equal(this.table.has(slot), true)
      assert.equal(this.table.hashOf(slot), this.hashOf(key))
      assert.deepEqual(Buffer.from(this.table.keyOf(slot)), Buffer.from(bytesOf(key)))
      assert.ok(slot < this.table.slotsEnd)
    }
  }
}

/** Records with room for long keys, for short ones and for none. */
const levels = fc.constantFrom(null, 0, 4, 5, 6)

test('finds, inserts and removes like a Map', () => {
  const key = fc.string({ unit: fc.constantFrom('a', 'b', 'ü', '\0'), minLength: 1, maxLength: 3 })
  const step = fc.record({ key, remove: fc.boolean() })
  const property = fc.property(fc.array(step, { maxLength: 200 }), levels, (steps, of) => {
    const model = new Model(new SlotRecords(of))
    for (const { key: each, remove } of steps) {
      if (remove) model.remove(each)
      else model.insert(each)
      if (!model.slots.has(each)) assert.equal(model.find(each), 0)
    }
    model.check()
  })
  fc.assert(property, { seed: 42, numRuns: 200 })
})

test('keys keep their slots while the table and its arrays grow', () => {
  const model = new Model()
  const keys = Array.from({ length: 3000 }, (_, n) => `key ${n}`)
  const table = model.table
  const slots = keys.map((key, n) => table.insert(n * 7919, bytesOf(key), 0, bytesOf(key).length))
  keys.forEach((key, n) => {
    assert.equal(table.find(n * 7919, bytesOf(key), 0, bytesOf(key).length), slots[n])
  })
  assert.equal(table.count, keys.length)
})

test('removed slots are given out again, so that rolling keys need no more of them', () => {
  const model = new Model()
  for (let n = 0; n < 5000; n++) {
    model.insert(`key ${n}`)
    if (n >= 50) model.remove(`key ${n - 50}`)
  }
  model.check()
  assert.ok(model.table.slotsEnd <= 52)
})

test('the bytes of removed keys are used again, even for one longer than all of them', () => {
  const property = fc.property(
    fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 40 }),
    fc.integer({ min: 1, max: 8 }),
    levels,
    (lengths, kept, of) => {
      const model = new Model(new SlotRecords(of))
      lengths.forEach((length, n) => {
        model.insert(String.fromCodePoint(0x4e00 + n).repeat(Math.ceil(length / 3)))
        if (model.slots.size > kept) model.remove([...model.slots.keys()][0]!)
        model.check()
      })
    },
  )
  fc.assert(property, { seed: 42, numRuns: 200 })
})

test('the size that is reported grows and shrinks with the keys', () => {
  const model = new Model()
  const empty = model.table.bytes
  for (let n = 0; n < 100; n++) model.insert(`key ${n}`)
  assert.ok(model.table.bytes > 100 * 6)
  for (let n = 0; n < 100; n++) model.remove(`key ${n}`)
  assert.equal(model.table.bytes, empty)
})
