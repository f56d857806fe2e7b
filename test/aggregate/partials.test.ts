/**
 * The laws of a partial aggregate, for every partial over every kind of column.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cells } from '../../src/aggregate/cells.ts'
import type { Partial } from '../../src/aggregate/partial.ts'
import { count } from '../../src/aggregate/partials/count.ts'
import { extremeFloat, extremeInt, extremeValue } from '../../src/aggregate/partials/extreme.ts'
import { latest } from '../../src/aggregate/partials/latest.ts'
import { floatSum, intSum, sumFloat, sumInt } from '../../src/aggregate/partials/sum.ts'
import { ValuePool } from '../../src/aggregate/value-pool.ts'
import { Column } from '../../src/model/rows.ts'
import type { DataType, Value } from '../../src/model/types.ts'

const int64 = fc.oneof(
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
  fc.constantFrom(0n, -1n, (1n << 63n) - 1n, -(1n << 63n), 1n << 32n, -(1n << 32n)),
)
const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff })
/** Doubles whose sums are exact in 106 bits. */
const float64 = fc
  .double({ min: -1e9, max: 1e9, noNaN: true })
  .map((x) => Math.round(x * 1024) / 1024 + 0)
const text = fc.string({ unit: 'binary', maxLength: 3 })

const kinds: Readonly<Record<string, { type: DataType; values: fc.Arbitrary<Value> }>> = {
  Int64: { type: { kind: 'Int64', nullable: true }, values: int64 },
  Int32: { type: { kind: 'Int32', nullable: true }, values: int32 },
  Timestamp: { type: { kind: 'Timestamp', nullable: true }, values: int64 },
  Float64: { type: { kind: 'Float64', nullable: true }, values: float64 },
  String: { type: { kind: 'String', nullable: true }, values: text },
  Bool: { type: { kind: 'Bool', nullable: true }, values: fc.boolean() },
}

interface Case {
  readonly name: string
  readonly partial: Partial
  readonly kind: string
  readonly isCommutative: boolean
}

function casesOf(name: string, partial: Partial, of: readonly string[], isCommutative = true) {
  return of.map((kind): Case => ({ name: `${name} of ${kind}`, partial, kind, isCommutative }))
}

const ints = ['Int64', 'Int32', 'Timestamp']
const cases: readonly Case[] = [
  ...casesOf('count', count, Object.keys(kinds)),
  ...casesOf('sum', sumInt, ['Int64', 'Int32']),
  ...casesOf('sum', sumFloat, ['Float64']),
  ...(['min', 'max'] as const).flatMap((which) => [
    ...casesOf(which, extremeInt(which), ints),
    ...casesOf(which, extremeFloat(which), ['Float64']),
    ...casesOf(which, extremeValue(which), ['String']),
  ]),
  ...casesOf('last', latest('int'), ints, false),
  ...casesOf('last', latest('float'), ['Float64'], false),
  ...casesOf('last', latest('value'), ['String', 'Bool'], false),
]

/** An event of a tile: its value and when it was, ns after the start of the tile. */
interface TileEvent {
  readonly value: Value
  readonly offsetNs: number
}

/** A few partials side by side, of one kind over one column. */
class Bench {
  readonly pool = new ValuePool()
  readonly cells: Cells
  readonly #partial: Partial
  readonly #type: DataType

  constructor({ partial, kind }: Case, count: number) {
    this.#partial = partial
    this.#type = kinds[kind]!.type
    this.cells = new Cells(count * partial.cells)
    for (let n = 0; n < count; n++) partial.init(this.cells, this.at(n))
  }

  at(n: number): number {
    return n * this.#partial.cells
  }

  update(n: number, events: readonly TileEvent[]): void {
    const column = new Column({ name: 'x', type: this.#type })
    column.grow(events.length)
    events.forEach(({ value }, i) => column.set(i, value))
    const rows = {
      count: events.length,
      cellOf: new Int32Array(events.length).fill(this.at(n)),
      offsetNs: Float64Array.from(events, ({ offsetNs }) => offsetNs),
    }
    this.#partial.update(this.cells, 0, rows, column, this.pool)
  }

  merge(into: number, from: number): void {
    this.#partial.merge(this.cells, this.at(into), this.cells, this.at(from), this.pool)
  }

  /** What a partial says, with the values of its places for the places. */
  content(n: number): readonly unknown[] {
    return Array.from({ length: this.#partial.cells }, (_, i) => {
      const cell = this.at(n) + i
      if (this.#partial.valueCells.includes(i)) return this.pool.get(this.cells.f64[cell]!)
      return [this.cells.high[2 * cell + 1], this.cells.low[2 * cell]]
    })
  }
}

function tileOf({ kind }: Case): fc.Arbitrary<TileEvent[]> {
  const value = fc.option(kinds[kind]!.values, { nil: null, freq: 4 })
  return fc.array(fc.record({ value, offsetNs: fc.integer({ min: 0, max: 5 }) }), { maxLength: 6 })
}

/** Checks a property of a case for generated tiles, each later than the one before. */
function check(each: Case, tiles: number, body: (...tiles: readonly TileEvent[][]) => void): void {
  const generated = Array.from({ length: tiles }, () => tileOf(each))
  const property = fc.property(fc.tuple(...generated), (given) => body(...given))
  fc.assert(property, { seed: 42, numRuns: 100 })
}

for (const each of cases) {
  test(`${each.name}: nothing merged with a tile, on either side, is the tile`, () => {
    check(each, 1, (tile) => {
      const bench = new Bench(each, 3)
      bench.update(0, tile!)
      const content = bench.content(0)
      bench.merge(0, 1)
      assert.deepEqual(bench.content(0), content)
      bench.merge(2, 0)
      assert.deepEqual(bench.content(2), content)
    })
  })

  test(`${each.name}: merging is associative`, () => {
    check(each, 3, (...tiles) => {
      const left = new Bench(each, 3)
      const right = new Bench(each, 3)
      tiles.forEach((tile, n) => {
        left.update(n, tile)
        right.update(n, tile)
      })
      left.merge(0, 1)
      left.merge(0, 2)
      right.merge(1, 2)
      right.merge(0, 1)
      assert.deepEqual(left.content(0), right.content(0))
    })
  })

  test(`${each.name}: events added at once equal events added one by one`, () => {
    check(each, 1, (tile) => {
      const bench = new Bench(each, 2)
      bench.update(0, tile!)
      for (const event of tile!) bench.update(1, [event])
      assert.deepEqual(bench.content(0), bench.content(1))
    })
  })

  test(`${each.name}: events added equal their partials merged in the order of time`, () => {
    check(each, 1, (tile) => {
      const bench = new Bench(each, 2 + tile!.length)
      bench.update(0, tile!)
      const ordered = tile!.toSorted((a, b) => a.offsetNs - b.offsetNs)
      ordered.forEach((event, n) => bench.update(2 + n, [event]))
      ordered.forEach((_, n) => bench.merge(1, 2 + n))
      assert.deepEqual(bench.content(0), bench.content(1))
    })
  })

  if (!each.isCommutative) continue
  test(`${each.name}: the order of the events does not show`, () => {
    check(each, 1, (tile) => {
      const bench = new Bench(each, 2)
      bench.update(0, tile!)
      bench.update(1, tile!.toReversed())
      assert.deepEqual(bench.content(0), bench.content(1))
    })
  })
}

test('the latest value is that of the greatest time, and the last to arrive among equals', () => {
  const subject = {
    name: '',
    partial: latest('value'),
    kind: 'String',
    isCommutative: false,
  } as const
  const bench = new Bench(subject, 1)
  const said = (): unknown => bench.content(0)[0]
  bench.update(0, [{ value: 'b', offsetNs: 5 }])
  bench.update(0, [{ value: 'a', offsetNs: 4 }])
  assert.equal(said(), 'b')
  bench.update(0, [{ value: 'c', offsetNs: 5 }])
  assert.equal(said(), 'c')
  bench.update(0, [{ value: null, offsetNs: 9 }])
  assert.equal(said(), 'c')
})

test('strings compare by code point, not by UTF-16 unit', () => {
  const max: Case = { name: '', partial: extremeValue('max'), kind: 'String', isCommutative: true }
  const bench = new Bench(max, 1)
  bench.update(0, [{ value: '\u{1f600}', offsetNs: 0 }])
  bench.update(0, [{ value: '\uffff', offsetNs: 0 }])
  assert.deepEqual(bench.content(0), ['\u{1f600}'])
})

test('a sum of integers is exact beyond 64 bits', () => {
  const bench = new Bench({ name: '', partial: sumInt, kind: 'Int64', isCommutative: true }, 1)
  const largest = (1n << 63n) - 1n
  bench.update(
    0,
    Array.from({ length: 1000 }, () => ({ value: largest, offsetNs: 0 })),
  )
  assert.equal(intSum(bench.cells, 0), largest * 1000n)
  bench.update(
    0,
    Array.from({ length: 1000 }, () => ({ value: -largest, offsetNs: 0 })),
  )
  assert.equal(intSum(bench.cells, 0), 0n)
})

test('a sum of floats that leaves the range of doubles is none', () => {
  const bench = new Bench({ name: '', partial: sumFloat, kind: 'Float64', isCommutative: true }, 1)
  bench.update(
    0,
    [1e308, 1e308, -1e308].map((value) => ({ value, offsetNs: 0 })),
  )
  assert.equal(floatSum(bench.cells, 0), undefined)
})
