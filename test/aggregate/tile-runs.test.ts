import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cells } from '../../src/aggregate/cells.ts'
import { planLevels } from '../../src/aggregate/layout.ts'
import { tileCell } from '../../src/aggregate/row-layout.ts'
import { SlotRecords } from '../../src/aggregate/slot-records.ts'
import { TileRuns } from '../../src/aggregate/tile-runs.ts'
import { ValuePool } from '../../src/aggregate/value-pool.ts'
import { engineSeed, engineView } from '../helpers/engine.ts'

const [level] = planLevels({
  seed: engineSeed,
  view: engineView({
    columns: [{ name: 's', type: { kind: 'String', nullable: true } }],
    features: [
      { column: 's', fn: 'max', windowMs: 60_000 },
      { column: 's', fn: 'last', windowMs: 60_000 },
    ],
  }),
})
const slots = 6

/** Where windows end of which none needs a tile before this one. */
function edgeOf(horizon: number): number {
  return horizon * level!.widthMs + level!.reachMs
}

/** Runs and the Maps that they must equal: slot → tile → the value that marks the tile. */
class Model {
  readonly pool = new ValuePool()
  readonly runs = new TileRuns(level!, this.pool, new SlotRecords(1), 0)
  readonly tiles = Array.from({ length: slots }, () => new Map<number, number>())
  #values = 0
  /** Puts a value of its own into the row of a tile. */
  mark(slot: number, tile: number, horizon: number): void {
    const row = this.runs.row(slot, tile, edgeOf(horizon))
    const tiles = this.tiles[slot]!
    const { f64 } = this.runs.cells
    const cell = row * level!.stride
    assert.notEqual(row, 0, 'row 0 is the sink')
    assert.equal(f64[cell + tileCell], tile)
    const place = level!.valueCells.map((at) => f64[cell + at])
    if (!tiles.has(tile)) {
      assert.deepEqual(place, [0, 0], 'a new tile holds nothing')
      const value = ++this.#values
      for (const at of level!.valueCells) f64[cell + at] = this.pool.add(`value ${value}`)
      tiles.set(tile, value)
    }
    // Making room may have dropped what no window needs.
    const kept = new Set(this.#tilesOf(slot))
    for (const [old] of tiles)
      if (old < Math.min(horizon, tile) && !kept.has(old)) tiles.delete(old)
  }
  drop(slot: number, horizon: number): void {
    this.runs.dropExpired(slot, edgeOf(horizon))
    for (const [tile] of this.tiles[slot]!) if (tile < horizon) this.tiles[slot]!.delete(tile)
  }
  remove(slot: number): void {
    this.runs.remove(slot)
    this.tiles[slot]!.clear()
  }
  check(): void {
    const count = this.tiles.reduce((sum, { size }) => sum + size, 0)
    assert.equal(this.runs.tiles, count)
    this.tiles.forEach((tiles, slot) => {
      assert.deepEqual(
        this.#tilesOf(slot),
        [...tiles.keys()].toSorted((a, b) => a - b),
      )
      assert.deepEqual(
        this.runs
          .segments(slot)
          .flatMap(({ first, rows }) => Array.from({ length: rows }, (_, n) => first + n)),
        Array.from({ length: this.runs.rowCount(slot) }, (_, n) => this.runs.rowAt(slot, n)),
      )
      for (let n = 0; n < this.runs.rowCount(slot); n++) {
        const cell = this.runs.rowAt(slot, n) * level!.stride
        const value = tiles.get(this.runs.cells.f64[cell + tileCell]!)
        for (const at of level!.valueCells) {
          assert.equal(this.pool.get(this.runs.cells.f64[cell + at]!), `value ${value}`)
        }
      }
    })
  }
  #tilesOf(slot: number): number[] {
    return Array.from(
      { length: this.runs.rowCount(slot) },
      (_, n) => this.runs.cells.f64[this.runs.rowAt(slot, n) * level!.stride + tileCell]!,
    )
  }
}

test('rows of a slot are its tiles in order, whatever the order in which they come', () => {
  const slot = fc.integer({ min: 0, max: slots - 1 })
  const tile = fc.integer({ min: -20, max: 20 })
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ slot, mark: tile, horizon: tile }) },
    { weight: 1, arbitrary: fc.record({ slot, drop: tile }) },
    { weight: 1, arbitrary: fc.record({ slot, remove: fc.constant(true) }) },
  )
  const property = fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
    const model = new Model()
    for (const each of steps) {
      if ('mark' in each) model.mark(each.slot, each.mark, each.horizon)
      else if ('drop' in each) model.drop(each.slot, each.drop)
      else model.remove(each.slot)
      model.check()
    }
    for (let each = 0; each < slots; each++) model.remove(each)
    assert.equal(model.runs.bytes, 0)
    assert.equal(model.pool.bytes, 0, 'every value has been released')
  })
  fc.assert(property, { seed: 42, numRuns: 150 })
})

test('the number of tiles before another is found by searching', () => {
  const model = new Model()
  for (const tile of [2, 4, 6, 8]) model.mark(1, tile, -Infinity)
  assert.deepEqual(
    [1, 2, 3, 8, 9].map((tile) => model.runs.lowerBound(1, tile)),
    [0, 0, 1, 3, 4],
  )
})

test('a row number stays good until something is said to have shifted', () => {
  const model = new Model()
  model.mark(1, 10, -Infinity)
  model.mark(1, 12, -Infinity)
  const row = model.runs.row(1, 12, -Infinity)
  const { shifts } = model.runs
  model.mark(2, 5, -Infinity)
  assert.equal(model.runs.row(1, 12, -Infinity), row)
  assert.equal(model.runs.shifts, shifts)
  model.mark(1, 11, -Infinity)
  assert.notEqual(model.runs.shifts, shifts)
})

test('a full run drops what no window needs before it takes more room', () => {
  const model = new Model()
  for (let tile = 0; tile < 4; tile++) model.mark(1, tile, -Infinity)
  const { bytes } = model.runs
  const { shifts } = model.runs
  for (let tile = 4; tile < 1000; tile++) {
    model.mark(1, tile, tile - 3)
    model.check()
  }
  assert.equal(model.runs.bytes, bytes)
  assert.equal(model.runs.shifts, shifts, 'dropping moves nothing')
})

test('what is integers to a partial is so in every new row', () => {
  const [ofInts] = planLevels({
    seed: engineSeed,
    view: engineView({
      columns: [{ name: 'n', type: { kind: 'Int64', nullable: false } }],
      features: (['min', 'max'] as const).map((fn) => ({ column: 'n', fn, windowMs: 60_000 })),
    }),
  })
  const runs = new TileRuns(ofInts!, new ValuePool(), new SlotRecords(1), 0)
  const expected = new Cells(ofInts!.stride)
  for (const { partial, at } of ofInts!.partials) partial.init(expected, at)
  for (let tile = 1; tile < 20; tile++) {
    const row = runs.row(1, tile, -Infinity)
    const words = ofInts!.stride * 2
    const made = runs.cells.low.subarray(row * words, (row + 1) * words)
    expected.f64[tileCell] = tile
    assert.deepEqual(made, expected.low)
  }
})

test('rows that were given back are used again', () => {
  const model = new Model()
  for (let tile = 0; tile < 5; tile++) model.mark(1, tile, -Infinity)
  const cells = model.runs.cells.f64.length
  for (let n = 0; n < 2000; n++) {
    model.remove(1)
    for (let tile = 0; tile < 5; tile++) model.mark(1, tile, -Infinity)
  }
  assert.equal(model.runs.cells.f64.length, cells)
})

test('rows are loaded for an empty slot, any number of them', () => {
  for (const rows of [1, 2, 3, 4, 5, 8, 9, 100]) {
    const { runs } = new Model()
    const first = runs.load(3, rows)
    assert.equal(runs.rowAt(3, 0), first)
    assert.equal(runs.rowCount(3), rows)
    for (let i = 0; i < rows; i++) {
      runs.cells.f64[(first + i) * level!.stride + tileCell] = i
      for (const at of level!.valueCells) runs.cells.f64[(first + i) * level!.stride + at] = 0
    }
    // There is room for one more, or it is made.
    const row = runs.row(3, rows, -Infinity)
    assert.equal(row, runs.rowAt(3, rows))
  }
})
