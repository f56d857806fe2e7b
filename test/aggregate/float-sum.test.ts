/**
 * Sums of doubles, of their squares, and what is made of them, where doubles lose all they have:
 * against exact arithmetic, in which every finite double is a whole multiple of 2⁻¹⁰⁷⁴.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PlainFunction } from '../../src/model/aggregate-function.ts'
import type { Field, Value } from '../../src/model/types.ts'
import { naive } from '../helpers/naive.ts'
import { Tiles } from '../helpers/tiles.ts'

const field: Field = { name: 'x', type: { kind: 'Float64', nullable: false } }
const functions = ['sum', 'mean', 'var_pop', 'var_samp', 'stddev_pop', 'stddev_samp'] as const

function tilesOf(name: PlainFunction, ...tiles: readonly (readonly number[])[]): Tiles {
  const made = new Tiles({ fn: { name }, field, tiles: tiles.length })
  tiles.forEach((values, i) => {
    made.update(
      i + 1,
      values.map((value) => ({ value, offsetNs: 0 })),
    )
  })
  return made
}

function valueOf(name: PlainFunction, values: readonly number[]): Value | undefined {
  return tilesOf(name, values).value(1)
}

/** Values that cancel out, but for a few. */
function cancelling(value: fc.Arbitrary<number>): fc.Arbitrary<number[]> {
  return fc
    .array(value, { minLength: 1, maxLength: 8 })
    .chain((values) => fc.shuffledSubarray([...values, ...values.map((each) => 0 - each)]))
}

// Over the whole range, and near enough to each other to interact.
const wide = fc.double({ noNaN: true, noDefaultInfinity: true })
const near = fc
  .tuple(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), fc.integer({ min: -90, max: 90 }))
  .map(([mantissa, exponent]) => mantissa * 2 ** exponent)
const powers = fc
  .tuple(fc.constantFrom(1, 3, 5), fc.constantFrom(0, 52, 53, 54, 106, 107, 160, 480, 1000, 1021))
  .chain(([n, exponent]) => fc.constantFrom(n * 2 ** exponent, n * 2 ** -exponent))

for (const name of functions) {
  test(`the ${name} of doubles is the exact one, rounded once, however they are tiled`, () => {
    const values = cancelling(fc.oneof(wide, near, powers)).map((all) => all.map((x) => x + 0))
    const cuts = fc.tuple(fc.nat(16), fc.nat(16))
    const property = fc.property(values, cuts, (all, [a, b]) => {
      const parts = [all.slice(0, a), all.slice(a, a + b), all.slice(a + b)]
      const tiles = tilesOf(name, ...parts, all.toReversed())
      const exact = naive({ name }, all, field)
      assert.deepEqual(tiles.value(1, 2, 3), exact)
      assert.deepEqual(tiles.value([3], [2, 1]), exact)
      assert.deepEqual(tiles.value(4), exact)
      assert.deepEqual(tiles.stored().value(2, 1, 3), exact)
    })
    fc.assert(property, { seed: 42, numRuns: 400 })
  })
}

test('what a plain sum of doubles loses is kept', () => {
  assert.equal(valueOf('sum', [1e16, 1, -1e16, 2 ** -50]), 1 + 2 ** -50)
  assert.equal(valueOf('sum', [2 ** 900, 1, 2 ** -900, -(2 ** 900), -1]), 2 ** -900)
  const tiny = Array<number>(2000).fill(2 ** -56 + 2 ** -108)
  assert.equal(valueOf('sum', [1, ...tiny]), naive({ name: 'sum' }, [1, ...tiny], field))
})

test('a sum may leave the range of doubles on its way, and is none when it ends there', () => {
  assert.equal(valueOf('sum', [1e308, 1e308, -1e308]), 1e308)
  assert.equal(valueOf('sum', [1e308, 1e308]), undefined)
  assert.equal(valueOf('mean', [1e308, 1e308]), 1e308)
  assert.equal(valueOf('var_pop', [1e308, -1e308]), undefined)
  assert.equal(valueOf('stddev_pop', [1e308, -1e308]), 1e308)
})

test('values that differ little have the variance that they have', () => {
  const far = [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]
  assert.equal(valueOf('var_samp', far), 30)
  assert.equal(valueOf('var_pop', far), 22.5)
  assert.equal(valueOf('stddev_pop', Array<number>(1000).fill(0.1)), 0)
  assert.equal(valueOf('var_samp', [2 ** -600, -(2 ** -600)]), 0)
  assert.equal(valueOf('stddev_pop', [2 ** -600, -(2 ** -600)]), 2 ** -600)
})

test('a sample of one value has no variance', () => {
  assert.equal(valueOf('var_samp', [5]), null)
  assert.equal(valueOf('stddev_samp', [5]), null)
  assert.equal(valueOf('var_pop', [5]), 0)
})

test('data as it comes does not need the pool', () => {
  const amounts = Array.from({ length: 5000 }, (_, i) => ((i * 7919) % 100_000) / 100)
  for (const name of ['sum', 'var_pop'] as const) {
    assert.equal(tilesOf(name, amounts).pool.bytes, 0)
    const grown = tilesOf(
      name,
      amounts,
      amounts.map((x) => x * 1e5),
    )
    assert.equal(grown.pool.bytes, 0)
    assert.deepEqual(grown.value(1), naive({ name }, amounts, field))
  }
})
