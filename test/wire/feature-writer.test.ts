import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FeatureRow, FeatureState } from '../../src/model/contracts.ts'
import type { DataType } from '../../src/model/types.ts'
import { decodeServerFrame, encodeFeatures } from '../../src/wire/protocol.ts'

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const scalar = (kind: 'Int64' | 'Int32' | 'Float64' | 'Timestamp' | 'String'): DataType => {
  return { kind, nullable: true }
}

const cells = [
  { type: scalar('Int64'), value: int64 },
  { type: scalar('Timestamp'), value: int64 },
  { type: scalar('Float64'), value: fc.double() },
  { type: scalar('Int32'), value: fc.integer() },
  { type: scalar('String'), value: fc.string({ maxLength: 300 }) },
  {
    type: { kind: 'Array', element: scalar('Int64'), nullable: true },
    value: fc.array(fc.option(int64)),
  },
] as const

const state = fc.constantFrom<FeatureState[]>('present', 'null', 'empty', 'overflow', 'unseen')

/** Whole seconds and others, within all three forms of a timestamp. */
const instant = fc.oneof(
  int64,
  fc.nat().map((seconds) => BigInt(seconds) * 1_000_000_000n),
  fc.constantFrom(-1n, 0n, 1n, 2n ** 32n * 1_000_000_000n, 2n ** 32n * 1_000_000_000n - 1n),
)

/** So many features, and rows of them in which neighbours are often the same. */
const table = fc.array(fc.nat(cells.length - 1), { maxLength: 40 }).chain((kinds) => {
  const each = <T>(of: (kind: number) => fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
    fc.tuple(...kinds.map(of))
  const row = fc.record<FeatureRow>(
    {
      values: each((kind) => fc.option(cells[kind]!.value as fc.Arbitrary<unknown>)),
      states: fc.oneof(
        each(() => state),
        state.map((one) => kinds.map(() => one)),
      ),
      newestNs: each(() => fc.option(fc.oneof(fc.constant(5n), instant))),
      edgeNs: fc.oneof(
        each(() => instant),
        instant.map((one) => kinds.map(() => one)),
      ),
    },
    { noNullPrototype: true },
  )
  return fc.record({
    names: fc.constant(kinds.map((_, i) => `feature ${i}`)),
    types: fc.constant(kinds.map((kind) => cells[kind]!.type)),
    rows: fc.array(row, { maxLength: 20 }),
  })
})

test('a table is read back as it was written, whatever is the same in it', () => {
  const property = fc.property(fc.nat(), table, (id, { names, types, rows }) => {
    const frame = decodeServerFrame(encodeFeatures(id, { names, types, rows }))
    assert.deepEqual(frame, { kind: 'features', id, table: { names, rows } })
  })
  fc.assert(property, { seed: 1 })
})

test('tables that need more room than the last one are whole, and do not share it', () => {
  const type = scalar('String')
  const rowOf = (text: string): FeatureRow => {
    return { values: [text], states: ['present'], newestNs: [null], edgeNs: [1n] }
  }
  const frames = [1, 70_000, 1].map((rows) => {
    const text = 'x'.repeat(rows === 1 ? 1 : 20)
    const list = Array.from({ length: rows }, () => rowOf(text))
    return encodeFeatures(rows, { names: ['a'], types: [type], rows: list })
  })
  for (const [n, rows] of [1, 70_000, 1].entries()) {
    const frame = decodeServerFrame(frames[n]!)
    assert.ok(frame?.kind === 'features')
    assert.equal(frame.table.rows.length, rows)
    assert.deepEqual(frame.table.rows.at(-1)!.values, [rows === 1 ? 'x' : 'x'.repeat(20)])
  }
})
