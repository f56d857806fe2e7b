/**
 * The oracle, checked by hand: whoever doubts the engine starts here.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Value } from '../../src/model/types.ts'
import type { PlainFunction } from '../../src/model/aggregate-function.ts'
import { featureOf } from './engine.ts'
import { oracle, type OracleEvent, type OracleView } from './oracle.ts'

const second = 1_000_000_000n

/** A view over one column `x`, with one feature per function. */
function viewOf(
  mode: OracleView['mode'],
  windowMs: number,
  fns: readonly PlainFunction[],
  kind: 'Int64' | 'Int32' | 'Float64' | 'String' = 'Int64',
): OracleView {
  return {
    mode,
    intervalMs: mode === 'interval' ? 10_000 : 0,
    columns: [{ name: 'x', type: { kind, nullable: true } }],
    features: fns.map((fn) => featureOf({ column: 'x', fn, windowMs })),
  }
}

/** Events of one key from `[ns, value]`. */
function eventsOf(...pairs: readonly (readonly [bigint, Value])[]): OracleEvent[] {
  return pairs.map(([timeNs, x]) => ({ key: 'a', timeNs, row: { x } }))
}

const at10s = (): number => 10_000

test('a sawtooth window ends at its edge and begins on the boundary before', () => {
  //  s   0         10        20        30        40    45
  //      |---------|---------|---------|---------|-----|---
  //  exact               (20 s back: 25)               t
  //  window              [=============================t      tiles of 10 s: from 20
  //  events           1  2         4                   8 16
  const events = eventsOf(
    [20n * second - 1n, 1n],
    [20n * second, 2n],
    [30n * second, 4n],
    [45n * second, 8n],
    [45n * second + 1n, 16n],
  )
  const view = viewOf('sawtooth', 20_000, ['sum', 'count'])
  assert.deepEqual(oracle(events, view, 'a', 45n * second, at10s), [14n, 3n])
})

test('an interval window is made of complete tiles, its end excluded', () => {
  //  s   0         10        20        30        40    45
  //      |---------|---------|---------|---------|-----|---
  //  window                  [===================)     t
  //  events                 12         4        8 16
  const events = eventsOf(
    [20n * second - 1n, 1n],
    [20n * second, 2n],
    [30n * second, 4n],
    [40n * second - 1n, 8n],
    [40n * second, 16n],
  )
  const view = viewOf('interval', 20_000, ['sum', 'count'])
  assert.deepEqual(oracle(events, view, 'a', 45n * second, at10s), [14n, 3n])
  assert.deepEqual(oracle(events, view, 'a', 40n * second, at10s), [14n, 3n])
  assert.deepEqual(oracle(events, view, 'a', 40n * second - 1n, at10s), [3n, 2n])
})

test('tiles before 1970 begin before their events, not after', () => {
  //  s   -30       -20       -10       0
  //      |---------|---------|---------|
  //  window        [==========t                 -25 s is in the tile from -30
  //  events       1 2         4
  const events = eventsOf([-20n * second - 1n, 1n], [-20n * second, 2n], [-9n * second, 4n])
  const view = viewOf('sawtooth', 10_000, ['sum'])
  assert.deepEqual(oracle(events, view, 'a', -9n * second, at10s), [6n])
  assert.deepEqual(oracle(events, view, 'a', -10n * second, at10s), [2n])
})

test('each feature has its own window, and other keys do not count', () => {
  const events = eventsOf([5n * second, 1n], [50n * second, 2n])
  events.push({ key: 'b', timeNs: 50n * second, row: { x: 100n } })
  const view = viewOf('sawtooth', 60_000, ['sum'])
  const both = {
    ...view,
    features: [...view.features, featureOf({ column: 'x', fn: 'sum', windowMs: 10_000 })],
  }
  assert.deepEqual(oracle(events, both, 'a', 55n * second, at10s), [3n, 2n])
})

test('every function leaves nulls out, and a window without events has no value at all', () => {
  const fns = ['count', 'sum', 'mean', 'min', 'max', 'last'] as const
  const view = viewOf('sawtooth', 10_000, fns)
  const some = eventsOf([1n, 5n], [2n, null], [3n, 2n], [4n, null])
  assert.deepEqual(oracle(some, view, 'a', 9n, at10s), [2n, 7n, 3.5, 2n, 5n, 2n])
  const nulls = eventsOf([1n, null])
  assert.deepEqual(oracle(nulls, view, 'a', 9n, at10s), [0n, null, null, null, null, null])
  assert.deepEqual(oracle([], view, 'a', 9n, at10s), [null, null, null, null, null, null])
})

test('last is the value at the latest event time, and of equal times the latest to arrive', () => {
  const view = viewOf('sawtooth', 10_000, ['last'], 'String')
  const events = eventsOf([7n, 'first at 7'], [7n, 'second at 7'], [6n, 'arrived last'])
  assert.deepEqual(oracle(events, view, 'a', 9n, at10s), ['second at 7'])
})

test('strings are ordered by code point, not by UTF-16 unit', () => {
  const view = viewOf('sawtooth', 10_000, ['min', 'max'], 'String')
  const events = eventsOf([1n, '\u{1f600}'], [2n, '\uff5e'], [3n, 'a'])
  assert.deepEqual(oracle(events, view, 'a', 9n, at10s), ['a', '\u{1f600}'])
})

test('sums of integers are exact beyond 2^53, and no values beyond 64 bits; means are', () => {
  const largest = 2n ** 63n - 1n
  const view = viewOf('sawtooth', 10_000, ['sum', 'mean'])
  const beyond = eventsOf([1n, largest], [2n, 1n])
  assert.deepEqual(oracle(beyond, view, 'a', 9n, at10s), [undefined, 2 ** 62])
  const back = [...beyond, ...eventsOf([3n, -2n])]
  assert.deepEqual(oracle(back, view, 'a', 9n, at10s), [largest - 1n, 2 ** 63 / 3])
  const narrow = viewOf('sawtooth', 10_000, ['sum', 'max'], 'Int32')
  assert.deepEqual(oracle(eventsOf([1n, 3], [2n, 4]), narrow, 'a', 9n, at10s), [7n, 4])
})

test('sums of floats are exact and rounded once', () => {
  const view = viewOf('sawtooth', 10_000, ['sum'], 'Float64')
  const sumOf = (...values: number[]): Value | undefined =>
    oracle(eventsOf(...values.map((x) => [1n, x] as const)), view, 'a', 9n, at10s)[0]
  assert.equal(sumOf(0.1, 0.2), 0.1 + 0.2)
  assert.equal(sumOf(1e16, 1, -1e16), 1)
  assert.equal(sumOf(1, 1e100, 1, -1e100), 2)
  // Half a unit of the last place: to even, and up with the slightest more.
  assert.equal(sumOf(2 ** 53, 1), 2 ** 53)
  assert.equal(sumOf(2 ** 53, 1, 2 ** -1074), 2 ** 53 + 2)
  assert.equal(sumOf(-(2 ** 53), -3), -(2 ** 53) - 4)
  assert.equal(sumOf(5e-324, 5e-324, 2 ** -1022), 2 ** -1022 + 1e-323)
  assert.equal(sumOf(Number.MAX_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE), Number.MAX_VALUE)
  assert.equal(sumOf(Number.MAX_VALUE, Number.MAX_VALUE), undefined)
})

test('the sum of one or two floats is what the machine adds, of all in any order the same', () => {
  const view = viewOf('sawtooth', 10_000, ['sum'], 'Float64')
  const sumOf = (values: readonly number[]): Value =>
    oracle(eventsOf(...values.map((x) => [1n, x] as const)), view, 'a', 9n, at10s)[0]!
  const float = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e307, max: 1e307 })
  fc.assert(
    fc.property(fc.array(float, { minLength: 2, maxLength: 9 }), (values) => {
      const [a, b] = values as [number, number]
      assert.equal(sumOf([a, b]), a + b + 0)
      assert.equal(sumOf([a]), a + 0)
      assert.equal(sumOf(values), sumOf(values.toReversed()))
    }),
    { seed: 42, numRuns: 300 },
  )
})
