import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tilesOf } from '../../src/aggregate/window.ts'

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
