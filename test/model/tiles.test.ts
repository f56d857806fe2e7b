import assert from 'node:assert/strict'
import { test } from 'node:test'
import { intervalMsMax, sawtoothTilesMax, windowMsMax } from '../../src/base/limits.ts'
import { sawtoothTileMs, sawtoothTilesMs } from '../../src/model/tiles.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

test('tiles of a sawtooth are the widest of the ladder that cut it into ten or more', () => {
  assert.equal(sawtoothTileMs(10 * second), second)
  assert.equal(sawtoothTileMs(50 * second), 5 * second)
  assert.equal(sawtoothTileMs(5 * minute), 30 * second)
  assert.equal(sawtoothTileMs(10 * minute), minute)
  assert.equal(sawtoothTileMs(hour), 5 * minute)
  assert.equal(sawtoothTileMs(day), hour)
  assert.equal(sawtoothTileMs(7 * day), 6 * hour)
  assert.equal(sawtoothTileMs(30 * day), day)
})

test('a window that no wider tile divides is cut by a narrower one', () => {
  assert.equal(sawtoothTileMs(51 * second), second)
  assert.equal(sawtoothTileMs(61 * minute), minute)
  assert.equal(sawtoothTileMs(11 * second), second)
})

test('the trailing edge of a sawtooth reaches back at most a tenth too far', () => {
  for (let windowMs = 10 * second; windowMs < 40 * day; windowMs += 7919 * second) {
    const widthMs = sawtoothTileMs(windowMs)
    assert.ok(widthMs * 10 <= windowMs)
    assert.equal(windowMs % widthMs, 0)
  }
})

test('each width of the ladder divides the next, and the widest the longest window', () => {
  const steps = [...sawtoothTilesMs, windowMsMax]
  steps.slice(1).forEach((next, i) => assert.equal(next % steps[i]!, 0))
  // So every window has a neighbour that few enough tiles make up.
  assert.ok(windowMsMax / sawtoothTilesMs.at(-1)! <= sawtoothTilesMax)
})

test('a double tells every nanosecond within the widest tile', () => {
  for (const widthMs of [...sawtoothTilesMs, intervalMsMax]) {
    assert.ok(widthMs * 1e6 <= Number.MAX_SAFE_INTEGER)
  }
})
