import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate } from '../../src/aggregate/evaluate.ts'
import { ViewState } from '../../src/aggregate/view-state.ts'
import type { AggregateFunction } from '../../src/model/aggregate-function.ts'
import type { ReadResult } from '../../src/model/message.ts'
import type { Field, Value } from '../../src/model/types.ts'
import {
  engineKey,
  engineRows,
  engineSeed,
  engineView,
  type EngineViewSpec,
} from '../helpers/engine.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute

const amount: Field = { name: 'amount', type: { kind: 'Float64', nullable: true } }
const page: Field = { name: 'page', type: { kind: 'String', nullable: true } }
const functions = ['count', 'sum', 'mean', 'min', 'max', 'last'] as const
const ofAmount = functions.map((fn) => ({ fn, column: 'amount', windowMs: hour }))

function stateOf(spec: Partial<EngineViewSpec> = {}): ViewState {
  const view = engineView({ columns: [amount, page], features: ofAmount, ...spec })
  return new ViewState(view, {
    seed: engineSeed,
    load: () => null,
    loadChunks: () => [],
    capture: () => undefined,
  })
}

interface Given {
  readonly timeMs: number
  readonly timeNs?: number
  readonly amount?: Value
  readonly page?: Value
}

/** One batch of events of the key `ann`. */
function apply(state: ViewState, arrivalMs: number, given: readonly Given[]): void {
  const events = given.map(({ timeMs, timeNs = 0, ...row }) => {
    return { key: 'ann', timeNs: BigInt(timeMs) * 1_000_000n + BigInt(timeNs), row }
  })
  const rows = engineRows(state.view, events)
  rows.endSpan(arrivalMs)
  state.apply(rows, rows.columns)
}

function read(state: ViewState, edgeMs: number, key = 'ann', features?: number[]): ReadResult {
  const { bytes, hash } = engineKey(key)
  const all = state.view.features.map((_, i) => i)
  return evaluate(state, {
    key: { keyHash: hash, bytes, keyStart: 0, keyEnd: bytes.length },
    features: features ?? all,
    edge: { edgeMs, edgeNs: 0 },
  })
}

const nothing = { values: Array(6).fill(null), hasEvents: Array(6).fill(false) }

test('a key that no event was seen of is unseen', () => {
  const state = stateOf()
  apply(state, hour, [{ timeMs: 0, amount: 1 }])
  const unseen = { entity: 'unseen', newestNs: null, ...nothing }
  assert.deepEqual(read(state, hour, 'bob'), { ...unseen, edgeNs: 3_600_000_000_000n })
})

test('before the first event of a view its edge is 1970 and every key unseen', () => {
  const unseen = { entity: 'unseen', newestNs: null, edgeNs: 0n, ...nothing }
  assert.deepEqual(read(stateOf({ leadingEdge: 'latest-event' }), -Infinity), unseen)
})

test('every function answers over the events of its window', () => {
  const state = stateOf()
  const given = [3, null, 8, 1].map((amount, i) => ({ timeMs: i * minute, timeNs: i, amount }))
  apply(state, 10 * minute, given)
  assert.deepEqual(read(state, 10 * minute), {
    entity: 'present',
    newestNs: 180_000_000_003n,
    edgeNs: 600_000_000_000n,
    values: [3n, 12, 4, 1, 8, 1],
    hasEvents: Array(6).fill(true),
  })
})

test('values are answered in the order in which they are asked', () => {
  const state = stateOf()
  apply(state, minute, [
    { timeMs: 0, amount: 5 },
    { timeMs: 1, amount: 7 },
  ])
  assert.deepEqual(read(state, minute, 'ann', [5, 0, 3]).values, [7, 2n, 5])
  assert.deepEqual(read(state, minute, 'ann', []).values, [])
})

test('a key whose newest event lies before every window is expired', () => {
  const state = stateOf()
  apply(state, 0, [{ timeMs: 0, amount: 5 }])
  // Tiles of an hour's window are five minutes wide: the first one leaves it when it is all past.
  assert.equal(read(state, hour + 5 * minute - 1).entity, 'present')
  assert.deepEqual(read(state, hour + 5 * minute), {
    entity: 'expired',
    newestNs: 0n,
    edgeNs: 3_900_000_000_000n,
    ...nothing,
  })
})

test('a window without events is empty while a longer one holds the key', () => {
  const windows = [hour, 24 * hour]
  const features = windows.map((windowMs) => ({ fn: 'count' as const, column: 'amount', windowMs }))
  const state = stateOf({ features })
  apply(state, 0, [{ timeMs: 0, amount: 5 }])
  const { entity, values, hasEvents } = read(state, 3 * hour)
  assert.deepEqual([entity, values, hasEvents], ['present', [null, 1n], [false, true]])
})

test('over nothing but nulls a count is 0 and everything else null', () => {
  const state = stateOf()
  apply(state, minute, [{ timeMs: 0, amount: null }, { timeMs: 1 }])
  const { entity, values, hasEvents } = read(state, minute)
  assert.equal(entity, 'present')
  assert.deepEqual(values, [0n, null, null, null, null, null])
  assert.deepEqual(hasEvents, Array(6).fill(true))
})

test('an integer sum beyond 64 bits is no value, and its mean is one', () => {
  const total: Field = { name: 'total', type: { kind: 'Int64', nullable: true } }
  const features = (['sum', 'mean', 'max'] as const).map((fn) => {
    return { fn, column: 'total', windowMs: hour }
  })
  const max = 2n ** 63n - 1n
  const valuesOf = (...totals: bigint[]): ReadResult['values'] => {
    const state = stateOf({ columns: [total], features })
    const events = totals.map((total) => ({ key: 'ann', timeNs: 0n, row: { total } }))
    const rows = engineRows(state.view, events)
    rows.endSpan(minute)
    state.apply(rows, rows.columns)
    return read(state, minute).values
  }
  assert.deepEqual(valuesOf(max, 1n), [undefined, 2 ** 62, max])
  assert.deepEqual(valuesOf(max, max), [undefined, 2 ** 63, max])
  assert.deepEqual(valuesOf(max, max, -max), [max, 2 ** 63 / 3, max])
  assert.deepEqual(valuesOf(-max, -1n), [-max - 1n, -(2 ** 62), -1n])
  assert.deepEqual(valuesOf(-max, -2n), [undefined, -(2 ** 62), -2n])
})

test('a float sum beyond the range of doubles is no value, and its mean is one', () => {
  const state = stateOf()
  const given = [1.5e308, 1.5e308].map((amount, timeMs) => ({ timeMs, amount }))
  apply(state, minute, given)
  const { values, hasEvents } = read(state, minute)
  assert.deepEqual(values, [2n, undefined, 1.5e308, 1.5e308, 1.5e308, 1.5e308])
  assert.deepEqual(hasEvents, Array(6).fill(true))
  // What comes back into the range is a value again.
  apply(state, minute, [{ timeMs: 2, amount: -1.5e308 }])
  assert.deepEqual(read(state, minute).values, [3n, 1.5e308, 5e307, -1.5e308, 1.5e308, -1.5e308])
})

const numeric: readonly AggregateFunction[] = [
  { name: 'first' },
  { name: 'var_pop' },
  { name: 'var_samp' },
  { name: 'stddev_pop' },
  { name: 'stddev_samp' },
  { name: 'first_n', n: 2 },
  { name: 'last_n', n: 2 },
  { name: 'first_distinct_n', n: 2 },
  { name: 'last_distinct_n', n: 2 },
  { name: 'approx_count_distinct', precision: 8 },
  { name: 'approx_percentile', percentile: 0.5, precision: 100 },
]

test('functions with more to them answer over several tiles, and leave the pool as it was', () => {
  const features = numeric.map((fn) => ({ fn, column: 'amount', windowMs: hour }))
  const state = stateOf({ features })
  const given = [2, 4, null, 4, 4, 5, 5, 7, 9].map((amount, i) => ({ timeMs: i * minute, amount }))
  apply(state, 10 * minute, given)
  const { bytes } = state.pool
  for (let n = 0; n < 3; n++) {
    const { values } = read(state, 10 * minute)
    assert.deepEqual(values, [
      2,
      4,
      32 / 7,
      2,
      Math.sqrt(32 / 7),
      [2, 4],
      [7, 9],
      [2, 4],
      [7, 9],
      5n,
      4,
    ])
    assert.equal(state.pool.bytes, bytes)
  }
})

test('over nothing but nulls, lists are empty, distinct values 0, and the rest null', () => {
  const features = numeric.map((fn) => ({ fn, column: 'amount', windowMs: hour }))
  const state = stateOf({ features })
  apply(state, minute, [{ timeMs: 0, amount: null }])
  assert.deepEqual(read(state, minute).values, [
    ...Array<null>(5).fill(null),
    ...Array<Value[]>(4).fill([]),
    0n,
    null,
  ])
  assert.deepEqual(read(state, 3 * hour).values, Array(11).fill(null))
})

test('a value that cannot be made leaves nothing of the merge behind', () => {
  const fn = { name: 'last_n', n: 3 } as const
  const state = stateOf({ features: [{ fn, column: 'page', windowMs: hour }] })
  apply(state, 20 * minute, [
    { timeMs: 0, page: 'a' },
    { timeMs: 10 * minute, page: 'b' },
  ])
  const { bytes } = state.pool
  const get = state.pool.state.bind(state.pool)
  state.pool.state = (place) => {
    if (place < 0) throw new Error('broken')
    return get(place)
  }
  assert.throws(() => read(state, 20 * minute), /broken/)
  assert.equal(state.pool.bytes, bytes)
  state.pool.state = get
  assert.deepEqual(read(state, 20 * minute).values, [['a', 'b']])
})

test('nulls of one column do not hide the values of another', () => {
  const features = ['amount', 'page'].map((column) => ({
    fn: 'last' as const,
    column,
    windowMs: hour,
  }))
  const state = stateOf({ features })
  apply(state, minute, [
    { timeMs: 0, amount: 1, page: 'home' },
    { timeMs: 1, amount: 2 },
  ])
  assert.deepEqual(read(state, minute).values, [2, 'home'])
})

test('an event ahead of the wall clock is not there until its time has come', () => {
  const state = stateOf()
  apply(state, minute, [
    { timeMs: minute, amount: 1 },
    { timeMs: minute, timeNs: 1, amount: 2 },
    { timeMs: 2 * minute, amount: 4 },
  ])
  const sumAt = (edgeMs: number): Value => {
    state.admit(edgeMs)
    return read(state, edgeMs).values[1]!
  }
  assert.equal(state.parked.count, 2)
  assert.equal(sumAt(minute), 1)
  assert.equal(sumAt(minute + 1), 3)
  assert.equal(sumAt(2 * minute - 1), 3)
  assert.equal(sumAt(2 * minute), 7)
  assert.equal(state.parked.count, 0)
})

test('a later batch admits what was parked, before its own events', () => {
  const features = [{ fn: 'last' as const, column: 'amount', windowMs: hour }]
  const state = stateOf({ features })
  apply(state, 0, [{ timeMs: 10, amount: 1 }])
  assert.equal(read(state, 0).entity, 'unseen')
  apply(state, 10, [{ timeMs: 10, amount: 2 }])
  assert.deepEqual(read(state, 10).values, [2])
})

test('where the latest event is the edge, nothing is parked', () => {
  const state = stateOf({ leadingEdge: 'latest-event' })
  apply(state, 0, [{ timeMs: minute, amount: 1 }])
  assert.equal(state.parked.count, 0)
  assert.equal(state.watermarkMs, minute)
  assert.equal(read(state, minute).values[1], 1)
})

test('an interval is not in its window before it is complete', () => {
  const state = stateOf({ mode: 'interval', intervalMs: 30 * minute })
  apply(state, 30 * minute, [
    { timeMs: 0, amount: 1 },
    { timeMs: 30 * minute - 1, amount: 2 },
  ])
  // min   0         30        60        90
  //       |----0----|----1----|----2----|
  const sumAt = (edgeMs: number): Value => read(state, edgeMs).values[1]!
  assert.equal(sumAt(30 * minute - 1), null)
  apply(state, 30 * minute, [{ timeMs: 30 * minute, amount: 4 }])
  assert.equal(sumAt(30 * minute), 3)
  assert.equal(sumAt(hour - 1), 3)
  assert.equal(sumAt(hour), 7)
  assert.equal(sumAt(90 * minute), 4)
  assert.equal(sumAt(120 * minute), null)
})

test('a key whose only events are in the running interval is present and has no events', () => {
  const state = stateOf({ mode: 'interval', intervalMs: 30 * minute })
  apply(state, minute, [{ timeMs: 0, amount: 1 }])
  const { entity, values, hasEvents } = read(state, minute)
  assert.deepEqual({ entity, values, hasEvents }, { entity: 'present', ...nothing })
})

test('a sawtooth reaches back to the boundary of a tile, before 1970 as well', () => {
  const state = stateOf()
  const edgeMs = -hour
  apply(state, edgeMs, [
    { timeMs: edgeMs - hour - 1, amount: 1 },
    { timeMs: edgeMs - hour, amount: 2 },
    { timeMs: edgeMs, amount: 4 },
  ])
  assert.equal(read(state, edgeMs).values[1], 6)
  assert.equal(read(state, edgeMs + 5 * minute - 1).values[1], 6)
  assert.equal(read(state, edgeMs + 5 * minute).values[1], 4)
})
