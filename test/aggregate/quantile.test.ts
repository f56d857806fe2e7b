/**
 * Percentiles of more values than are kept one by one: within the stated error, on data that is
 * made to be hard.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Field, Value } from '../../src/model/types.ts'
import { ranked, unitsOf } from '../helpers/naive.ts'
import { Tiles } from '../helpers/tiles.ts'

const percentiles = [0, 0.001, 0.01, 0.07, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1]
const precisions = [20, 100, 128, 129, 500]
const float: Field = { name: 'x', type: { kind: 'Float64', nullable: false } }

interface Given {
  readonly field?: Field
  readonly tiles?: number
  readonly percentile: number
  readonly precision: number
}

/** The values, dealt out to tiles in turn. */
function tilesOf(values: readonly Value[], given: Given): Tiles {
  const { field = float, tiles: count = 1, percentile, precision } = given
  const fn = { name: 'approx_percentile', percentile, precision } as const
  const tiles = new Tiles({ fn, field, tiles: count })
  for (let tile = 1; tile <= count; tile++) {
    const own = values.filter((_, i) => i % count === tile - 1)
    tiles.update(
      tile,
      own.map((value) => ({ value, offsetNs: 0 })),
    )
  }
  return tiles
}

const absolute = (value: bigint): bigint => (value < 0n ? -value : value)

let state = 1
/** Of 0 … 1, by a linear congruence. */
function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) | 0
  return (state >>> 0) / 2 ** 32
}

const count = 3000
const numbers = Array.from({ length: count }, (_, i) => i)
const datasets: Readonly<Record<string, readonly number[]>> = {
  uniform: numbers.map(() => random()),
  'powers of two': numbers.map((i) => 2 ** ((i % 2098) - 1074)),
  'powers of ten, of both signs': numbers.map((i) => 10 ** (i % 300) * (i % 2 === 0 ? 1 : -1)),
  'huge and tiny': numbers.map((i) => (i % 3 === 0 ? 1e300 : 1e-300) * (1 + random())),
  subnormal: numbers.map((i) => (i - 1000) * 2 ** -1074 + 0),
  negative: numbers.map(() => -1000 * random()),
  'around zero': numbers.map((i) => (i - 1500) / 7),
  'mostly equal': numbers.map((i) => (i < 2500 ? 5 : i)),
  'next to each other': numbers.map((i) => 1 + i * 2 ** -52),
  largest: numbers.map((i) => Number.MAX_VALUE * (1 - i * 2 ** -53)),
}

for (const [name, values] of Object.entries(datasets)) {
  test(`percentiles are within their error of the value at the rank: ${name}`, () => {
    for (const precision of precisions) {
      for (const percentile of percentiles) {
        const value = tilesOf(values, { percentile, precision }).value(1) as number
        const exact = ranked(values, percentile)
        const error = absolute(unitsOf(value) - unitsOf(exact))
        assert.ok(
          error * BigInt(precision) <= absolute(unitsOf(exact)),
          `${value} is not ${exact} ± 1/${precision} at ${percentile}`,
        )
      }
    }
  })
}

test('as many distinct values as the precision are exact, however often they come', () => {
  const values = numbers.map((i) => (i * i) % 20)
  const distinct = new Set(values).size
  assert.ok(distinct <= 20)
  for (const percentile of percentiles) {
    const tiles = tilesOf([...values, ...values], { percentile, precision: 20, tiles: 3 })
    assert.equal(tiles.value(1, 2, 3), ranked(values, percentile))
  }
})

test('the smallest and the largest value are exact', () => {
  const values = datasets['huge and tiny']!
  assert.equal(tilesOf(values, { percentile: 0, precision: 20 }).value(1), Math.min(...values))
  assert.equal(tilesOf(values, { percentile: 1, precision: 20 }).value(1), Math.max(...values))
})

test('neither tiles nor order show, on both sides of where values are no longer kept', () => {
  for (const length of [1, 19, 20, 21, 22, 40, 500]) {
    const values = Array.from({ length }, () => 100 * random() - 50)
    for (const percentile of percentiles) {
      const given = { percentile, precision: 20 }
      const value = tilesOf(values, given).value(1)
      const tiles = tilesOf(values.toReversed(), { ...given, tiles: 4 })
      assert.equal(tiles.value(1, 2, 3, 4), value)
      assert.equal(tiles.value([4, 3], [1, 2]), value)
      assert.equal(tiles.stored().value(2, 3, 4, 1), value)
    }
  }
})

test('a rank that decimals mean is that rank', () => {
  const values = Array.from({ length: 100 }, (_, i) => i + 1)
  // 0.07 · 100 is a little more than 7 in doubles, and 0.29 · 100 a little less than 29.
  for (const rank of [7, 14, 28, 29, 55, 56, 57, 58]) {
    const tiles = tilesOf(values, { percentile: rank / 100, precision: 100 })
    assert.equal(tiles.value(1), rank)
  }
})

test('64-bit integers count as the doubles nearest to them', () => {
  const field: Field = { name: 'x', type: { kind: 'Int64', nullable: false } }
  const values = Array.from({ length: 400 }, (_, i) => (BigInt(i) - 200n) ** 7n)
  for (const percentile of percentiles) {
    const value = tilesOf(values, { field, percentile, precision: 50 }).value(1) as number
    const exact = ranked(values.map(Number), percentile)
    assert.ok(Math.abs(value - exact) <= Math.abs(exact) / 50)
  }
})
