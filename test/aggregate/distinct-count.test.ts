/**
 * Distinct counts: exact while they are few, within the stated error beyond, and made of the set of
 * values and the secret of the store alone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HashSeed } from '../../src/base/hash.ts'
import { Cells } from '../../src/aggregate/cells.ts'
import {
  distinctCount,
  distinctCountValue,
  exactMax,
} from '../../src/aggregate/partials/distinct-count.ts'
import { hashWords } from '../../src/aggregate/partials/value-hash.ts'
import { ValuePool } from '../../src/aggregate/value-pool.ts'
import { Column } from '../../src/model/rows.ts'
import type { Field, Value } from '../../src/model/types.ts'
import { engineSeed } from '../helpers/engine.ts'
import { Tiles } from '../helpers/tiles.ts'

const int64: Field = { name: 'x', type: { kind: 'Int64', nullable: false } }
const text: Field = { name: 'x', type: { kind: 'String', nullable: false } }

function tilesOf(field: Field, precision: number, ...tiles: readonly (readonly Value[])[]): Tiles {
  const fn = { name: 'approx_count_distinct', precision } as const
  const made = new Tiles({ fn, field, tiles: tiles.length })
  tiles.forEach((values, i) => {
    made.update(
      i + 1,
      values.map((value) => ({ value, offsetNs: 0 })),
    )
  })
  return made
}

const numbers = (from: number, to: number): Value[] =>
  Array.from({ length: to - from }, (_, i) => BigInt(from + i))
const names = (from: number, to: number): Value[] =>
  Array.from({ length: to - from }, (_, i) => `user ${from + i}`)

test('few values are counted exactly, however often they come', () => {
  for (const precision of [4, 8, 12]) {
    for (const many of [1, 2, 63, exactMax(precision)]) {
      const [some, others] = [names(0, many), names(Math.floor(many / 2), many)]
      assert.equal(tilesOf(text, precision, [...some, ...some]).value(1), BigInt(many))
      assert.equal(tilesOf(text, precision, others, some).value(1, 2), BigInt(many))
    }
  }
})

test('neither order nor tiles show, on both sides of where counting is no longer exact', () => {
  const max = exactMax(8)
  for (const many of [max - 1, max, max + 1, max + 2, 3 * max, 2000]) {
    const values = numbers(0, many)
    const value = tilesOf(int64, 8, values).value(1)
    const thirds = [0, 1, 2].map((n) => values.filter((_, i) => i % 3 === n))
    const tiles = tilesOf(int64, 8, ...thirds, [...values.toReversed(), ...values])
    assert.equal(tiles.value(3, 1, 2), value)
    assert.equal(tiles.value([4], [2, 1]), value)
    assert.equal(tiles.value(1, 4, 2, 4), value)
    assert.equal(tiles.stored().value(2, 3, 1), value)
  }
})

/** The estimates for growing sets: the numbers from 0 on, as integers. */
function estimates(precision: number, sizes: readonly number[], factor: bigint): bigint[] {
  const partial = distinctCount({ precision, field: int64, seed: engineSeed })
  const pool = new ValuePool()
  const cells = new Cells(2)
  const column = new Column(int64)
  const rowsMax = 10_000
  column.grow(rowsMax)
  const cellOf = new Int32Array(rowsMax).fill(1)
  const rows = { from: 0, cellOf, offsetNs: new Float64Array(rowsMax), columns: [column] }
  let next = 0
  return sizes.map((size) => {
    while (next < size) {
      const count = Math.min(rowsMax, size - next)
      for (let i = 0; i < count; i++) column.set(i, BigInt(next + i) * factor)
      partial.update(cells, 0, { ...rows, to: count }, column, pool)
      next += count
    }
    return distinctCountValue(cells, 1, pool)
  })
}

const sizes = [1, 10, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 1_000_000]

for (const precision of [4, 8, 12, 16]) {
  test(`one to a million are counted within four standard errors: precision ${precision}`, () => {
    const error = 1.04 / Math.sqrt(2 ** precision)
    for (const factor of precision === 8 ? [1n, 1n << 32n, 1_000_003n] : [1n]) {
      const found = estimates(precision, sizes, factor)
      sizes.forEach((size, i) => {
        const off = Math.abs(Number(found[i]) - size) / size
        assert.ok(off <= 4 * error, `${found[i]} instead of ${size}`)
        if (size <= exactMax(precision)) assert.equal(found[i], BigInt(size))
      })
    }
  })
}

test('over many sets, the estimate has no bias and the stated error', () => {
  const precision = 8
  for (const size of [200, 1000, 5000]) {
    const sets = 200
    const errors = Array.from({ length: sets }, (_, set) => {
      const values = numbers(set * size, (set + 1) * size)
      return Number(tilesOf(int64, precision, values).value(1)) / size - 1
    })
    const mean = errors.reduce((sum, each) => sum + each, 0) / sets
    const spread = Math.sqrt(errors.reduce((sum, each) => sum + each * each, 0) / sets)
    const stated = 1.04 / Math.sqrt(2 ** precision)
    assert.ok(Math.abs(mean) < (4 * stated) / Math.sqrt(sets), `bias ${mean} of ${size}`)
    assert.ok(spread < 1.15 * stated, `error ${spread} of ${size}`)
  }
})

test('values that count as one for one secret count as many for another', () => {
  const known = { k0: 0, k1: 0 }
  // Found by trying: their hashes begin with eight zeros, so they share a register.
  const alike: number[] = []
  for (let n = 0; alike.length < 1000; n++) {
    if (hashWords(known, 2, n, 0, '') < 2 ** 45) alike.push(n)
  }
  const column = new Column(int64)
  column.grow(alike.length)
  alike.forEach((n, i) => column.set(i, BigInt(n)))
  const count = alike.length
  const cellOf = new Int32Array(count).fill(1)
  const rows = { from: 0, to: count, cellOf, offsetNs: new Float64Array(count), columns: [column] }
  const countBy = (seed: HashSeed): number => {
    const pool = new ValuePool()
    const cells = new Cells(2)
    distinctCount({ precision: 8, field: int64, seed }).update(cells, 0, rows, column, pool)
    return Number(distinctCountValue(cells, 1, pool))
  }
  assert.ok(countBy(known) < 10)
  const error = 1.04 / Math.sqrt(2 ** 8)
  for (const seed of [engineSeed, { k0: 1, k1: 0 }, { k0: 0, k1: 1 }]) {
    assert.ok(Math.abs(countBy(seed) / count - 1) < 4 * error)
  }
})

// By another implementation of HalfSipHash, with one round and three.
const stored: readonly [HashSeed, readonly number[]][] = [
  [
    { k0: 0, k1: 0 },
    [
      2962319759696404, 5441629756520454, 2089551824300944, 6205578196148559, 7380821736021442,
      4277696408689049, 7200181585266543, 3950055505159012,
    ],
  ],
  [
    engineSeed,
    [
      2748419621970624, 7260448304319372, 2739202555058534, 4724822387642784, 8413696463671461,
      3489307018070462, 1753616281536997, 1985991910362230,
    ],
  ],
]

test('hashes are what they were when they were stored', () => {
  for (const [seed, hashes] of stored) {
    const found = [
      hashWords(seed, 1, 0, 0, ''),
      hashWords(seed, 1, 0, 0, 'a'),
      hashWords(seed, 1, 0, 0, 'user 42'),
      hashWords(seed, 1, 0, 0, '\u{1f600}\u00ff'),
      hashWords(seed, 2, 42, 0, ''),
      hashWords(seed, 2, 0xffffffff, -1, ''),
      hashWords(seed, 3, 0, 0x3ff00000, ''),
      hashWords(seed, 4, 1, 0, ''),
    ]
    assert.deepEqual(found, hashes)
  }
})

test('values that differ in a bit, or in their length, have hashes that differ in many', () => {
  const hashes = new Set<number>()
  const texts = ['', '\0', '\0\0', '\0\0\0', 'a', 'b', 'aa', 'ab', 'ba', 'a\0', '\u0161', '\u6100']
  for (const each of texts) hashes.add(hashWords(engineSeed, 1, 0, 0, each))
  assert.equal(hashes.size, texts.length)
  let flipped = 0
  const pairs = 500
  for (let i = 0; i < pairs; i++) {
    const a = BigInt(hashWords(engineSeed, 2, i, 0, ''))
    const b = BigInt(hashWords(engineSeed, 2, i ^ (1 << (i % 32)), 0, ''))
    flipped += (a ^ b).toString(2).replaceAll('0', '').length
  }
  assert.ok(Math.abs(flipped / pairs - 26.5) < 1, 'half of them')
})
