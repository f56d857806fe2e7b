import assert from 'node:assert/strict'
import { test } from 'node:test'
import { intakeBytesMax } from '../../src/base/limits.ts'
import { Shares } from '../../src/intake/shares.ts'

/** Producers with a session each, and whether they are held back. */
function setUp(count: number) {
  const shares = new Shares()
  const held = Array.from({ length: count }, () => false)
  const parts = held.map((_, n) => {
    const share = shares.create()
    shares.attach(share, (isHeld) => {
      held[n] = isHeld
    })
    return share
  })
  return { shares, held, add: (n: number, bytes: number) => shares.add(bytes, parts[n]!), parts }
}

test('below the bound nobody is held back, however much one has of it', () => {
  const { held, add } = setUp(3)
  add(0, intakeBytesMax - 1)
  add(1, 1)
  assert.deepEqual(held, [false, false, false])
})

test('beyond it, who has more than a share is, until half of it is left; others are not', () => {
  const { held, add } = setUp(3)
  add(0, intakeBytesMax * 0.9)
  add(1, intakeBytesMax * 0.2)
  assert.deepEqual(held, [true, false, false])
  // Two hold something: a share is half of the bound.
  add(1, intakeBytesMax * 0.31)
  assert.deepEqual(held, [true, true, false])
  add(0, -intakeBytesMax * 0.6)
  assert.deepEqual(held, [true, true, false])
  add(0, -intakeBytesMax * 0.1)
  assert.deepEqual(held, [false, true, false])
})

test('when half of all is done, everybody goes on', () => {
  const { held, add, shares } = setUp(2)
  add(0, intakeBytesMax + 1)
  assert.deepEqual(held, [true, false])
  add(0, -intakeBytesMax / 2)
  assert.deepEqual(held, [true, false])
  add(0, -1)
  assert.deepEqual(held, [false, false])
  assert.equal(shares.bytes, intakeBytesMax / 2)
})

test('beyond twice the bound nobody goes on, newcomers included, until it is kept again', () => {
  const { held, add, shares } = setUp(2)
  add(0, 2 * intakeBytesMax + 1)
  assert.deepEqual(held, [true, true])
  let late = false
  shares.attach(shares.create(), (isHeld) => (late = isHeld))
  assert.equal(late, true)
  add(0, -intakeBytesMax)
  assert.deepEqual([...held, late], [true, true, true])
  add(0, -1)
  assert.deepEqual([...held, late], [true, false, false])
})

test('a session that follows another is told when its producer is held back', () => {
  const { held, add, shares, parts } = setUp(1)
  add(0, intakeBytesMax + 1)
  shares.detach(parts[0]!)
  held[0] = false
  shares.attach(parts[0]!, (isHeld) => {
    held[0] = isHeld
  })
  assert.deepEqual(held, [true])
})

test('what a replay holds counts for all, and holds back nobody who holds nothing', () => {
  const { held, add, shares } = setUp(2)
  add(0, 1)
  shares.add(intakeBytesMax, null)
  assert.deepEqual(held, [false, false])
  add(0, intakeBytesMax)
  assert.deepEqual(held, [true, true])
})
