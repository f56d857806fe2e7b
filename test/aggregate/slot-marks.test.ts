import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SlotMarks } from '../../src/aggregate/slot-marks.ts'
import { SlotRecords } from '../../src/aggregate/slot-records.ts'

/** Slots with a version each, and what a checkpoint has captured of them. */
function createSlots(count: number) {
  const versions = new Array<number>(count).fill(0)
  const captured = new Map<number, number>()
  const marks = new SlotMarks(new SlotRecords(0), (slot) => {
    assert.equal(captured.has(slot), false, 'a slot is captured once')
    captured.set(slot, versions[slot]!)
  })
  const change = (slot: number): void => {
    marks.touch(slot)
    versions[slot]! += 1
  }
  return { versions, captured, marks, change }
}

test('a checkpoint captures every changed slot as it was when the checkpoint began', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ change: fc.integer({ min: 0, max: 19 }) }) },
    { weight: 2, arbitrary: fc.record({ capture: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 1, arbitrary: fc.constant({ begin: true }) },
  )
  const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
    const { versions, captured, marks, change } = createSlots(20)
    let changed = new Set<number>()
    let expected: Map<number, number> | null = null
    const finish = (): void => {
      if (expected === null) return
      while (!marks.captureSome(3));
      assert.deepEqual(new Map(captured), new Map(expected))
      expected = null
    }
    for (const each of steps) {
      if ('change' in each) {
        change(each.change)
        changed.add(each.change)
      } else if ('capture' in each) marks.captureSome(each.capture)
      else {
        finish()
        captured.clear()
        expected = new Map([...changed].map((slot) => [slot, versions[slot]!]))
        changed = new Set()
        assert.equal(marks.unstoredCount, expected.size)
        marks.beginCapture((slot) => (slot * 2654435761) >>> 0)
      }
      assert.equal(marks.dirtyCount, changed.size)
    }
    finish()
  })
  fc.assert(property, { seed: 42, numRuns: 300 })
})

test('slots are captured in the order of their hashes', () => {
  const order: number[] = []
  const records = new SlotRecords(0)
  records.grow(100)
  const marks = new SlotMarks(records, (slot) => order.push(slot))
  const hashOf = (slot: number): number => (slot * 2654435761) >>> 0
  for (let slot = 1; slot < 100; slot++) marks.touch(slot)
  marks.beginCapture(hashOf)
  while (!marks.captureSome(7));
  assert.equal(order.length, 99)
  assert.deepEqual(
    order,
    order.toSorted((a, b) => hashOf(b) - hashOf(a)),
  )
})

test('only what is stored may be evicted, and what was used goes a turn later', () => {
  const { marks, change } = createSlots(4)
  change(1)
  assert.equal(marks.mayEvict(1), false)
  marks.beginCapture(() => 0)
  assert.equal(marks.isClean(1), false)
  assert.equal(marks.mayEvict(1), false)
  marks.captureSome(1)
  assert.equal(marks.isClean(1), true)
  assert.equal(marks.mayEvict(1), false, 'its change was a use')
  assert.equal(marks.mayEvict(1), true)
  marks.use(1)
  assert.equal(marks.mayEvict(1), false)
  assert.equal(marks.mayEvict(1), true)
})

test('a slot that was cleared while it was pending is not captured', () => {
  const { captured, marks, change } = createSlots(4)
  change(2)
  marks.beginCapture(() => 0)
  marks.clear(2)
  assert.equal(marks.captureSome(10), true)
  assert.equal(captured.size, 0)
})
