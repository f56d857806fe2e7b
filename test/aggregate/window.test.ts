import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sawtoothTileMs, tilesOf } from '../../src/aggregate/window.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

test('a sawtooth window reaches from a boundary to the tile of its edge', () => {
  // s     0         10        20        30        40    45
  //       |----0----|----1----|----2----|----3----|----4----|
  // W=20 s                    [=========================t
  assert.deepEqual(tilesOf('sawtooth', 20_000, 10_000, 45_000), { first: 2, last: 4 })
  // s     0         10        20        30        40
  //       |----0----|----1----|----2----|----3----|----4----|
  // W=20 s                    [===================t          the edge itself is in tile 4
  assert.deepEqual(tilesOf('sawtooth', 20_000, 10_000, 40_000), { first: 2, last: 4 })
  // One ms before, the window begins a tile earlier.
  assert.deepEqual(tilesOf('sawtooth', 20_000, 10_000, 39_999), { first: 1, last: 3 })
})

test('an interval window is made of the complete tiles before its edge', () => {
  // s     0         10        20        30        40    45
  //       |----0----|----1----|----2----|----3----|----4----|
  // W=20 s                    [===================)     t
  assert.deepEqual(tilesOf('interval', 20_000, 10_000, 45_000), { first: 2, last: 3 })
  // s     0         10        20        30        40
  //       |----0----|----1----|----2----|----3----|----4----|
  // W=20 s                    [===================)          at 40 s, tile 3 is complete
  assert.deepEqual(tilesOf('interval', 20_000, 10_000, 40_000), { first: 2, last: 3 })
  assert.deepEqual(tilesOf('interval', 20_000, 10_000, 39_999), { first: 1, last: 2 })
})

test('tiles before 1970 are numbered downwards and begin at their lower end', () => {
  // s     -40       -30       -20       -10       0         10
  //       |---(-4)--|---(-3)--|---(-2)--|---(-1)--|----0----|
  // W=20 s          [=====================t                     at -9 s
  assert.deepEqual(tilesOf('sawtooth', 20_000, 10_000, -9000), { first: -3, last: -1 })
  // W=20 s          [===================)                       complete until -10 s
  assert.deepEqual(tilesOf('interval', 20_000, 10_000, -9000), { first: -3, last: -2 })
  // W=20 s                    [=============================t   across 1970, at 5 s
  assert.deepEqual(tilesOf('sawtooth', 20_000, 10_000, 5000), { first: -2, last: 0 })
})

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
