import assert from 'node:assert/strict'
import { test } from 'node:test'
import { intervalMsMax, windowMsMax } from '../../src/base/limits.ts'
import {
  continuousTileMs,
  lifetimeTileMs,
  sawtoothTileMs,
  tileLadderMs,
} from '../../src/model/tiles.ts'

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

test('the trailing edge of a sawtooth reaches back at most a tenth too far', () => {
  for (let windowMs = 10 * second; windowMs < 40 * day; windowMs += 7919 * second) {
    assert.ok(sawtoothTileMs(windowMs) * 10 <= windowMs)
  }
})

test('no sawtooth is made of more than some dozens of tiles, or of one a day', () => {
  for (let windowMs = 10 * second; windowMs < 10 * day; windowMs += 7919 * second) {
    assert.ok(windowMs / sawtoothTileMs(windowMs) <= 60)
  }
  assert.ok(windowMsMax / sawtoothTileMs(windowMsMax) <= 2000)
})

test('tiles of a continuous window are the widest that cut it into 64 or more, or a second', () => {
  assert.equal(continuousTileMs(second), second)
  assert.equal(continuousTileMs(63 * second), second)
  assert.equal(continuousTileMs(320 * second), 5 * second)
  assert.equal(continuousTileMs(hour), 30 * second)
  assert.equal(continuousTileMs(day), 5 * minute)
  assert.equal(continuousTileMs(30 * day), 6 * hour)
  for (let windowMs = 64 * second; windowMs < 60 * day; windowMs += 7919 * second) {
    assert.ok(windowMs / continuousTileMs(windowMs) <= 64 * 6)
  }
})

test('a double tells every nanosecond within the widest tile', () => {
  for (const widthMs of [...tileLadderMs, intervalMsMax, lifetimeTileMs]) {
    assert.ok(widthMs * 1e6 <= Number.MAX_SAFE_INTEGER)
  }
})
