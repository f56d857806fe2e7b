import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InFlight } from '../../src/wire/in-flight.ts'

test('credit in use is what was taken in less what was let go', () => {
  const inFlight = new InFlight()
  inFlight.add(4, 5, 100)
  inFlight.add(9, 5, 50)
  assert.deepEqual([inFlight.events, inFlight.bytes], [10, 150])
  assert.ok(!inFlight.exceeds({ events: 10, bytes: 150 }))
  assert.ok(inFlight.exceeds({ events: 9, bytes: 1000 }))
  assert.ok(inFlight.exceeds({ events: 100, bytes: 149 }))
  inFlight.release(8)
  assert.deepEqual([inFlight.events, inFlight.bytes], [5, 50])
  inFlight.add(12, 3, 30)
  inFlight.undo()
  inFlight.release(9)
  assert.deepEqual([inFlight.events, inFlight.bytes], [0, 0])
})

test('a mark is reached when everything before it is let go', () => {
  const inFlight = new InFlight()
  assert.ok(inFlight.reached(inFlight.mark))
  inFlight.add(9, 10, 1)
  const mark = inFlight.mark
  inFlight.add(19, 10, 1)
  assert.ok(!inFlight.reached(mark))
  inFlight.release(9)
  assert.ok(inFlight.reached(mark))
  assert.ok(!inFlight.reached(inFlight.mark))
})

test('a batch sent again waits for the one before it', () => {
  const inFlight = new InFlight()
  inFlight.add(9, 10, 1)
  inFlight.add(4, 5, 1)
  inFlight.release(4)
  assert.equal(inFlight.events, 15)
  inFlight.release(9)
  assert.equal(inFlight.events, 0)
})

test('sums hold through any order of taking in and letting go', () => {
  const steps = fc.array(fc.record({ count: fc.integer({ min: 1, max: 9 }), lag: fc.nat(30) }))
  const property = fc.property(steps, (list) => {
    const inFlight = new InFlight()
    let next = 0
    let acknowledged = -1
    const ends: { last: number; count: number }[] = []
    for (const { count, lag } of list) {
      next += count
      ends.push({ last: next - 1, count })
      inFlight.add(next - 1, count, count * 2)
      acknowledged = Math.max(acknowledged, next - 1 - lag)
      inFlight.release(acknowledged)
      const open = ends.filter(({ last }) => last > acknowledged)
      const events = open.reduce((sum, one) => sum + one.count, 0)
      assert.deepEqual([inFlight.events, inFlight.bytes], [events, events * 2])
    }
  })
  fc.assert(property, { seed: 42, numRuns: 300 })
})
