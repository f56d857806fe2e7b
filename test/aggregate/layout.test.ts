import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planLevels } from '../../src/aggregate/layout.ts'
import { eventsCell, tileCell } from '../../src/aggregate/row-layout.ts'
import type { Field } from '../../src/model/types.ts'
import type { PlainFunction } from '../../src/model/aggregate-function.ts'
import { engineSeed, engineView, type FeatureSpec } from '../helpers/engine.ts'

const hour = 3_600_000
const day = 24 * hour

const amount: Field = { name: 'amount', type: { kind: 'Float64', nullable: true } }
const items: Field = { name: 'items', type: { kind: 'Int64', nullable: false } }
const page: Field = { name: 'page', type: { kind: 'String', nullable: true } }
const columns = [amount, items, page]

function featureOf(fn: PlainFunction, column: string, windowMs = hour): FeatureSpec {
  return { fn, column, windowMs }
}

function levelsOf(features: readonly FeatureSpec[], intervalMs = 0) {
  const mode = intervalMs === 0 ? 'sawtooth' : 'interval'
  return planLevels({ view: engineView({ columns, features, mode, intervalMs }), seed: engineSeed })
}

test('sum, mean and count of one column share a sum and a count', () => {
  const [level] = levelsOf([
    featureOf('sum', 'amount'),
    featureOf('mean', 'amount'),
    featureOf('count', 'amount'),
  ])
  const [sum, mean, count] = level!.groups[0]!.features
  assert.equal(level!.partials.length, 2)
  assert.deepEqual(sum!.at, mean!.at)
  assert.equal(new Set([sum, mean, count].map((each) => each!.countAt)).size, 1)
  assert.deepEqual(count!.at, [])
})

test('variance and deviation take the same sum as the mean, and a sum of squares', () => {
  const functions = ['mean', 'var_pop', 'stddev_samp'] as const
  const [level] = levelsOf(functions.map((fn) => featureOf(fn, 'amount')))
  const [mean, variance, deviation] = level!.groups[0]!.features
  assert.deepEqual(variance!.at, deviation!.at)
  assert.equal(variance!.at[0], mean!.at[0])
  assert.equal(variance!.at.length, 2)
  assert.equal(level!.partials.length, 3)
})

test('percentiles of one precision share their counts', () => {
  const fnOf = (percentile: number, precision: number) =>
    ({ name: 'approx_percentile', percentile, precision }) as const
  const functions = [fnOf(0.5, 100), fnOf(0.9, 100), fnOf(0.9, 20)]
  const features = functions.map((fn) => ({ fn, column: 'amount', windowMs: hour }))
  const [level] = planLevels({ view: engineView({ columns, features }), seed: engineSeed })
  const [median, high, rough] = level!.groups[0]!.features
  assert.deepEqual(median!.at, high!.at)
  assert.notDeepEqual(high!.at, rough!.at)
})

test('windows of one width share the partials, and each reads only its own', () => {
  const features = [
    featureOf('sum', 'amount', hour),
    featureOf('sum', 'amount', 2 * hour),
    featureOf('max', 'page', 2 * hour),
  ]
  const [level, ...others] = levelsOf(features)
  assert.deepEqual(others, [])
  const [short, long] = level!.groups
  assert.deepEqual([short!.span.sizeMs, long!.span.sizeMs], [hour, 2 * hour])
  assert.deepEqual(short!.features[0]!.at, long!.features[0]!.at)
  // The sum and the count of amounts; with the largest page and the count of pages.
  assert.deepEqual([short!.partials.length, long!.partials.length], [2, 4])
  assert.equal(level!.partials.length, 4)
})

test('a column without nulls is counted by the events of the tile', () => {
  const [level] = levelsOf([featureOf('count', 'items'), featureOf('mean', 'items')])
  const [count, mean] = level!.groups[0]!.features
  assert.deepEqual([count!.countAt, mean!.countAt], [eventsCell, eventsCell])
  assert.equal(level!.partials.length, 1)
  const [nullable] = levelsOf([featureOf('count', 'amount')])
  assert.notEqual(nullable!.groups[0]!.features[0]!.countAt, eventsCell)
})

test('the cells of a row do not overlap and fill the row', () => {
  const functions = ['count', 'min', 'max', 'last'] as const
  const features = columns.flatMap(({ name }) => functions.map((fn) => featureOf(fn, name)))
  const [level] = levelsOf([...features, featureOf('sum', 'amount'), featureOf('sum', 'items')])
  const taken = level!.partials.flatMap(({ partial, at }) =>
    Array.from({ length: partial.cells }, (_, cell) => at + cell),
  )
  const all = [tileCell, eventsCell, ...taken].toSorted((a, b) => a - b)
  assert.deepEqual(
    all,
    Array.from({ length: level!.stride }, (_, cell) => cell),
  )
})

test('the cells that hold places in the pool are known, with how what is there is stored', () => {
  const features = [
    featureOf('sum', 'amount'),
    featureOf('last', 'page'),
    featureOf('min', 'page'),
    featureOf('last', 'items'),
  ]
  const [level] = levelsOf(features)
  const placed = level!.groups[0]!.features
  // The sum of floats has its spill in its third cell.
  const [sum, last, min] = placed.map(({ at }) => at[0]!)
  assert.deepEqual(level!.valueCells, [sum! + 2, last, min])
  assert.equal(level!.valueCodecs.length, 3)
})

test('sawtooth windows are served by levels of their tile widths, narrowest first', () => {
  const levels = levelsOf([
    featureOf('count', 'items', 30 * day),
    featureOf('count', 'items', hour),
    featureOf('count', 'items', 10 * day),
    featureOf('count', 'items', day),
  ])
  assert.deepEqual(
    levels.map(({ widthMs, reachMs }) => [widthMs, reachMs]),
    [
      [hour / 12, hour],
      [hour, day],
      [day, 30 * day],
    ],
  )
  const places = levels.map(({ groups }) =>
    groups.flatMap(({ features }) => features.map(({ index }) => index)),
  )
  assert.deepEqual(places, [[1], [3], [0, 2]])
})

test('interval windows all stand on tiles of the interval', () => {
  const features = [featureOf('count', 'items', day), featureOf('count', 'items', hour)]
  const levels = levelsOf(features, hour / 2)
  assert.deepEqual(
    levels.map(({ widthMs, reachMs, groups }) => [widthMs, reachMs, groups.length]),
    [[hour / 2, day, 2]],
  )
})
