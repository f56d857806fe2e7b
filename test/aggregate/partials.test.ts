/**
 * The laws of a partial aggregate, for every function over every type of column that it takes.
 *
 * Two partials are the same when the function makes the same value of them, now and after more.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { functionCases, type FunctionCase } from '../helpers/function-cases.ts'
import { naive } from '../helpers/naive.ts'
import { Tiles, type TileEvent } from '../helpers/tiles.ts'

function tileOf({ values }: FunctionCase): fc.Arbitrary<TileEvent[]> {
  const value = fc.option(values, { nil: null, freq: 4 })
  return fc.array(fc.record({ value, offsetNs: fc.integer({ min: 0, max: 3 }) }), { maxLength: 6 })
}

/** Tiles 1, 2, … with these events, and the last one without any. */
function tilesOf(each: FunctionCase, given: readonly (readonly TileEvent[])[]): Tiles {
  const tiles = new Tiles({ ...each, tiles: given.length + 1 })
  given.forEach((events, i) => tiles.update(i + 1, events))
  return tiles
}

/** The values that count, in the order of time and arrival. */
function valuesOf(given: readonly (readonly TileEvent[])[]) {
  return given
    .flatMap((events) => events.toSorted((a, b) => a.offsetNs - b.offsetNs))
    .map(({ value }) => value)
    .filter((value) => value !== null)
}

/** Over any tiles, the value is that of the events. */
function checkValues(each: FunctionCase, given: readonly TileEvent[][]): void {
  const tiles = tilesOf(each, given)
  assert.deepEqual(tiles.value(1, 2, 3), naive(each.fn, valuesOf(given), each.field))
  assert.deepEqual(tiles.value(2), naive(each.fn, valuesOf([given[1]!]), each.field))
  tiles.update(0, given.flat())
  tiles.drop()
  assert.equal(tiles.pool.bytes, 0, 'a tile takes with it what it has put into the pool')
}

/** Merging is associative, and nothing merged with a tile is the tile. */
function checkMerging(each: FunctionCase, given: readonly TileEvent[][]): void {
  const tiles = tilesOf(each, given)
  const value = tiles.value(1, 2, 3)
  assert.deepEqual(tiles.value([1, 2], 3), value)
  assert.deepEqual(tiles.value(1, [2, 3]), value)
  assert.deepEqual(tiles.value(4, 1, [4], 2, [3, 4]), value)
}

/** Batches of any size add up to the same, and so do tiles of one event. */
function checkBatches(each: FunctionCase, given: readonly TileEvent[][]): void {
  const all = given.flat()
  const tiles = tilesOf(each, [all, given[0]!])
  for (const event of given[1]!) tiles.update(2, [event])
  tiles.update(2, given[2]!)
  const value = tiles.value(1)
  assert.deepEqual(tiles.value(2), value)
  const ordered = all.toSorted((a, b) => a.offsetNs - b.offsetNs)
  const single = tilesOf(
    each,
    ordered.map((event) => [event]),
  )
  assert.deepEqual(single.value(...ordered.map((_, i) => i + 1)), value)
}

/** Tiles that are folded into a wider one are as if their events had gone there. */
function checkFolding(each: FunctionCase, given: readonly TileEvent[][]): void {
  const tiles = tilesOf(each, given)
  if (!tiles.isFolded) return
  const shifted = given.map((events, tile) =>
    events.map(({ value, offsetNs }) => ({ value, offsetNs: offsetNs + 10 * tile })),
  )
  tiles.fold(4, 1, 0)
  tiles.fold(4, 2, 10)
  assert.deepEqual(tiles.value(4), tiles.value(1, 2))
  // One of the second that comes late: it knows its own time, and so must what was folded.
  tiles.update(4, shifted[1]!)
  tiles.fold(4, 3, 20)
  const told = tilesOf(each, [[...shifted[0]!, ...shifted[1]!, ...shifted[1]!, ...shifted[2]!]])
  assert.deepEqual(tiles.value(4), told.value(1))
  tiles.drop()
  assert.equal(tiles.pool.bytes, 0, "what was folded is the wider tile's own")
}

/** What was stored goes on as if it had not been. */
function checkStored(each: FunctionCase, given: readonly TileEvent[][]): void {
  const tiles = tilesOf(each, given)
  const loaded = tiles.stored()
  assert.equal(loaded.pool.bytes, tiles.pool.bytes)
  for (const both of [tiles, loaded]) both.update(2, given[2]!)
  assert.deepEqual(loaded.value(1, 2, 3), tiles.value(1, 2, 3))
  assert.equal(loaded.pool.bytes, tiles.pool.bytes)
  loaded.drop()
  assert.equal(loaded.pool.bytes, 0)
}

/** The order of the events does not show. */
function checkOrder(each: FunctionCase, given: readonly TileEvent[][]): void {
  const reversed = tilesOf(
    each,
    given.map((events) => events.toReversed()),
  )
  assert.deepEqual(reversed.value(3, 1, 2), tilesOf(each, given).value(1, 2, 3))
}

for (const each of functionCases) {
  test(`${each.name} is what its definition says, and keeps the laws of a partial`, () => {
    const isOrdered = /^(?:first|last)/.test(each.fn.name)
    const tile = tileOf(each)
    const property = fc.property(fc.tuple(tile, tile, tile), (given) => {
      checkValues(each, given)
      checkMerging(each, given)
      checkBatches(each, given)
      checkFolding(each, given)
      checkStored(each, given)
      if (!isOrdered) checkOrder(each, given)
    })
    fc.assert(property, { seed: 42, numRuns: 40 })
  })
}
