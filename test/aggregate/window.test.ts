import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spansOf, tilesOf } from '../../src/aggregate/window.ts'

const window = { sizeMs: 20_000, offsetMs: 0 }

test('a sawtooth window reaches from a boundary to the tile of its edge', () => {
  // s     0         10        20        30        40    45
  //       |----0----|----1----|----2----|----3----|----4----|
  // W=20 s                    [=========================t
  assert.deepEqual(tilesOf('sawtooth', window, 10_000, 45_000), { first: 2, last: 4 })
  // s     0         10        20        30        40
  //       |----0----|----1----|----2----|----3----|----4----|
  // W=20 s                    [===================t          the edge itself is in tile 4
  assert.deepEqual(tilesOf('sawtooth', window, 10_000, 40_000), { first: 2, last: 4 })
  // One ms before, the window begins a tile earlier.
  assert.deepEqual(tilesOf('sawtooth', window, 10_000, 39_999), { first: 1, last: 3 })
})

test('an interval window is made of the complete tiles before its edge', () => {
  // s     0         10        20        30        40    45
  //       |----0----|----1----|----2----|----3----|----4----|
  // W=20 s                    [===================)     t
  assert.deepEqual(tilesOf('interval', window, 10_000, 45_000), { first: 2, last: 3 })
  // s     0         10        20        30        40
  //       |----0----|----1----|----2----|----3----|----4----|
  // W=20 s                    [===================)          at 40 s, tile 3 is complete
  assert.deepEqual(tilesOf('interval', window, 10_000, 40_000), { first: 2, last: 3 })
  assert.deepEqual(tilesOf('interval', window, 10_000, 39_999), { first: 1, last: 2 })
})

test('tiles before 1970 are numbered downwards and begin at their lower end', () => {
  // s     -40       -30       -20       -10       0         10
  //       |---(-4)--|---(-3)--|---(-2)--|---(-1)--|----0----|
  // W=20 s          [=====================t                     at -9 s
  assert.deepEqual(tilesOf('sawtooth', window, 10_000, -9000), { first: -3, last: -1 })
  // W=20 s          [===================)                       complete until -10 s
  assert.deepEqual(tilesOf('interval', window, 10_000, -9000), { first: -3, last: -2 })
  // W=20 s                    [=============================t   across 1970, at 5 s
  assert.deepEqual(tilesOf('sawtooth', window, 10_000, 5000), { first: -2, last: 0 })
})

test('a window with an offset ends on a boundary, whatever the mode', () => {
  const earlier = { sizeMs: 20_000, offsetMs: 10_000 }
  // s     0         10        20        30        40    45
  //       |----0----|----1----|----2----|----3----|----4----|
  // W=20 s, 10 s ago [==================)               t
  assert.deepEqual(tilesOf('sawtooth', earlier, 10_000, 45_000), { first: 1, last: 2 })
  assert.deepEqual(tilesOf('interval', earlier, 10_000, 45_000), { first: 1, last: 2 })
  // An offset that is no multiple of the width ends a boundary earlier.
  const odd = { sizeMs: 20_000, offsetMs: 6000 }
  assert.deepEqual(tilesOf('sawtooth', odd, 10_000, 45_000), { first: 1, last: 2 })
  assert.deepEqual(tilesOf('sawtooth', odd, 10_000, 46_000), { first: 2, last: 3 })
})

test('a window of all time begins with the first tile there is', () => {
  const all = { sizeMs: Infinity, offsetMs: 0 }
  assert.deepEqual(tilesOf('sawtooth', all, 10_000, 45_000), { first: -Infinity, last: 4 })
})

test('a series is its windows, the earliest first', () => {
  const series = { kind: 'series', sizeMs: 2, fromMs: 10, toMs: 2, stepMs: 3 } as const
  assert.deepEqual(spansOf(series), [
    { sizeMs: 2, offsetMs: 8 },
    { sizeMs: 2, offsetMs: 5 },
    { sizeMs: 2, offsetMs: 2 },
  ])
  assert.deepEqual(spansOf({ kind: 'time', sizeMs: 7, offsetMs: 3 }), [{ sizeMs: 7, offsetMs: 3 }])
})
