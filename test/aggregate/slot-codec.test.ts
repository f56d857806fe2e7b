import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteWriter } from '../../src/aggregate/byte-writer.ts'
import { evaluate } from '../../src/aggregate/evaluate.ts'
import { encodeSlot, newestMsOf } from '../../src/aggregate/slot-codec.ts'
import { fromStored, toStored } from '../../src/aggregate/stored-value.ts'
import { ViewState } from '../../src/aggregate/view-state.ts'
import { createDecoder, createEncoder } from '../../src/model/msgpack.ts'
import type { DataType, Field, Value } from '../../src/model/types.ts'
import { engineKey, engineRows, engineSeed, engineView } from '../helpers/engine.ts'
import type { OracleEvent } from '../helpers/oracle.ts'

const encoder = createEncoder()
const decoder = createDecoder({ bytesMax: 1e6, nodesMax: 1e5, depthMax: 32 })

const int64: DataType = { kind: 'Int64', nullable: true }
const text: DataType = { kind: 'String', nullable: true }
const struct: DataType = {
  kind: 'Struct',
  nullable: true,
  fields: [
    { name: 'sku', type: text },
    { name: 'sizes', type: { kind: 'Array', nullable: false, element: int64 } },
  ],
}
const map: DataType = { kind: 'Map', nullable: true, value: struct }

const columns: readonly Field[] = [
  { name: 'n', type: int64 },
  { name: 'x', type: { kind: 'Float64', nullable: true } },
  { name: 's', type: text },
  { name: 'm', type: map },
]
const view = engineView({
  columns,
  features: [
    { column: 'n', fn: 'sum', windowMs: 60_000 },
    { column: 'x', fn: 'mean', windowMs: 86_400_000 },
    { column: 's', fn: 'min', windowMs: 60_000 },
    { column: 's', fn: 'last', windowMs: 86_400_000 },
    { column: 'm', fn: 'last', windowMs: 86_400_000 },
    { column: 'm', fn: 'count', windowMs: 60_000 },
    { column: 'x', fn: 'stddev_samp', windowMs: 60_000 },
    { column: 'm', fn: { name: 'last_n', n: 2 }, windowMs: 86_400_000 },
    { column: 's', fn: { name: 'first_distinct_n', n: 3 }, windowMs: 60_000 },
    { column: 's', fn: { name: 'approx_count_distinct', precision: 4 }, windowMs: 86_400_000 },
    {
      column: 'n',
      fn: { name: 'approx_percentile', percentile: 0.5, precision: 20 },
      windowMs: 86_400_000,
    },
  ],
})

const structs: fc.Arbitrary<Value> = fc
  .record({
    sku: fc.option(fc.string()),
    sizes: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  })
  .map((parts) => Object.assign(Object.create(null) as Record<string, Value>, parts))
const maps: fc.Arbitrary<Value> = fc
  .array(fc.tuple(fc.oneof(fc.string(), fc.constant('__proto__')), fc.option(structs)))
  .map((parts) => new Map(parts))

const row = fc.record({
  n: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  x: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
  s: fc.option(fc.string({ unit: 'grapheme' })),
  m: fc.option(maps),
})
const events: fc.Arbitrary<OracleEvent[]> = fc.array(
  fc.record({ key: fc.constant('k'), timeNs: fc.bigInt({ min: -(10n ** 14n), max: 0n }), row }),
  { minLength: 1, maxLength: 20 },
)

function stateWith(load: () => Uint8Array | null): ViewState {
  return new ViewState(view, {
    seed: engineSeed,
    load,
    loadChunks: () => [],
    capture: () => undefined,
  })
}

function valuesOf(state: ViewState) {
  const { bytes, hash: keyHash } = engineKey('k')
  const features = view.features.map((_, i) => i)
  const key = { keyHash, bytes, keyStart: 0, keyEnd: bytes.length }
  return evaluate(state, { key, features, edge: { edgeMs: 0, edgeNs: 0 } })
}

test('a key that was stored and loaded answers as before, whatever its values', () => {
  const property = fc.property(events, (given) => {
    const state = stateWith(() => null)
    const rows = engineRows(view, given)
    rows.endSpan(0)
    state.apply(rows, rows.columns)
    const { bytes, hash } = engineKey('k')
    const slot = state.slotOf(hash, bytes, 0, bytes.length)
    if (slot === 0) return
    const writer = new ByteWriter(8)
    encodeSlot(
      writer,
      slot,
      state.records.newestMs(slot),
      state.records.newestNs(slot),
      state.levels,
      state.pool,
    )
    const stored = writer.since(0).slice()
    assert.equal(newestMsOf(stored), state.records.newestMs(slot))
    const loaded = stateWith(() => stored)
    assert.deepEqual(valuesOf(loaded), valuesOf(state))
    loaded.remove(loaded.slotOf(hash, bytes, 0, bytes.length))
    assert.equal(loaded.pool.bytes, 0, 'the values of a key go with it')
  })
  fc.assert(property, { seed: 42, numRuns: 200 })
})

test('a stored key that cannot be loaded leaves nothing behind, and may be loaded later', () => {
  const state = stateWith(() => null)
  const m: Value = new Map([['a', null]])
  const rows = engineRows(view, [
    { key: 'k', timeNs: -1n, row: { n: 1n, x: 2, s: 'text', m } },
    { key: 'k', timeNs: -(10n ** 13n), row: { n: 2n, x: 3, s: 'more', m } },
  ])
  rows.endSpan(0)
  state.apply(rows, rows.columns)
  const { bytes, hash } = engineKey('k')
  const slot = state.slotOf(hash, bytes, 0, bytes.length)
  const writer = new ByteWriter(8)
  encodeSlot(
    writer,
    slot,
    state.records.newestMs(slot),
    state.records.newestNs(slot),
    state.levels,
    state.pool,
  )
  const whole = writer.since(0).slice()
  const otherFormat = whole.slice()
  otherFormat[0] = 99
  const valuesAt = state.levels.reduce(
    (at, { level, runs }) => at + 4 + runs.rowCount(slot) * level.stride * 8,
    16,
  )
  const values = decoder.decode(whole, valuesAt) as unknown[]
  const lastIsOdd = encoder.encode([...values.slice(0, -1), 5])
  const odd = Buffer.concat([whole.subarray(0, valuesAt), lastIsOdd])
  const damaged = [otherFormat, whole.slice(0, 20), whole.slice(0, -1), odd]
  let stored = whole
  const loaded = stateWith(() => stored)
  for (const bad of damaged) {
    stored = bad
    assert.throws(() => valuesOf(loaded))
    assert.equal(loaded.keys.count, 0)
    assert.equal(loaded.pool.bytes, 0)
  }
  stored = whole
  assert.deepEqual(valuesOf(loaded), valuesOf(state))
})

test('values come back from msgpack as they went in, whatever their type', () => {
  const list: DataType = { kind: 'Array', nullable: false, element: map }
  const property = fc.property(fc.array(fc.option(maps)), (value) => {
    const bytes = encoder.encode(toStored(list, value as readonly Value[]))
    assert.deepEqual(fromStored(list, decoder.decode(bytes)), value)
  })
  fc.assert(property, { seed: 42, numRuns: 200 })
})
