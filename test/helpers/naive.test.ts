/**
 * The naive functions, checked by hand: whoever doubts the engine starts here.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AggregateFunction } from '../../src/model/aggregate-function.ts'
import type { Field, Value } from '../../src/model/types.ts'
import { naive, nearest, unitsOf } from './naive.ts'

const fieldOf = (kind: 'Int64' | 'Float64' | 'String'): Field => {
  return { name: 'x', type: { kind, nullable: true } }
}
const ofFloats = (fn: AggregateFunction, ...values: readonly number[]): Value | undefined =>
  naive(fn, values, fieldOf('Float64'))
const ofTexts = (fn: AggregateFunction, ...values: readonly string[]): Value | undefined =>
  naive(fn, values, fieldOf('String'))

test('variances divide by the number of values, or by one less for a sample', () => {
  const values = [2, 4, 4, 4, 5, 5, 7, 9]
  assert.equal(ofFloats({ name: 'var_pop' }, ...values), 4)
  assert.equal(ofFloats({ name: 'var_samp' }, ...values), 32 / 7)
  assert.equal(ofFloats({ name: 'stddev_pop' }, ...values), 2)
  assert.equal(ofFloats({ name: 'stddev_samp' }, ...values), Math.sqrt(32 / 7))
  assert.equal(naive({ name: 'var_samp' }, [1n, 2n], fieldOf('Int64')), 0.5)
  assert.equal(ofFloats({ name: 'var_pop' }, 7), 0)
  assert.equal(ofFloats({ name: 'var_samp' }, 7), null)
  assert.equal(ofFloats({ name: 'stddev_samp' }, 7), null)
})

test('the variance may be beyond the range of doubles where the deviation is not', () => {
  assert.equal(ofFloats({ name: 'var_pop' }, 1e300, -1e300), undefined)
  assert.equal(ofFloats({ name: 'stddev_pop' }, 1e300, -1e300), 1e300)
  assert.equal(ofFloats({ name: 'var_pop' }, 2 ** -700, -(2 ** -700)), 0)
  assert.equal(ofFloats({ name: 'stddev_pop' }, 2 ** -700, -(2 ** -700)), 2 ** -700)
})

test('lists ascend by time, of the first values or of the last', () => {
  const values = ['a', 'b', 'a', 'c', 'b']
  assert.deepEqual(ofTexts({ name: 'first_n', n: 3 }, ...values), ['a', 'b', 'a'])
  assert.deepEqual(ofTexts({ name: 'last_n', n: 2 }, ...values), ['c', 'b'])
  assert.deepEqual(ofTexts({ name: 'first_distinct_n', n: 2 }, ...values), ['a', 'b'])
  assert.deepEqual(ofTexts({ name: 'first_distinct_n', n: 9 }, ...values), ['a', 'b', 'c'])
  assert.deepEqual(ofTexts({ name: 'last_distinct_n', n: 2 }, ...values), ['c', 'b'])
  assert.deepEqual(ofTexts({ name: 'last_distinct_n', n: 9 }, ...values), ['a', 'c', 'b'])
  assert.equal(ofTexts({ name: 'approx_count_distinct', precision: 4 }, ...values), 3n)
})

test('a percentile is the value whose rank is that part of all, rounded up', () => {
  const at = (percentile: number, ...values: readonly number[]): Value | undefined =>
    ofFloats({ name: 'approx_percentile', percentile, precision: 20 }, ...values)
  assert.equal(at(0.5, 3, 1, 2), 2)
  assert.equal(at(0.5, 4, 3, 1, 2), 2)
  assert.equal(at(0.51, 4, 3, 1, 2), 3)
  assert.equal(at(0, 4, 3, 1, 2), 1)
  assert.equal(at(1, 4, 3, 1, 2), 4)
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
  assert.equal(at(0.07, ...hundred), 7)
  assert.equal(at(0.29, ...hundred), 29)
})

test('over no values, counts are 0, lists empty, and everything else null', () => {
  assert.equal(ofFloats({ name: 'count' }), 0n)
  assert.equal(ofFloats({ name: 'approx_count_distinct', precision: 4 }), 0n)
  assert.deepEqual(ofFloats({ name: 'last_n', n: 3 }), [])
  assert.deepEqual(ofFloats({ name: 'first_distinct_n', n: 3 }), [])
  assert.equal(ofFloats({ name: 'var_pop' }), null)
  assert.equal(ofFloats({ name: 'first' }), null)
})

test('the nearest double is found among all of them', () => {
  assert.equal(nearest(1n, 3n, 0), 1 / 3)
  assert.equal(nearest(-2n, 3n, 0), -2 / 3)
  assert.equal(nearest((1n << 53n) + 1n, 1n, 0), 2 ** 53)
  assert.equal(nearest((1n << 53n) + 3n, 1n, 0), 2 ** 53 + 4)
  assert.equal(nearest(1n, 2n, -1074), 0)
  assert.equal(nearest(3n, 4n, -1074), 2 ** -1074)
  assert.equal(nearest(1n, 1n, 1024), Infinity)
  assert.equal(nearest((1n << 54n) - 1n, 1n, 970), Infinity)
  assert.equal(nearest((1n << 54n) - 2n, 1n, 970), Number.MAX_VALUE)
  assert.equal(unitsOf(-3 * 2 ** -1074), -3n)
  assert.equal(unitsOf(1), 1n << 1074n)
})
